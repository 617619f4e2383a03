package v1alpha1

// AccessLog says which requests the proxies of a router write a line about.
//
// +kubebuilder:validation:Enum="";notable;environments;all;none
type AccessLog string

// AccessLogNotable, the default, is for what somebody may have to look into:
// answers of 500 and more, whatever Envoy has a response flag for, what the
// baseline has answered for an environment, and what carries rules of its own.
// AccessLogEnvironments adds all requests in an environment.
const (
	AccessLogNotable      AccessLog = "notable"
	AccessLogEnvironments AccessLog = "environments"
	AccessLogAll          AccessLog = "all"
	AccessLogNone         AccessLog = "none"
)

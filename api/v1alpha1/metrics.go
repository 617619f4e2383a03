package v1alpha1

// Metrics says what the proxies of a router count.
//
// +kubebuilder:validation:Enum="";environments;all
type Metrics string

// MetricsEnvironments, the default, is for requests in an environment, and for
// answers of 500 and more by destination. MetricsAll counts all requests, and has
// Envoy count the answers of each destination by class, and their time.
const (
	MetricsEnvironments Metrics = "environments"
	MetricsAll          Metrics = "all"
)

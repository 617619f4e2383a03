package v1alpha1

// Response is one answer of a router's own: a status with a body or without, or
// a redirect.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.path) && has(self.pathPrefix))",message="write path or pathPrefix, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.unrouted) || !self.unrouted || !(has(self.host) || has(self.path) || has(self.pathPrefix))",message="unrouted is for all hosts and paths"
// +kubebuilder:validation:XValidation:rule="!has(self.redirect) || !(has(self.status) || has(self.body) || has(self.contentType))",message="a redirect has no use for status, body and contentType"
// +kubebuilder:validation:XValidation:rule="!has(self.redirect) || !has(self.redirect.pathPrefix) || has(self.pathPrefix)",message="there is no prefix to put pathPrefix of the redirect in place of"
type Response struct {
	// Host that it is for: exact, or "*.suffix" for every name below; default:
	// every host. Ports and the case of letters do not count.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^(\*\.)?[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*$`
	Host string `json:"host,omitempty"`
	// Path that it is for, exactly; a query does not count.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	Path string `json:"path,omitempty"`
	// PathPrefix is for a path and those below it, in whole segments; default: all.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	PathPrefix string `json:"pathPrefix,omitempty"`
	// Unrouted makes it the answer to requests that no rule of the table leads
	// anywhere, in place of 502. It has neither host nor path.
	Unrouted bool `json:"unrouted,omitempty"`
	// Status, 200 to 599; default 200.
	// +kubebuilder:validation:Minimum=200
	// +kubebuilder:validation:Maximum=599
	Status int32 `json:"status,omitempty"`
	// Body as it is sent, at most 32 KiB.
	// +kubebuilder:validation:MaxLength=32768
	Body string `json:"body,omitempty"`
	// ContentType of the body; default text/plain.
	// +kubebuilder:validation:MaxLength=256
	ContentType string `json:"contentType,omitempty"`
	// Headers of the answer.
	// +kubebuilder:validation:MaxProperties=32
	Headers map[string]string `json:"headers,omitempty"`
	// Redirect sends the client elsewhere.
	Redirect *Redirect `json:"redirect,omitempty"`
}

// Redirect says where to. What is not set stays as it is in the request.
//
// +kubebuilder:validation:XValidation:rule="has(self.scheme) || has(self.host) || has(self.path) || has(self.pathPrefix) || has(self.stripQuery) && self.stripQuery",message="the redirect leads to the same place"
// +kubebuilder:validation:XValidation:rule="!(has(self.path) && has(self.pathPrefix))",message="write path or pathPrefix, not both"
type Redirect struct {
	// Scheme: http or https.
	// +kubebuilder:validation:Enum=http;https
	Scheme string `json:"scheme,omitempty"`
	// Host, perhaps with a port.
	// +kubebuilder:validation:MaxLength=260
	Host string `json:"host,omitempty"`
	// Path in place of the request's.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	Path string `json:"path,omitempty"`
	// PathPrefix in place of the response's own pathPrefix.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	PathPrefix string `json:"pathPrefix,omitempty"`
	// StripQuery leaves the query out.
	StripQuery bool `json:"stripQuery,omitempty"`
	// Status: 301, 302 (the default), 303, 307 or 308.
	// +kubebuilder:validation:Enum=301;302;303;307;308
	Status int32 `json:"status,omitempty"`
}

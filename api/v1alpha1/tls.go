package v1alpha1

// RouterTLS says on which port an untrusted router listens for HTTPS, and with
// which certificates. They stand in Secrets of type kubernetes.io/tls, under
// tls.crt (the server's certificate first, then those that signed it) and
// tls.key. A Secret that changes is used at once; no connection ends for it. One
// that is gone or broken leaves the certificate of before in use.
//
// A router with identifier io.l5d.ingress also takes the certificates that its
// Ingresses name in spec.tls. Of two for one host the router's own wins, then
// that of the oldest Ingress.
type RouterTLS struct {
	// Port of HTTPS, 1 to 65535, other than spec.port.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// SecretName is the Secret, of the router's namespace, for clients that ask for
	// a host without a certificate of its own, or for none. Without it these are
	// refused: the connection is closed.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$`
	SecretName string `json:"secretName,omitempty"`
	// Certificates for hosts.
	// +kubebuilder:validation:MaxItems=256
	Certificates []HostCertificate `json:"certificates,omitempty"`
	// RedirectHTTP sends those who come by plain HTTP, for a host that has a
	// certificate of its own, to HTTPS (308). Not below
	// /.well-known/acme-challenge/, where authorities look before there is a
	// certificate. A proxy in front that is trusted (xffNumTrustedHops) says by
	// X-Forwarded-Proto which they came by.
	RedirectHTTP bool `json:"redirectHTTP,omitempty"`
	// RedirectPort is the port in such redirects: the one that clients see, which
	// the Service in front of the proxies decides. Default: none is written, which
	// means 443; one that the request's Host has is kept.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65535
	RedirectPort int32 `json:"redirectPort,omitempty"`
}

// HostCertificate is the certificate for some hosts.
type HostCertificate struct {
	// Hosts that clients ask for: exact, or "*.suffix" for every name below.
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Hosts []string `json:"hosts"`
	// SecretName is a Secret of the router's namespace.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	SecretName string `json:"secretName"`
}

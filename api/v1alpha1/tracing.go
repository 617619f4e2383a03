package v1alpha1

// Tracing has the proxies of a router tell a collector, by OTLP over gRPC, of a
// share of the requests: each is a span that says where it went and why. Who calls
// an internal router decides by traceparent whether its request is among them, and
// the span is one of the caller's trace. At an untrusted router a trace begins.
type Tracing struct {
	// Collector that the proxies tell. Requests never wait for it: what it does not
	// take in time is lost.
	Collector Collector `json:"collector"`
	// Percent of the requests about which nobody before has decided, 0 to 100; up to
	// 4 decimals.
	// +kubebuilder:default="1"
	// +kubebuilder:validation:Pattern=`^(100(\.0{1,4})?|0?[0-9]{1,2}(\.[0-9]{1,4})?)?$`
	// +kubebuilder:validation:MaxLength=8
	Percent string `json:"percent,omitempty"`
}

// Collector is the port of a Service.
type Collector struct {
	// Namespace of the Service; default the router's own.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$`
	Namespace string `json:"namespace,omitempty"`
	// Service of the collector.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Service string `json:"service"`
	// Port of the Service at which it takes OTLP over gRPC: its name, or its number
	// in quotes, such as "4317".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Port string `json:"port"`
}

package discovery

import (
	"maps"
	"net/netip"
	"strconv"
	"unique"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kibble.dev/translate"
)

// serviceFact is what counts of a Service. Slices of other families than the
// first of a Service are not used, see services.go; "" is any family.
type serviceFact struct {
	service translate.Service
	family  corev1.IPFamily
}

// serviceFactOf reduces a Service. Ports of other protocols than TCP cannot be
// routed to, and none of an ExternalName can.
func serviceFactOf(s *corev1.Service) *serviceFact {
	whole := &serviceFact{}
	if len(s.Spec.IPFamilies) > 0 {
		whole.family = s.Spec.IPFamilies[0]
	}
	fact := &whole.service
	*fact = translate.Service{Key: translate.Key{Namespace: s.Namespace, Name: s.Name}, Exists: true}
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		fact.ExternalName = s.Spec.ExternalName
		return whole // its ports are those of another place
	}
	for _, p := range s.Spec.Ports {
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
			continue
		}
		port := translate.ServicePort{Name: p.Name, Port: p.Port, AppProtocol: shared(p.AppProtocol)}
		if p.TargetPort.Type == intstr.String {
			port.TargetName = p.TargetPort.StrVal
		} else {
			port.TargetPort = p.TargetPort.IntVal
		}
		fact.Ports = append(fact.Ports, port)
	}
	for _, in := range s.Status.LoadBalancer.Ingress {
		fact.Ingress = append(fact.Ingress, translate.Ingress{Hostname: in.Hostname, IP: in.IP})
	}
	return whole
}

// slicesFact is the slices of one EndpointSlice (always one) or Endpoints
// object (one a subset), and the Service they belong to. Their endpoints have
// no labels yet, and those of no known pod no pod: services.go joins the pods.
type slicesFact struct {
	service translate.Key
	slices  []*translate.Slice
	// family of the addresses; "" if it is not known.
	family corev1.IPFamily
}

func endpointSliceFact(s *discoveryv1.EndpointSlice) *slicesFact {
	slice := &translate.Slice{Name: s.Name}
	for _, p := range s.Ports {
		if p.Port != nil && (p.Protocol == nil || *p.Protocol == corev1.ProtocolTCP) {
			slice.Ports = append(slice.Ports, translate.SlicePort{Name: shared(p.Name), Port: *p.Port})
		}
	}
	for _, e := range s.Endpoints {
		if s.AddressType == discoveryv1.AddressTypeFQDN {
			break
		}
		ready := e.Conditions.Ready == nil || *e.Conditions.Ready
		end := translate.Endpoint{
			Addresses: canonical(e.Addresses),
			Ready:     ready, Serving: ready, Terminating: value(e.Conditions.Terminating),
			NodeName: shared(e.NodeName), Zone: shared(e.Zone), Pod: podName(e.TargetRef),
		}
		if e.Conditions.Serving != nil {
			end.Serving = *e.Conditions.Serving
		}
		slice.Endpoints = append(slice.Endpoints, end)
	}
	return &slicesFact{
		service: translate.Key{Namespace: s.Namespace, Name: s.Labels[discoveryv1.LabelServiceName]},
		slices:  []*translate.Slice{slice},
		family:  corev1.IPFamily(s.AddressType), // both say IPv4 and IPv6
	}
}

//nolint:staticcheck // Endpoints are deprecated, but old dumps have nothing else
func endpointsFact(e *corev1.Endpoints) *slicesFact {
	fact := &slicesFact{service: translate.Key{Namespace: e.Namespace, Name: e.Name}}
	for i, subset := range e.Subsets {
		slice := &translate.Slice{Name: e.Name + "/" + strconv.Itoa(i)}
		for _, p := range subset.Ports {
			if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
				slice.Ports = append(slice.Ports, translate.SlicePort{Name: p.Name, Port: p.Port})
			}
		}
		add := func(list []corev1.EndpointAddress, ready bool) {
			for _, a := range list {
				slice.Endpoints = append(slice.Endpoints, translate.Endpoint{
					Addresses: canonical([]string{a.IP}),
					Ready:     ready, Serving: ready, NodeName: value(a.NodeName), Pod: podName(a.TargetRef),
				})
			}
		}
		add(subset.Addresses, true)
		add(subset.NotReadyAddresses, false)
		fact.slices = append(fact.slices, slice)
	}
	return fact
}

// podFact is what counts of a Pod.
type podFact struct {
	key    translate.Key
	labels translate.Labels
	// ips are empty once the pod has ended: others may have them then.
	ips []string
}

func podFactOf(p *corev1.Pod) *podFact {
	fact := &podFact{key: translate.Key{Namespace: p.Namespace, Name: p.Name}, labels: p.Labels}
	if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return fact
	}
	for _, ip := range p.Status.PodIPs {
		fact.ips = append(fact.ips, ip.IP)
	}
	if len(fact.ips) == 0 && p.Status.PodIP != "" {
		fact.ips = []string{p.Status.PodIP}
	}
	fact.ips = canonical(fact.ips)
	return fact
}

// labelsFact is what counts of a Namespace.
type labelsFact struct{ labels translate.Labels }

// namespaceFact has the label that Kubernetes itself gives every namespace.
func namespaceFact(n *corev1.Namespace) *labelsFact {
	labels := translate.Labels{corev1.LabelMetadataName: n.Name}
	maps.Copy(labels, n.Labels)
	return &labelsFact{labels}
}

func podName(ref *corev1.ObjectReference) string {
	if ref == nil || ref.Kind != kindPod {
		return ""
	}
	return ref.Name
}

// canonical gives IP addresses their one spelling.
func canonical(ips []string) []string {
	out := make([]string, 0, len(ips))
	for _, ip := range ips {
		if a, err := netip.ParseAddr(ip); err == nil {
			ip = a.String()
		}
		out = append(out, ip)
	}
	return out
}

// shared gives a text that many objects have, such as a node's name, in the one
// copy that is in memory.
func shared(text *string) string {
	if text == nil {
		return ""
	}
	return unique.Make(*text).Value()
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

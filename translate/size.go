package translate

import (
	envoyendpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// Size is how much one proxy is told. Where proxies of a class differ, by the
// place that they are at, it is the largest of each resource.
type Size struct {
	// Listeners, Hosts of their tables, Routes of these, Clusters and Endpoints, each
	// as often as a proxy is told of it.
	Listeners int `json:"listeners"`
	Hosts     int `json:"hosts"`
	Routes    int `json:"routes"`
	Clusters  int `json:"clusters"`
	Endpoints int `json:"endpoints"`
	// Bytes of all resources, encoded.
	Bytes int `json:"bytes"`
	// OnDemand says that a proxy is told of a part only, see Resource.Leads.
	OnDemand bool `json:"onDemand"`
}

// Size tells what the resources that keep keeps amount to.
func (c *ClassSnapshot) Size(keep func(*Resource) bool) (Size, error) {
	var s Size
	whole := c.Whole()
	for typ, resources := range whole {
		for _, name := range sortedKeys(resources) {
			if c.Local[name] == nil || typ != EndpointType && typ != ListenerType {
				if err := s.add(keep, resources[name]); err != nil {
					return Size{}, err
				}
			}
		}
	}
	for _, name := range sortedKeys(c.Local) {
		// What of a place has none of its own is told what all are told.
		largest := c.Resources[EndpointType][name]
		for _, scope := range sortedKeys(c.Local[name]) {
			if r := c.Local[name][scope]; largest == nil || len(r.Body.Value) > len(largest.Body.Value) {
				largest = r
			}
		}
		if err := s.add(keep, largest); err != nil {
			return Size{}, err
		}
	}
	for _, name := range sortedKeys(c.AtPods) {
		if err := s.add(keep, c.AtPods[name].At(PodScope(SamplePod))); err != nil {
			return Size{}, err
		}
	}
	return s, nil
}

// add counts one resource; nil is none.
func (s *Size) add(keep func(*Resource) bool, r *Resource) error {
	if r == nil || !keep(r) {
		return nil
	}
	s.Bytes += len(r.Body.Value)
	s.OnDemand = s.OnDemand || r.Leads != nil
	switch r.Body.TypeUrl {
	case ListenerType:
		s.Listeners++
	case ClusterType:
		s.Clusters++
	case EndpointType:
		var m envoyendpointv3.ClusterLoadAssignment
		if err := proto.Unmarshal(r.Body.Value, &m); err != nil {
			return err
		}
		for _, at := range m.Endpoints {
			s.Endpoints += len(at.LbEndpoints)
		}
	case RouteType:
		var m routev3.RouteConfiguration
		if err := proto.Unmarshal(r.Body.Value, &m); err != nil {
			return err
		}
		s.Hosts += len(m.VirtualHosts)
		for _, host := range m.VirtualHosts {
			n, err := routesIn(host.ProtoReflect())
			if err != nil {
				return err
			}
			s.Routes += n
		}
	}
	return nil
}

// routesIn counts the routes of a message, also those that a matcher leads to.
func routesIn(m protoreflect.Message) (n int, err error) {
	if _, ok := m.Interface().(*routev3.Route); ok {
		return 1, nil
	}
	if packed, ok := m.Interface().(*anypb.Any); ok {
		inner, err := packed.UnmarshalNew()
		if err != nil {
			return 0, err
		}
		return routesIn(inner.ProtoReflect())
	}
	within := func(v protoreflect.Value) bool {
		var more int
		more, err = routesIn(v.Message())
		n += more
		return err == nil
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			if f.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { return within(v) })
			}
		case f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				if !within(v.List().Get(i)) {
					break
				}
			}
		default:
			within(v)
		}
		return err == nil
	})
	return n, err
}

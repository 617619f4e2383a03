package suite

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kibble.dev/translate"
)

// service is a port of a Service, as names of io.l5d.k8s have it.
type service struct {
	translate.Key
	port string
}

// String gives namespace/port/service.
func (s service) String() string { return s.Namespace + "/" + s.port + "/" + s.Name }

// world is what a test takes to be there, besides what was read.
type world struct {
	at             time.Time // zero: now
	services       []service
	namespaces     map[string]map[string]string
	without, empty []service
}

// key is equal for equal worlds.
func (w world) key() string {
	var b strings.Builder
	fmt.Fprint(&b, w.at.UnixNano(), w.services, w.without, w.empty)
	for _, name := range slices.Sorted(maps.Keys(w.namespaces)) {
		fmt.Fprint(&b, name, w.namespaces[name])
	}
	return b.String()
}

// of gives an inventory that has what the test takes to be there. The one that
// is given stays as it is. The error names a service that cannot go, because it
// is not there.
func (w world) of(inv *translate.Inventory) (*translate.Inventory, error) {
	next := *inv
	next.Services, next.Namespaces = maps.Clone(inv.Services), maps.Clone(inv.Namespaces)
	if next.Services == nil {
		next.Services = map[translate.Key]*translate.Service{}
	}
	if next.Namespaces == nil {
		next.Namespaces = map[string]translate.Labels{}
	}
	for name, labels := range w.namespaces {
		next.Namespaces[name] = labels
	}
	for i, s := range w.services {
		next.Services[s.Key] = with(next.Services[s.Key], s, i)
	}
	for _, s := range w.without {
		if !has(next.Services[s.Key], s.port) {
			return nil, fmt.Errorf("without: there is no %s anyway; correct the name, or take it away", s)
		}
		if less := without(next.Services[s.Key], s.port); less != nil {
			next.Services[s.Key] = less
		} else {
			delete(next.Services, s.Key)
		}
	}
	for _, s := range w.empty {
		before := next.Services[s.Key]
		if !has(before, s.port) {
			return nil, fmt.Errorf("empty: there is no %s; correct the name, or take it away", s)
		}
		now := *before
		now.Slices = nil // what Kubernetes makes of a Service that is scaled to nobody
		next.Services[s.Key] = &now
	}
	return &next, nil
}

// with adds a port with one endpoint to a Service; nil: there was none.
func with(before *translate.Service, s service, i int) *translate.Service {
	now := translate.Service{Key: s.Key, Exists: true}
	if before != nil {
		now = *before
		if has(before, s.port) && len(before.Slices) > 0 {
			return before
		}
	}
	name, number := s.port, int32(8080)
	if n, err := strconv.ParseInt(s.port, 10, 32); err == nil {
		name, number = "port-"+s.port, int32(n)
	}
	if !slices.ContainsFunc(now.Ports, func(p translate.ServicePort) bool { return p.Name == name }) {
		now.Ports = append(slices.Clone(now.Ports), translate.ServicePort{Name: name, Port: number})
	}
	// An address of the range for documentation (RFC 5737), for each service its own.
	now.Slices = append(slices.Clone(now.Slices), &translate.Slice{
		Name: "tests-" + s.port, Ports: []translate.SlicePort{{Name: name, Port: number}},
		Endpoints: []translate.Endpoint{{Addresses: []string{fmt.Sprintf("203.0.113.%d", i%254+1)}, Ready: true, Serving: true}},
	})
	return &now
}

// is tells that a port is called so, by name or by number.
func is(name string, number int32, port string) bool {
	return strings.EqualFold(name, port) || strconv.Itoa(int(number)) == port
}

// has tells that a Service, or the endpoints of one, have a port.
func has(s *translate.Service, port string) bool {
	if s == nil {
		return false
	}
	if slices.ContainsFunc(s.Ports, func(p translate.ServicePort) bool { return is(p.Name, p.Port, port) }) {
		return true
	}
	return slices.ContainsFunc(s.Slices, func(slice *translate.Slice) bool {
		return slices.ContainsFunc(slice.Ports, func(p translate.SlicePort) bool { return is(p.Name, p.Port, port) })
	})
}

// without takes a port away; nil: nothing is left.
func without(before *translate.Service, port string) *translate.Service {
	now := *before
	now.Ports, now.Slices = nil, nil
	gone := map[string]bool{}
	for _, p := range before.Ports {
		if is(p.Name, p.Port, port) {
			gone[p.Name] = true
			continue
		}
		now.Ports = append(now.Ports, p)
	}
	for _, slice := range before.Slices {
		less := *slice
		less.Ports = slices.DeleteFunc(slices.Clone(slice.Ports), func(p translate.SlicePort) bool { return gone[p.Name] || is(p.Name, p.Port, port) })
		if len(less.Ports) > 0 {
			now.Slices = append(now.Slices, &less)
		}
	}
	if len(now.Ports) == 0 && len(now.Slices) == 0 {
		return nil
	}
	return &now
}

package translate

import (
	"strconv"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// View is what one configured namer sees of an inventory. It answers whether a
// bound name exists (so it is a dtab.Instance) and what stands behind it. Ids
// are those of dtab.Instance; the letter case of Kubernetes names in them does
// not count. The rules are those of dtab-semantics, section 3, with the ports of
// each slice kept apart. Every answer takes a map lookup or two and a walk over
// the slices of one Service.
type View struct {
	Inventory *Inventory
	// Label is the namer's labelSelector: the name of the label whose value is
	// the id's fourth segment. Empty: ids have no fourth segment.
	Label string
	// RootDir of an io.l5d.fs namer, as the Router writes it.
	RootDir string

	// late says that a name of io.l5d.k8s that has gone lately exists, with what
	// was behind it.
	late bool
}

// View gives what a configured namer sees.
func (inv *Inventory) View(n v1alpha1.Namer) View {
	return View{Inventory: inv, Label: n.LabelSelector, RootDir: n.RootDir}
}

// Has answers as a View without label and directory does.
func (inv *Inventory) Has(kind string, id dtab.Path) bool {
	return View{Inventory: inv}.Has(kind, id)
}

// Endpoints answers as a View without label does.
func (inv *Inventory) Endpoints(id dtab.Path) ([]Address, bool) {
	return View{Inventory: inv}.Endpoints(id)
}

// Has implements dtab.Instance.
func (v View) Has(kind string, id dtab.Path) bool {
	switch kind {
	case dtab.KindK8s:
		_, ok := v.bound(id)
		return ok
	case dtab.KindK8sExternal:
		_, _, ok := v.External(id)
		return ok
	case dtab.KindFS:
		return v.File(id) != nil
	}
	return false
}

// File gives the file that an io.l5d.fs id, one segment, names, or nil. Here
// letter case counts.
func (v View) File(id dtab.Path) *File {
	if len(id) != 1 {
		return nil
	}
	return v.Inventory.Files[v.RootDir][id[0]]
}

// External gives the address of the load balancer that an io.l5d.k8s.external
// id names: the last ingress of the Service, its host name rather than its IP
// address. A port that is a number is followed as linkerd does, which works
// only if its targetPort is the name of a port of the Service.
func (v View) External(id dtab.Path) (host string, port int32, ok bool) {
	service, name := v.service(id)
	if service == nil {
		return "", 0, false
	}
	for _, in := range service.Ingress {
		switch {
		case in.Hostname != "":
			host = in.Hostname
		case in.IP != "":
			host = in.IP
		}
	}
	if number, ok := numbered(name); ok {
		p, found := service.port(number)
		if !found || p.TargetName == "" {
			return "", 0, false
		}
		name = p.TargetName
	}
	for _, p := range service.Ports {
		if p.Name == name && name != "" {
			return host, p.Port, host != ""
		}
	}
	return "", 0, false
}

// service gives the Service that an id names, nil if there is none, and the
// id's port.
func (v View) service(id dtab.Path) (*Service, string) {
	n := 3
	if v.Label != "" {
		n = 4
	}
	if len(id) != n {
		return nil, ""
	}
	return v.Inventory.Services[keyOf(id)], strings.ToLower(id[1])
}

// keyOf gives the Service that an id of io.l5d.k8s is about.
func keyOf(id dtab.Path) Key {
	return Key{Namespace: strings.ToLower(id[0]), Name: strings.ToLower(id[2])}
}

func (s *Service) port(number int) (ServicePort, bool) {
	for _, p := range s.Ports {
		if int(p.Port) == number {
			return p, true
		}
	}
	return ServicePort{}, false
}

// appProtocol gives what is spoken at the port of an id of Kubernetes, as its Service
// says, or as it said while it had the port; "" if it does not say.
func (v View) appProtocol(id dtab.Path) string {
	service, port := v.service(id)
	if p, ok := service.at(port); ok || !v.late {
		return p.AppProtocol
	}
	for _, g := range v.Inventory.lately[keyOf(id)] {
		if p, ok := g.service.at(port); ok {
			return p.AppProtocol
		}
	}
	return ""
}

// numbered gives the number that a port, in lower case, is written as; not ok for a name.
func numbered(port string) (number int, ok bool) {
	if port == "" || 'a' <= port[0] && port[0] <= 'z' {
		return 0, false // of a name, Atoi makes an error: two allocations for each binding
	}
	number, err := strconv.Atoi(port)
	return number, err == nil
}

// at gives the port of a Service, which may be nil, that has a name, in lower case, or
// a number.
func (s *Service) at(port string) (ServicePort, bool) {
	if s == nil || port == "" {
		return ServicePort{}, false
	}
	if number, ok := numbered(port); ok {
		return s.port(number)
	}
	for _, p := range s.Ports {
		if strings.EqualFold(p.Name, port) {
			return p, true
		}
	}
	return ServicePort{}, false
}

// query is an io.l5d.k8s id, resolved as far as the Service object goes.
type query struct {
	service *Service
	// port looks the number up in each slice; if empty, number holds for all.
	port   string
	number int32
	// label and value that pods must have; label empty: all endpoints.
	label, value string
}

// bound gives the query of a name that exists.
func (v View) bound(id dtab.Path) (query, bool) {
	service, port := v.service(id)
	if q, ok := v.query(service, port, id); ok && q.exists() {
		return q, true
	}
	if !v.late || port == "" {
		return query{}, false
	}
	for _, g := range v.Inventory.lately[keyOf(id)] {
		if q, ok := v.query(g.service, port, id); ok && q.exists() {
			return q, true
		}
	}
	return query{}, false
}

// query asks a Service, which may be nil, for the port of an id.
func (v View) query(service *Service, port string, id dtab.Path) (query, bool) {
	if service == nil {
		return query{}, false
	}
	q := query{service: service, port: port}
	if v.Label != "" {
		q.label, q.value = v.Label, id[3]
	}
	if port == "" {
		return query{}, false
	}
	number, ok := numbered(port)
	if !ok {
		return q, true
	}
	p, ok := service.port(number)
	switch {
	case !ok:
		return query{}, false
	case p.TargetName != "":
		q.port = p.TargetName
	case p.TargetPort != 0:
		q.port, q.number = "", p.TargetPort
	default:
		q.port, q.number = "", p.Port
	}
	return q, true
}

// exists tells whether the name is bound. A named port exists where a slice has
// both the port and an endpoint, ready or not; a numbered one by its Service.
func (q query) exists() bool {
	if q.port == "" {
		return true
	}
	for _, s := range q.service.Slices {
		if q.portOf(s) == 0 {
			continue
		}
		for i := range s.Endpoints {
			if q.selects(&s.Endpoints[i]) {
				return true
			}
		}
	}
	return false
}

// portOf gives the port of a slice's endpoints that the name means, 0 for none.
func (q query) portOf(s *Slice) int32 {
	if q.port == "" {
		return q.number
	}
	for _, p := range s.Ports {
		if p.Name == q.port {
			return p.Port
		}
	}
	return 0
}

// selects tells whether an endpoint has the label. Names are lower-cased on
// their way here, so the case of the value cannot count.
func (q query) selects(e *Endpoint) bool {
	if q.label == "" {
		return true
	}
	value, ok := e.Labels[q.label]
	return ok && strings.EqualFold(value, q.value)
}

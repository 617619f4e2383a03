package translate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"kibble.dev/dtab"
)

// names lists what exists, by namespace, then port, then service: the values
// that a segment of a service's id can have.
type names struct {
	inventory *Inventory
	services  map[string]map[string]map[string]bool
}

func newNames(inv *Inventory) *names {
	n := &names{inventory: inv, services: map[string]map[string]map[string]bool{}}
	for key, svc := range inv.Services {
		for _, port := range portNames(svc) {
			ports := n.services[key.Namespace]
			if ports == nil {
				ports = map[string]map[string]bool{}
				n.services[key.Namespace] = ports
			}
			if ports[port] == nil {
				ports[port] = map[string]bool{}
			}
			ports[port][key.Name] = true
		}
	}
	return n
}

// portNames gives all spellings of ports that names of a service may use.
func portNames(svc *Service) []string {
	set := map[string]bool{}
	for _, p := range svc.Ports {
		set[strconv.Itoa(int(p.Port))] = true
		set[strings.ToLower(p.Name)] = true
	}
	for _, slice := range svc.Slices {
		for _, p := range slice.Ports {
			set[strings.ToLower(p.Name)] = true
		}
	}
	delete(set, "")
	return sortedKeys(set)
}

// values gives, sorted, what segment i of an id may be for the id to exist,
// given its other segments. Segments with marks may be anything.
func (n *names) values(from *namer, id dtab.Path, i int, m marks) []string {
	if from.config.Kind == dtab.KindK8sNS {
		id, i = dtab.Path{from.namespace}.Join(id...), i+1
	}
	fits := func(j int, value string) bool {
		return j == i || j >= len(id) || m.in(id[j]) || strings.EqualFold(id[j], value)
	}
	found := map[string]bool{}
	for ns, ports := range n.services {
		if !fits(0, ns) {
			continue
		}
		for port, services := range ports {
			if !fits(1, port) {
				continue
			}
			if i < 2 {
				found[[]string{ns, port}[i]] = true
				continue
			}
			for svc := range services {
				switch {
				case !fits(2, svc):
				case i == 2:
					found[svc] = true
				default:
					n.labels(Key{ns, svc}, from.config.LabelSelector, found)
				}
			}
		}
	}
	return sortedKeys(found)
}

// labels adds the values that a label has among a service's endpoints.
func (n *names) labels(key Key, label string, to map[string]bool) {
	for _, slice := range n.inventory.Services[key].Slices {
		for _, ep := range slice.Endpoints {
			if v := ep.Labels[label]; v != "" {
				to[strings.ToLower(v)] = true
			}
		}
	}
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}

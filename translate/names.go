package translate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"kibble.dev/dtab"
)

// names lists what exists, by namespace, then port, then service: the values
// that a segment of a service's id can have. It is immutable.
type names struct {
	inventory *Inventory
	services  map[string]map[string][]string // each list sorted
	late      *names                         // those that have gone lately; nil: none
}

func newNames(inv *Inventory) *names {
	n := &names{inventory: inv, services: map[string]map[string][]string{}}
	keys := slices.SortedFunc(maps.Keys(inv.Services), func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	for _, key := range keys {
		for _, port := range portNames(inv.Services[key]) {
			ports := n.services[key.Namespace]
			if ports == nil {
				ports = map[string][]string{}
				n.services[key.Namespace] = ports
			}
			ports[port] = append(ports[port], key.Name)
		}
	}
	return n
}

// namesAfter gives the names of an inventory, given the model before, or nil.
func namesAfter(inv *Inventory, last *Model) *names {
	n := namesNowAfter(inv, last)
	n.late = lateNames(inv)
	return n
}

func namesNowAfter(inv *Inventory, last *Model) *names {
	if last == nil || last.names == nil { // of one that was kept in a file, only the objects are known
		return newNames(inv)
	}
	was := last.names.inventory.Services
	changed := inv.changedSince(was)
	if len(changed) > 64+len(was)/8 {
		return newNames(inv)
	}
	return last.names.after(inv, changed)
}

// after gives the names of an inventory in which these Services may have others.
func (n *names) after(inv *Inventory, changed []Key) *names {
	next := &names{inventory: inv, services: maps.Clone(n.services)}
	own := map[string]bool{} // namespaces whose map is nobody else's
	for _, key := range changed {
		var was, is []string
		if s := n.inventory.Services[key]; s != nil {
			was = portNames(s)
		}
		if s := inv.Services[key]; s != nil {
			is = portNames(s)
		}
		if slices.Equal(was, is) {
			continue
		}
		if !own[key.Namespace] {
			own[key.Namespace] = true
			next.services[key.Namespace] = maps.Clone(next.services[key.Namespace])
		}
		next.set(key, was, is)
	}
	return next
}

// set gives a Service other ports.
func (n *names) set(key Key, was, is []string) {
	ports := n.services[key.Namespace]
	if ports == nil {
		ports = map[string][]string{}
		n.services[key.Namespace] = ports
	}
	for _, port := range was {
		if i, found := slices.BinarySearch(ports[port], key.Name); found && !slices.Contains(is, port) {
			if ports[port] = slices.Concat(ports[port][:i], ports[port][i+1:]); len(ports[port]) == 0 {
				delete(ports, port)
			}
		}
	}
	for _, port := range is {
		if i, found := slices.BinarySearch(ports[port], key.Name); !found {
			ports[port] = slices.Concat(ports[port][:i], []string{key.Name}, ports[port][i:])
		}
	}
	if len(ports) == 0 {
		delete(n.services, key.Namespace)
	}
}

// portNames gives all spellings of ports that names of a service may use.
func portNames(svc *Service) []string {
	all := make([]string, 0, 4)
	add := func(name string) {
		if name = strings.ToLower(name); name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	for _, p := range svc.Ports {
		add(strconv.Itoa(int(p.Port)))
		add(p.Name)
	}
	for _, slice := range svc.Slices {
		for _, p := range slice.Ports {
			add(p.Name)
		}
	}
	slices.Sort(all)
	return all
}

// values gives, sorted, what segment i of an id may be for the id to exist,
// given its other segments. Segments with marks may be anything. The list must
// not be changed.
func (n *names) values(from *namer, id dtab.Path, i int, m marks) []string {
	now := n.existing(from, id, i, m)
	if n.late == nil || !from.view.late {
		return now
	}
	all := slices.Concat(now, n.late.existing(from, id, i, m))
	slices.Sort(all)
	return slices.Compact(all)
}

func (n *names) existing(from *namer, id dtab.Path, i int, m marks) []string {
	whole := from.whole(id)
	id, i = whole, i+len(whole)-len(id)
	fits := func(j int, value string) bool {
		return j == i || j >= len(id) || m.in(id[j]) || strings.EqualFold(id[j], value)
	}
	if list, ok := n.listed(id, i, m); ok {
		return list
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
			for _, svc := range services {
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

// listed gives the services of one port, where no more is asked for.
func (n *names) listed(id dtab.Path, i int, m marks) ([]string, bool) {
	if i != 2 || m.in(id[0]) || m.in(id[1]) || id[0] != strings.ToLower(id[0]) || id[1] != strings.ToLower(id[1]) {
		return nil, false
	}
	return n.services[id[0]][id[1]], true
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

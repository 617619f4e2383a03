package translate

import (
	"fmt"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// absence is why an id does not exist: only because nobody is behind a port that
// is named, or because its namespace is not read.
type absence struct {
	why          string
	down, unread bool
}

// absent says why a namer's id does not exist.
func (inv *Inventory) absent(r *router, path dtab.Path) absence {
	for i := range r.namers {
		n := &r.namers[i]
		rest := path[1:]
		if !rest.HasPrefix(n.Prefix()) || n.config.Kind == dtab.KindRewrite {
			continue
		}
		id := rest[len(n.Prefix()):]
		if n.config.Kind == dtab.KindFS {
			return absence{why: fmt.Sprintf("there is no file %s in %s", id[0], n.config.RootDir)}
		}
		id = n.whole(id)
		key, port := keyOf(id), strings.ToLower(id[1])
		svc := inv.Services[key]
		switch {
		case svc == nil && len(inv.Within) > 0 && !slices.Contains(inv.Within, key.Namespace):
			return absence{why: fmt.Sprintf("namespace %s is not read, so there is nothing in it", key.Namespace), unread: true}
		case svc == nil:
			return absence{why: fmt.Sprintf("there is no Service %s in namespace %s", key.Name, key.Namespace)}
		case svc.ExternalName != "":
			return absence{why: fmt.Sprintf("Service %s is another name of %s (type ExternalName), and has nobody behind it; a rule leads there by /$/inet/%[2]s/PORT", svc.Key, svc.ExternalName)}
		case n.config.Kind == dtab.KindK8sExternal:
			return absence{why: fmt.Sprintf("Service %s has no load balancer's address for port %s", svc.Key, port)}
		case slices.ContainsFunc(svc.Ports, func(p ServicePort) bool { return strings.EqualFold(p.Name, port) }):
			return absence{why: fmt.Sprintf("Service %s has nobody behind port %s, so that the port's name does not exist now", svc.Key, port), down: true}
		}
		ports := portNames(svc)
		if len(ports) == 0 {
			return absence{why: fmt.Sprintf("Service %s has no port %s", svc.Key, port)}
		}
		return absence{why: fmt.Sprintf("Service %s has no port %s; it has %s", svc.Key, port, strings.Join(ports, ", "))}
	}
	return absence{why: path.String() + " does not exist"}
}

// asked gives the complete ids of services that a trace asked namers for in vain.
func (r *router) asked(s *dtab.Step, to []dtab.Path) []dtab.Path {
	if s.Kind == dtab.StepPath && s.Outcome == dtab.OutcomeNeg && len(s.Path) > 0 && s.Path[0] == "#" {
		for i := range r.namers {
			n := &r.namers[i]
			rest := s.Path[1:]
			if rest.HasPrefix(n.Prefix()) && n.config.Kind != dtab.KindRewrite && len(rest) >= len(n.Prefix())+n.segments() {
				to = append(to, s.Path)
				break
			}
		}
	}
	for _, c := range s.Children {
		to = r.asked(c, to)
	}
	return to
}

// segments is how many segments an id of the namer has.
func (n *namerSpec) segments() int {
	count := 3
	switch n.config.Kind {
	case dtab.KindFS:
		return 1
	case dtab.KindK8sNS:
		count = 2
	}
	if n.config.LabelSelector != "" {
		count++
	}
	return count
}

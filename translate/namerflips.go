package translate

import (
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// arity is how many segments each utility namer needs after its name.
func arity() map[string]int {
	return map[string]int{
		"io.buoyant.http.domainToPathPfx": 2, "io.buoyant.http.domainToPath": 1,
		"io.buoyant.http.subdomainOfPfx": 3, "io.buoyant.http.subdomainOf": 2,
		"io.buoyant.http.anyMethodPfx": 2, "io.buoyant.http.anyMethod": 1,
		"io.buoyant.http.anyHostPfx": 2, "io.buoyant.http.anyHost": 1,
		"io.buoyant.hostportPfx": 2, "io.buoyant.porthostPfx": 2,
		"io.buoyant.rinet": 2, "inet": 2, "fixedinet": 2, "nil": 0, "fail": 0,
	}
}

// namerFlips turns round what the namers compared when they were asked for a
// path of a sample.
func (e *explorer) namerFlips(path dtab.Path, s *sample) {
	if len(path) < 2 {
		return
	}
	switch path[0] {
	case "$":
		e.utilityFlips(path[1], path[2:], s)
	case "#":
		for i := range e.router.namers {
			n := &e.router.namers[i]
			if prefix := n.Prefix(); path[1:].HasPrefix(prefix) {
				e.configuredFlips(n, path[1+len(prefix):], s)
			}
		}
	}
}

func (e *explorer) utilityFlips(name string, rest dtab.Path, s *sample) {
	need, known := e.arity[name]
	if !known {
		return
	}
	if len(rest) < need {
		e.splitAt(rest, s)
		return
	}
	switch name {
	case "io.buoyant.http.subdomainOfPfx":
		e.subdomainFlips(rest[0], rest[2], s)
	case "io.buoyant.http.subdomainOf":
		e.subdomainFlips(rest[0], rest[1], s)
	case "io.buoyant.http.anyMethodPfx":
		e.methodFlips(rest[1], s)
	case "io.buoyant.http.anyMethod":
		e.methodFlips(rest[0], s)
	}
}

// subdomainFlips makes the host one below the domain.
func (e *explorer) subdomainFlips(domain, host string, s *sample) {
	v, mark := s.owner(host)
	if v < 0 || s.marks.in(domain) {
		return
	}
	port := ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		host, port = host[:i], host[i:]
	}
	if extra := s.extra(v); extra != "" {
		mark = extra
	}
	if !strings.HasSuffix(host, "."+domain) {
		e.add(s.flip(host+port, mark+"."+domain+port, false))
		e.add(s.flip(host+port, domain+port, false))
	}
}

// methodFlips tells methods apart that are not made of letters.
func (e *explorer) methodFlips(method string, s *sample) {
	if s.marks.in(method) {
		e.add(s.flip(method, "M-SEARCH", false))
	}
}

// splitAt splits the open variable whose last mark ends a path that is too
// short, or ended it until a wildcard took the mark: with more segments in the
// request, the path is longer.
func (e *explorer) splitAt(rest dtab.Path, s *sample) {
	for v, kind := range s.vars {
		extra := s.extra(v)
		if extra != "" && (!kind.dotted() || len(rest) > 0 && rest[len(rest)-1] == extra) {
			e.add(s.split(v))
		}
	}
}

// configuredFlips turns round the comparisons of a configured namer.
func (e *explorer) configuredFlips(n *namer, rest dtab.Path, s *sample) {
	switch n.config.Kind {
	case dtab.KindRewrite:
		e.rewriteFlips(n, rest, s)
	case dtab.KindFS:
		if len(rest) == 0 || !s.marks.in(rest[0]) {
			return
		}
		e.flip(s, rest[0], sortedKeys(n.view.Inventory.Files[n.config.RootDir]), false)
	default:
		e.serviceFlips(n, rest, s)
	}
}

// rewriteFlips compares the segments of a path with the pattern of a rewriting
// namer. A segment with text around a capture gives a region of such values.
func (e *explorer) rewriteFlips(n *namer, rest dtab.Path, s *sample) {
	pattern := strings.Split(strings.Trim(n.config.Pattern, "/"), "/")
	for i, want := range pattern {
		if i >= len(rest) {
			e.splitAt(rest, s)
			return
		}
		if !s.marks.in(rest[i]) || want == "*" {
			continue
		}
		pre, _, captures := strings.Cut(want, "{")
		if !captures {
			e.add(s.flip(rest[i], want, false))
			continue
		}
		post := want[strings.LastIndexByte(want, '}')+1:]
		if _, mark := s.owner(rest[i]); pre+post != "" && rest[i] == mark {
			e.add(s.flip(rest[i], pre+mark+post, false))
		}
	}
}

// serviceFlips makes the first marked segment of a service's id each of the
// values that exist.
func (e *explorer) serviceFlips(n *namer, rest dtab.Path, s *sample) {
	need := n.segments()
	first := slices.IndexFunc(rest[:min(need, len(rest))], s.marks.in)
	if first < 0 {
		if len(rest) < need {
			e.splitAt(rest, s)
		}
		return
	}
	e.flip(s, rest[first], e.names.values(n, rest[:min(need, len(rest))], first, s.marks), true)
	if len(rest) < need {
		e.splitAt(rest, s)
	}
}

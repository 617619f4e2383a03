package xds

import (
	"cmp"
	"slices"
	"strings"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// ConfigQuery says of which resources and proxies the configuration is asked
// for. What is empty does not count.
type ConfigQuery struct {
	Class, Node string
	// Type is a type URL or its last word, such as Cluster; Name is exact.
	Type, Name string
}

// ConfigEntry is a resource, as some proxies of a class have it alike.
type ConfigEntry struct {
	Class string `json:"proxyClass"`
	// Type is the type URL.
	Type  string `json:"type"`
	Name  string `json:"name"`
	State string `json:"state"`
	// Accepted is the version that the proxies have, and Wanted the one that they
	// are to have; "" for none.
	Accepted string `json:"accepted,omitempty"`
	Wanted   string `json:"wanted,omitempty"`
	// Source is the object, file and line that it was made of.
	Source string `json:"source,omitempty"`
	// Words are the proxies' own, where they refused it.
	Words string `json:"words,omitempty"`
	// WaitsFor are clusters that must come first.
	WaitsFor []string `json:"waitsFor,omitempty"`
	// Proxies are the nodes, sorted.
	Proxies []string `json:"proxies"`
	// AcceptedBody and WantedBody are the resources themselves, if they are asked
	// for, without what is secret; WantedBody only where it is another.
	AcceptedBody any `json:"acceptedBody,omitempty"`
	WantedBody   any `json:"wantedBody,omitempty"`

	holding publish.Holding
}

// Config gives what the connected proxies have, are to have and refused, sorted
// by class, type and name. Those that have a resource alike are one entry.
func (s *Server) Config(q ConfigQuery) []ConfigEntry {
	type alike struct{ class, typ, name, state, accepted, wanted, words, waits string }
	entries := map[alike]*ConfigEntry{}
	for _, w := range s.connected(q) {
		for _, h := range s.holdings(w) {
			if q.Type != "" && q.Type != h.Type && !strings.EqualFold(q.Type, translate.ShortType(h.Type)) || q.Name != "" && q.Name != h.Name {
				continue
			}
			key := alike{w.class, h.Type, h.Name, h.State, versionOf(h.Accepted), versionOf(h.Wanted), h.Words, strings.Join(h.WaitsFor, "\n")}
			if entries[key] == nil {
				entries[key] = newEntry(w.class, h)
			}
			entries[key].Proxies = append(entries[key].Proxies, w.node)
		}
	}
	all := make([]ConfigEntry, 0, len(entries))
	for _, e := range entries {
		slices.Sort(e.Proxies)
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b ConfigEntry) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(order(a.Type), order(b.Type)), cmp.Compare(a.Type, b.Type),
			cmp.Compare(a.Name, b.Name), cmp.Compare(a.Proxies[0], b.Proxies[0]), cmp.Compare(a.State, b.State))
	})
	return all
}

// Show adds the resources themselves, without what is secret. An error says that
// one cannot be shown.
func (e *ConfigEntry) Show() error {
	var err error
	if r := e.holding.Accepted; r != nil && r.Body != nil {
		if e.AcceptedBody, err = r.Shown(); err != nil {
			return err
		}
	}
	if r := e.holding.Wanted; r != nil && e.Wanted != e.Accepted {
		e.WantedBody, err = r.Shown()
	}
	return err
}

func newEntry(class string, h publish.Holding) *ConfigEntry {
	e := &ConfigEntry{
		Class: class, Type: h.Type, Name: h.Name, State: h.State, Words: h.Words, WaitsFor: h.WaitsFor,
		Accepted: versionOf(h.Accepted), Wanted: versionOf(h.Wanted), holding: h,
	}
	for _, r := range []*translate.Resource{h.Wanted, h.Accepted} {
		if r != nil && e.Source == "" {
			e.Source = r.Source
		}
	}
	return e
}

func versionOf(r *translate.Resource) string {
	if r == nil {
		return ""
	}
	return r.Version
}

// order is the place of a type among those that a proxy is given.
func order(typ string) int {
	if i := slices.Index(publish.Types(), typ); i >= 0 {
		return i
	}
	return len(publish.Types())
}

// who is a connected proxy.
type who struct {
	class, node string
	stream      *stream
}

func (s *Server) connected(q ConfigQuery) []who {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []who
	for name, c := range s.classes {
		for _, st := range c.streams {
			if (q.Class == "" || q.Class == name) && (q.Node == "" || q.Node == st.node) {
				all = append(all, who{name, st.node, st})
			}
		}
	}
	return all
}

// holdings looks at one proxy at a time, so that the others are not kept waiting.
func (s *Server) holdings(w who) []publish.Holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return w.stream.proxy.Holdings()
}

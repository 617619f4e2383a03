package xds

import (
	"cmp"
	"slices"
	"time"

	"kibble.dev/xds/publish"
)

// ProxyStatus is a connected proxy.
type ProxyStatus struct {
	Node      string    `json:"node"`
	Class     string    `json:"proxyClass"`
	Protocol  string    `json:"protocol"`
	Connected time.Time `json:"connected"`
	// InSync says that it has accepted all that it is to have; BehindSince is
	// since when it has not.
	InSync      bool      `json:"inSync"`
	BehindSince time.Time `json:"behindSince,omitzero"`
	// Stuck says that it came back and asks for no clusters, because one of
	// them is not getting warm. It is sent what helps without asking, where that
	// is known.
	Stuck bool             `json:"stuck,omitempty"`
	Types []publish.Status `json:"types"`
}

func statusOf(class string, st *stream, now time.Time) ProxyStatus {
	p := ProxyStatus{
		Node: st.node, Class: class, Protocol: st.protocol, Connected: st.proxy.Connected(),
		Types: st.proxy.Status(), Stuck: st.proxy.Mute(now),
	}
	for _, typ := range p.Types {
		if typ.Behind > 0 && (p.BehindSince.IsZero() || typ.Since.Before(p.BehindSince)) {
			p.BehindSince = typ.Since
		}
	}
	c := &st.server.clock
	p.Connected, p.BehindSince = c.shown(p.Connected), c.shown(p.BehindSince)
	for i := range p.Types {
		typ := &p.Types[i]
		typ.Since, typ.Unanswered = c.shown(typ.Since), c.shown(typ.Unanswered)
		for j := range typ.Refused {
			typ.Refused[j].Since = c.shown(typ.Refused[j].Since)
		}
	}
	p.InSync = st.class.Known() && !st.class.Waits() && p.BehindSince.IsZero() && !p.Stuck
	return p
}

// Proxies gives the connected proxies, sorted by class, then node.
func (s *Server) Proxies() []ProxyStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []ProxyStatus
	now := s.clock.read()
	for name, c := range s.classes {
		for _, st := range c.streams {
			all = append(all, statusOf(name, st, now))
		}
	}
	slices.SortFunc(all, func(a, b ProxyStatus) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Node, b.Node), a.Connected.Compare(b.Connected))
	})
	return all
}

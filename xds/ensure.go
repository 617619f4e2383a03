package xds

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// wishesMost is how many clusters of a class Ensure keeps. Each costs every proxy
// of the class some memory, and which there are is up to callers.
const wishesMost = 1000

// ErrAway says that a proxy is not connected here, and was waited for.
var ErrAway = errors.New("the proxy is not connected to this control plane")

// Wish is a cluster that a rule of somebody's own leads to.
type Wish struct {
	// Class is that of the router, and Node the proxy which asks; "" where it is
	// not known.
	Class, Node string
	// Turn is how long a proxy is waited for that is not connected here, before another
	// control plane is asked; 0: as long as for anything, and nobody is asked then.
	Turn time.Duration
	// Override leads to the cluster: see Server.Renew. Without a name it is one that is
	// published: nothing is added then, and only its endpoints are waited for.
	Override translate.Override
	Cluster  string
	Needs    translate.Needs
}

// wished is a wish that is kept.
type wished struct {
	Wish
	until time.Time
}

// Ensure adds a cluster and its endpoints to a class, beside what is published,
// and returns when the proxy that asks has them, or newer endpoints, if it answers;
// where it is not known which one asks, when every proxy of the class that answers
// has the cluster; or with the context's error. They stay for a while. What is published under the
// same name wins.
//
// A proxy that asks may be connected to another control plane, or come back to this or
// to another one in a moment, since it has just lost its own. It is waited for, for a
// turn of the wish, where the error is ErrAway. Where it was waited for to the end once,
// and in vain, it is not again until it has been here.
func (s *Server) Ensure(ctx context.Context, w Wish) error {
	s.mu.Lock()
	c := s.class(w.Class)
	now := s.clock.read()
	over := false
	var turn <-chan time.Time
	if w.Turn > 0 {
		turn = time.After(w.Turn)
	}
	if w.Cluster != "" && c.keep(w, now.Add(s.opts.KeepExtra)) {
		c.Extra(now, c.extras())
		s.wake()
	}
	var older map[string]string
	for {
		pending, away := c.pending(now, w), c.away(w.Node)
		if older == nil && !pending && !away {
			older = c.older(w)
		}
		wait := pending || c.hasStill(w, older) || away && c.mayCome(w.Node)
		if wait && away && over {
			s.mu.Unlock()
			return ErrAway
		}
		changed := s.changed
		if wait {
			s.waiting++
		}
		s.mu.Unlock()
		if !wait {
			return nil
		}
		select {
		case <-ctx.Done():
			if away && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				s.inVain(w)
			}
			return ctx.Err()
		case <-turn:
			over = true
		case <-changed:
		}
		s.mu.Lock()
		now = s.clock.read()
	}
}

// keep puts a wish beside what the class has until then, and tells whether anything
// of it is new.
func (c *class) keep(w Wish, until time.Time) (added bool) {
	had, ok := c.wishes[w.Cluster]
	if !ok && len(c.wishes) >= wishesMost {
		c.forgetOldest()
	}
	c.wishes[w.Cluster] = wished{w, until}
	return !ok || !sameNeeds(had.Needs, w.Needs)
}

func (c *class) forgetOldest() {
	oldest := ""
	for name, w := range c.wishes {
		if oldest == "" || w.until.Before(c.wishes[oldest].until) {
			oldest = name
		}
	}
	delete(c.wishes, oldest)
}

// release lets go of what nobody asked for since.
func (c *class) release(now time.Time) {
	gone := false
	for name, w := range c.wishes {
		if now.After(w.until) {
			delete(c.wishes, name)
			gone = true
		}
	}
	if gone {
		c.Extra(now, c.extras())
	}
}

// extras are all resources that the class has by wishes. Of two that are needed
// under one name the one that stays longer counts: it was asked for later.
func (c *class) extras() *translate.ClassSnapshot {
	all := &translate.ClassSnapshot{
		Resources: map[string]map[string]*translate.Resource{}, Local: map[string]map[translate.Scope]*translate.Resource{},
	}
	for _, w := range c.inOrder() {
		for _, r := range w.Needs.Resources {
			typ := r.Body.GetTypeUrl()
			if all.Resources[typ] == nil {
				all.Resources[typ] = map[string]*translate.Resource{}
			}
			all.Resources[typ][r.Name] = r
			if typ != translate.EndpointType {
				continue
			}
			if delete(all.Local, r.Name); len(w.Needs.Local[r.Name]) > 0 {
				all.Local[r.Name] = w.Needs.Local[r.Name]
			}
		}
	}
	return all
}

// inOrder gives the wishes, those that end first at first.
func (c *class) inOrder() []wished {
	return slices.SortedFunc(maps.Values(c.wishes), func(a, b wished) int { return a.until.Compare(b.until) })
}

// pending tells that the proxy that asks, or one of all, does not have one of the
// clusters yet, or has it from before and did not say yet with which endpoints. One that
// refused it, or does not answer, is not waited for.
func (c *class) pending(now time.Time, w Wish) bool {
	lacks := func(st *stream) bool {
		return slices.ContainsFunc(w.Needs.Resources, func(r *translate.Resource) bool {
			if r.Body.GetTypeUrl() == translate.EndpointType {
				return st.proxy.Untold(r.Name)
			}
			return st.proxy.Has(now, r.Name) == publish.Pending
		})
	}
	if w.Node != "" {
		return slices.ContainsFunc(c.nodes[w.Node], lacks)
	}
	for _, st := range c.streams {
		if lacks(st) {
			return true
		}
	}
	return false
}

// older gives the endpoints that the proxy which asks has, by cluster, where it is
// to have others. They may be those of pods that are gone.
func (c *class) older(w Wish) map[string]string {
	all := map[string]string{}
	for _, st := range c.nodes[w.Node] {
		for _, r := range w.Needs.Resources {
			if r.Body.GetTypeUrl() != translate.EndpointType {
				continue
			}
			if version := st.proxy.Older(r.Name); version != "" {
				all[r.Name] = version
			}
		}
	}
	return all
}

// hasStill tells that the proxy which asks has one of these yet. Where others come
// all the time, it is enough that it has newer ones.
func (c *class) hasStill(w Wish, older map[string]string) bool {
	for name, version := range older {
		for _, st := range c.nodes[w.Node] {
			if st.proxy.Older(name) == version {
				return true
			}
		}
	}
	return false
}

// Connected tells whether a proxy of a class has a stream here.
func (s *Server) Connected(class, node string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.classes[class]
	return c != nil && !c.away(node)
}

// away tells that the proxy that asks is known, and not connected.
func (c *class) away(node string) bool { return node != "" && len(c.nodes[node]) == 0 }

// mayCome tells that a proxy that is away may come in a moment.
func (c *class) mayCome(node string) bool {
	_, inVain := c.elsewhere[node]
	return !inVain
}

// inVain notes that a proxy did not come while it was waited for. Only those are waited
// for whose question nobody else has taken (Resolver.await): where replicas
// share one address, the one that a proxy asks may never be the one that it is connected
// to, and a proxy may be let in by none. Without the note, each of their requests would
// wait as long, and not the first alone.
func (s *Server) inVain(w Wish) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.classes[w.Class]; c != nil && c.away(w.Node) && len(c.elsewhere) < s.opts.MaxStreams {
		c.elsewhere[w.Node] = struct{}{}
	}
}

package xds

import (
	"context"
	"maps"
	"time"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// extra is what Ensure added under one name: the resource, those that differ by
// proxy, or both.
type extra struct {
	resource *translate.Resource
	local    map[translate.Scope]*translate.Resource
	until    time.Time
}

// release lets go of what Ensure added and nobody asked for since.
func (c *class) release(now time.Time) {
	gone := false
	for key, e := range c.extra {
		if now.After(e.until) {
			delete(c.extra, key)
			gone = true
		}
	}
	if gone {
		c.Extra(now, c.extras())
	}
}

func (c *class) extras() *translate.ClassSnapshot {
	all := &translate.ClassSnapshot{
		Resources: map[string]map[string]*translate.Resource{}, Local: map[string]map[translate.Scope]*translate.Resource{},
	}
	for _, e := range c.extra {
		r := e.resource
		typ := r.Body.GetTypeUrl()
		if all.Resources[typ] == nil {
			all.Resources[typ] = map[string]*translate.Resource{}
		}
		all.Resources[typ][r.Name] = r
		if len(e.local) > 0 {
			all.Local[r.Name] = e.local
		}
	}
	return all
}

// Ensure adds clusters and load assignments to a class, beside what is
// published, and returns when every proxy of the class that answers has them,
// or with the context's error. They stay for a while. What is published under
// the same name wins.
func (s *Server) Ensure(ctx context.Context, name string, needs translate.Needs) error {
	s.mu.Lock()
	c := s.class(name)
	now := s.clock.read()
	if c.add(needs, now.Add(s.opts.KeepExtra)) {
		c.Extra(now, c.extras())
		s.wake()
	}
	for {
		pending := c.pending(now, needs.Resources)
		changed := s.changed
		if pending {
			s.waiting++
		}
		s.mu.Unlock()
		if !pending {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		s.mu.Lock()
		now = s.clock.read()
	}
}

// add puts what is needed beside what the class has until then, and tells
// whether anything of it is new.
func (c *class) add(needs translate.Needs, until time.Time) bool {
	added := false
	for _, r := range needs.Resources {
		e := extra{resource: r, until: until}
		if r.Body.GetTypeUrl() == translate.EndpointType {
			e.local = needs.Local[r.Name]
		}
		key := r.Body.GetTypeUrl() + " " + r.Name
		had, ok := c.extra[key]
		added = added || !ok || had.resource.Version != r.Version || !sameLocal(had.local, e.local)
		c.extra[key] = e
	}
	return added
}

func sameLocal(a, b map[translate.Scope]*translate.Resource) bool {
	return maps.EqualFunc(a, b, func(x, y *translate.Resource) bool { return x.Version == y.Version })
}

// pending tells that a proxy does not have one of the clusters yet. One that
// refused it, or does not answer, is not waited for.
func (c *class) pending(now time.Time, resources []*translate.Resource) bool {
	for _, r := range resources {
		if r.Body.GetTypeUrl() != translate.ClusterType {
			continue
		}
		for p := range c.streams {
			if p.Has(now, r.Name) == publish.Pending {
				return true
			}
		}
	}
	return false
}

package xds

import (
	"context"
	"maps"
	"time"

	"kibble.dev/translate"
)

const (
	renewEvery = time.Second
	// renewShare is how many times as long as renewing takes nothing is renewed then.
	renewShare = 20
)

// Renew brings what Ensure keeps up to date: again says what a cluster needs now,
// by the override that led to it, and is not ok where that leads there no longer;
// then the cluster goes. So what a proxy has of them when it loses its control
// plane is not older than all else that it has.
func (s *Server) Renew(again func(o translate.Override, cluster string) (needs translate.Needs, ok bool)) {
	for name, wishes := range s.wishes() {
		needs := map[string]translate.Needs{}
		for _, w := range wishes {
			if n, ok := again(w.Override, w.Cluster); ok {
				needs[w.Cluster] = n
			}
		}
		s.renew(name, wishes, needs)
	}
}

// wishes gives those that are kept, by class.
func (s *Server) wishes() map[string][]wished {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string][]wished{}
	for name, c := range s.classes {
		if len(c.wishes) > 0 {
			all[name] = c.inOrder()
		}
	}
	return all
}

// renew takes what wishes of before need now. Those that came meanwhile are newer.
func (s *Server) renew(name string, before []wished, needs map[string]translate.Needs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.classes[name]
	if c == nil {
		return
	}
	changed := false
	for _, was := range before {
		now, ok := c.wishes[was.Cluster]
		if !ok || !sameNeeds(now.Needs, was.Needs) {
			continue
		}
		n, leads := needs[was.Cluster]
		switch {
		case !leads:
			delete(c.wishes, was.Cluster)
			changed = true
		case !sameNeeds(n, was.Needs):
			now.Needs = n
			c.wishes[was.Cluster] = now
			changed = true
		}
	}
	if changed {
		c.Extra(s.clock.read(), c.extras())
		s.wake()
	}
}

// sameNeeds tells that two are the same resources in the same versions, of one cluster.
func sameNeeds(a, b translate.Needs) bool {
	versions := func(n translate.Needs) map[string]string {
		all := map[string]string{}
		for _, r := range n.Resources {
			typ := r.Body.GetTypeUrl()
			all[typ+" "+r.Name] = r.Version
			if typ != translate.EndpointType {
				continue
			}
			for scope, local := range n.Local[r.Name] {
				all[typ+" "+r.Name+" "+string(scope)] = local.Version
			}
		}
		return all
	}
	return maps.Equal(versions(a), versions(b))
}

// KeepUp renews what callers' rules led to when the model has become another one,
// until the context ends. Requests do not wait for it: each asks itself.
func (r *Resolver) KeepUp(ctx context.Context) {
	var last *translate.Model
	for pause := renewEvery; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		m := r.Model()
		if pause = renewEvery; m == nil || m == last {
			continue
		}
		began := time.Now()
		last = m
		r.Renew(func(o translate.Override, cluster string) (translate.Needs, bool) {
			for _, b := range m.Resolve(o).Branches {
				if b.Cluster == cluster {
					return b.Needs, true
				}
			}
			return translate.Needs{}, false
		})
		pause = max(renewEvery, renewShare*time.Since(began))
	}
}

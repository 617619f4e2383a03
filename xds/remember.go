package xds

import (
	"maps"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// Verdict is a version of a resource that is refused where it was tried.
type Verdict struct {
	Class string
	publish.Version
	Words string
}

// Provisional serves what proxies were to have at an earlier time, until the
// first Publish: those that begin anew get it, and nothing is taken away from
// those that come back, or replaced. After a Publish it has no effect.
func (s *Server) Provisional(snapshot *translate.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.complete {
		return
	}
	now := s.clock.read()
	for name, c := range snapshot.Classes {
		s.class(name).Class.Provisional(now, c)
	}
	s.published = true
	s.wake()
}

// Remember gives what was learnt from the proxies' answers, by class, in a form
// for a later server's Recall. It holds no secrets. What is in it must not be changed.
func (s *Server) Remember() map[string]*publish.Remembered {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := maps.Clone(s.recalled) // of classes that are not there yet
	if all == nil {
		all = map[string]*publish.Remembered{}
	}
	for name, c := range s.classes {
		if m := c.Remember(); m != nil {
			all[name] = m
		}
	}
	return all
}

// Recall tells what an earlier server learnt. It is to be called before
// anything is published.
func (s *Server) Recall(m map[string]*publish.Remembered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recalled = m
	for name, c := range s.classes {
		c.Recall(m[name])
	}
}

// changes counts what was learnt.
func (s *Server) changes() (n int) {
	for _, c := range s.classes {
		n += c.Changes()
	}
	return n
}

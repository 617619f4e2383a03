package main

import (
	"context"
	"log/slog"
	"time"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// follow translates each inventory and publishes it. A policy that ends by
// itself makes the last inventory be translated again.
func (s *serving) follow(ctx context.Context, updates <-chan discovery.Update) error {
	var last discovery.Update
	defer s.ends.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case last = <-updates:
		case <-s.ends.C:
			if m := s.model.Load(); !m.Outdated(time.Now()) {
				s.awaitEnd(m)
				continue
			}
		case <-s.frequent:
			if s.read.Load() != nil {
				s.foretell()
			}
			continue
		}
		if last.Inventory != nil {
			s.publish(last)
		} else {
			s.provide() // a policy of an earlier time has ended
		}
	}
}

func (s *serving) publish(u discovery.Update) {
	began := time.Now()
	m := s.next(u.Inventory, began)
	snapshot, unserved := m.SnapshotAfter(s.last)
	snapshot.KeepFrom(s.last)
	s.last = snapshot
	all := append(append(append([]dtab.Finding(nil), u.Findings...), m.Findings()...), unserved...)
	s.report(all)
	s.model.Store(m)
	s.read.Store(&u)
	s.keeper.keep(m, u.Kept)
	s.foretell()
	s.growth = keepMemoryLow(s.growth)
	s.awaitEnd(m)
	took := time.Since(began)
	s.built.done(m, took)
	s.log.Info("published", "routers", len(m.RouterNames()), "findings", len(all), "took", took.Round(time.Microsecond))
}

// lookAgain is how long a clock that was set may go unnoticed.
const lookAgain = time.Minute

// awaitEnd has follow look when the next policy ends. Timers do not know of
// clocks that are set, forward or back, so it looks now and then.
func (s *serving) awaitEnd(m *translate.Model) {
	next := lookAgain
	if end, ok := m.NextEnd(); ok {
		next = min(time.Until(end), next)
	}
	s.ends.Reset(next)
}

// foretell publishes the last snapshot, with the answers to overrides that come often.
func (s *serving) foretell() {
	snapshot := s.model.Load().Foretell(s.last, s.resolver.Frequent())
	if s.gate != nil {
		s.gate.Offer(snapshot)
		return
	}
	s.server.Publish(snapshot)
}

// next reads an inventory. What somebody broke goes on as it was served last.
func (s *serving) next(inv *translate.Inventory, now time.Time) *translate.Model {
	if last := s.model.Load(); last != nil {
		return last.Next(inv, now)
	}
	return translate.NewModel(inv, now)
}

// report logs the findings that are new.
func (s *serving) report(all []dtab.Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := map[dtab.Finding]bool{}
	for _, f := range s.findings {
		known[f] = true
	}
	for _, f := range all {
		if known[f] {
			continue
		}
		level := map[dtab.Severity]slog.Level{dtab.Error: slog.LevelError, dtab.Warning: slog.LevelWarn}[f.Severity]
		s.log.Log(context.Background(), level, "finding", "message", f.Message, "at", f.Pos.String(), "hint", f.Hint, "code", f.Code)
	}
	s.findings = all
}

func (s *serving) found() []dtab.Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]dtab.Finding{}, s.findings...)
}

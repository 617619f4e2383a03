package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/internal/statedir"
	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// keeper keeps what a server needs to begin with in --state-dir. A nil one
// keeps nothing.
type keeper struct {
	dir              *statedir.Dir
	objects, answers *statedir.File
	// source says what the objects were read from.
	source string
	began  time.Time
	// good is what an earlier server served, and written when; nil: not known.
	good    *translate.Good
	kept    []discovery.Object // of them
	written time.Time
}

// servedObjects is the content of the file of objects.
type servedObjects struct {
	// Source is where they were read: those of another one do not count.
	Source string          `json:"source"`
	Good   *translate.Good `json:"good"`
	// Kept are those that the cluster had no more, see discovery.Update.
	Kept []discovery.Object `json:"kept,omitempty"`
}

// openState reads what an earlier server has kept.
func (s *serving) openState(registry prometheus.Registerer) error {
	k := &keeper{
		dir:   statedir.Open(statedir.Options{Path: s.stateDir, Logger: s.log, Registerer: registry}),
		began: time.Now(),
	}
	var err error
	if k.source, err = s.origin(); err != nil {
		return err
	}
	k.objects = k.dir.File(statedir.Kind{Name: "objects", Version: 1})
	k.answers = k.dir.File(statedir.Kind{Name: "answers", Version: 1})
	var kept servedObjects
	if when, ok := k.objects.Load(&kept); ok {
		if kept.Source == k.source && kept.Good != nil {
			k.good, k.kept, k.written = kept.Good, kept.Kept, when
		} else {
			s.log.Warn("what was kept of an earlier run is ignored: it was read elsewhere", "directory", s.stateDir, "then", kept.Source, "now", k.source)
		}
	}
	s.keeper = k
	return nil
}

// origin says what the objects are read from.
func (s *serving) origin() (string, error) {
	if s.files {
		path, err := filepath.Abs(s.path)
		if err != nil {
			return "", fmt.Errorf("-f %s: %w", s.path, err)
		}
		return "files " + path, nil
	}
	config, err := s.cluster.config()
	if err != nil {
		return "", err
	}
	return strings.TrimSpace("cluster " + config.Host + " " + strings.Join(s.cluster.namespaces, ",")), nil
}

// begin takes over what an earlier server learnt, and serves what it served
// until the cluster was read. Files need no such time.
func (s *serving) begin() {
	if s.keeper == nil {
		return
	}
	var answers map[string]*publish.Remembered
	if _, ok := s.keeper.answers.Load(&answers); ok {
		s.server.Recall(answers)
	}
	if s.keeper.good != nil {
		s.provide()
	}
}

// provide serves the state of an earlier time as it is now.
func (s *serving) provide() {
	m := s.keeper.good.Model(time.Now())
	snapshot, _ := m.Snapshot()
	s.model.Store(m)
	s.last = snapshot
	if s.files {
		return
	}
	s.server.Provisional(snapshot)
	s.awaitEnd(m)
	s.report([]dtab.Finding{{
		Code: codeEarlier, Severity: dtab.Warning, Pos: dtab.Pos{Source: s.keeper.source},
		Message: "the cluster has not been read yet; what was served on " + s.keeper.written.Format(time.RFC3339) +
			" is given to proxies that start, and those that run keep what they have",
		Hint: "see to the API server, or to Kibble's rights: /readyz says what is missing",
	}})
}

// codeEarlier is the code of what is said while the state of an earlier server is served.
const codeEarlier = "KB1018"

// lastGood gives the facts of an earlier server, nil if there are none.
func (k *keeper) lastGood() *translate.Inventory {
	if k == nil || k.good == nil {
		return nil
	}
	return k.good.Inventory()
}

// lastKept gives those of lastGood that the cluster had no more.
func (k *keeper) lastKept() []discovery.Object {
	if k == nil {
		return nil
	}
	return k.kept
}

// suffices says that what an earlier server left has to do.
func (k *keeper) suffices() bool {
	return k != nil && k.good != nil && time.Since(k.began) >= patience
}

// keep has the objects written that a model serves.
func (k *keeper) keep(m *translate.Model, kept []discovery.Object) {
	if k != nil {
		k.objects.Put(func() any { return servedObjects{k.source, m.Good(), kept} })
	}
}

// learnt has the proxies' answers written.
func (s *serving) learnt() {
	if s.keeper != nil {
		s.keeper.answers.Put(func() any { return s.server.Remember() })
	}
}

// run writes what is to be kept until the end that it gives is called.
func (k *keeper) run(ctx context.Context) (end func()) {
	if k == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = k.dir.Run(ctx) // it has no errors
	}()
	return func() {
		cancel()
		<-done
	}
}

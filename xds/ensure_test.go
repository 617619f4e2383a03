package xds_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"kibble.dev/translate"
	"kibble.dev/xds"
)

// wish is one for the cluster x of class edge, of a proxy or, for "", of any.
func wish(node string, needs translate.Needs) xds.Wish {
	return xds.Wish{Class: "edge", Node: node, Cluster: "x", Needs: needs}
}

// needsOf are what cluster x needs with one endpoint.
func needsOf(t *testing.T, address string) translate.Needs {
	t.Helper()
	return translate.Needs{Resources: []*translate.Resource{cluster(t, "x", time.Second), endpoints(t, "x", address)}}
}

// Ensure adds a cluster beside the published ones, and returns when it is acknowledged.
func TestEnsure(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		extra := needsOf(t, "127.0.0.1:9")
		published := edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1"))
		s.Publish(published)
		p := dial(t, address, protocol, node("n", "edge"))
		p.begin("a")
		until(t, "a is acknowledged", func() bool { return statusOf(s, eds).Acked == 1 })

		done := make(chan error, 1)
		go func() { done <- s.Ensure(t.Context(), wish("", extra)) }()
		m := p.next()
		if m.typ != cds || !slices.Contains(m.names(), "x") {
			t.Fatalf("got %s %v, want the cluster x", m.typ, m.names())
		}
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := s.Ensure(short, wish("", extra)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("before the acknowledgement: %v, want the context's error", err)
		}
		p.ask(eds, "x")
		p.accept(eds, "x")
		p.ack(m)
		if err := <-done; err != nil {
			t.Errorf("after the acknowledgement: %v", err)
		}
		if err := s.Ensure(t.Context(), wish("", extra)); err != nil {
			t.Errorf("once more: %v", err)
		}
		s.Publish(published) // it stays
		if err := s.Ensure(t.Context(), wish("", extra)); err != nil {
			t.Errorf("after a Publish: %v", err)
		}
	})
}

// What is ensured may differ by where the proxy is.
func TestEnsureByScope(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1")))
		own, other := endpoints(t, "x", "127.0.0.1:2"), endpoints(t, "x", "127.0.0.1:3")
		needs := translate.Needs{
			Resources: []*translate.Resource{cluster(t, "x", time.Second), other},
			Local:     map[string]map[translate.Scope]*translate.Resource{"x": {translate.PodScope("10.0.0.1"): own}},
		}
		if err := s.Ensure(t.Context(), wish("", needs)); err != nil {
			t.Fatal(err)
		}
		for ip, want := range map[string]*translate.Resource{"10.0.0.1": own, "10.0.0.2": other} {
			p := dial(t, address, protocol, node("n"+ip, "edge", "POD_IP", ip))
			p.ask(cds)
			p.accept(cds, "a", "x")
			p.ask(eds, "x")
			m := p.accept(eds, "x")
			if protocol == "delta" && m.resources["x"] != want.Version {
				t.Errorf("at %s: version %s, want %s", ip, m.resources["x"], want.Version)
			}
		}
		s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1"))) // it stays
		p := dial(t, address, protocol, node("later", "edge", "POD_IP", "10.0.0.1"))
		p.ask(cds)
		p.accept(cds, "a", "x")
		p.ask(eds, "x")
		if m := p.accept(eds, "x"); protocol == "delta" && m.resources["x"] != own.Version {
			t.Errorf("after a Publish: version %s, want %s", m.resources["x"], own.Version)
		}
	})
}

// What was ensured before the first Publish is not lost.
func TestEnsureEarly(t *testing.T) {
	s, address := serve(t, xds.Options{})
	if err := s.Ensure(t.Context(), wish("", needsOf(t, "127.0.0.1:9"))); err != nil {
		t.Fatal(err)
	}
	s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1")))
	p := dial(t, address, "delta", node("n", "edge"))
	p.ask(cds)
	p.accept(cds, "a", "x")
}

// A request waits for the proxy that asks, and not for others that do not answer.
func TestEnsureForOne(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1")))
		silent, asks := dial(t, address, protocol, node("silent", "edge")), dial(t, address, protocol, node("asks", "edge"))
		for _, p := range []*peer{silent, asks} {
			p.begin("a")
		}
		done := make(chan error, 1)
		go func() { done <- s.Ensure(t.Context(), wish("asks", needsOf(t, "127.0.0.1:9"))) }()
		silent.next() // and says nothing
		m := asks.next()
		asks.ask(eds, "x")
		asks.accept(eds, "x")
		asks.ack(m)
		if err := <-done; err != nil {
			t.Error(err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := s.Ensure(short, wish("silent", needsOf(t, "127.0.0.1:9"))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("for the one that says nothing: %v, want the context's error", err)
		}
	})
}

// Endpoints that changed are waited for as well, or newer ones.
func TestEnsureNewerEndpoints(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1")))
		if err := s.Ensure(t.Context(), wish("", needsOf(t, "127.0.0.1:9"))); err != nil {
			t.Fatal(err)
		}
		p := dial(t, address, protocol, node("n", "edge"))
		p.begin("a", "x")
		until(t, "they are acknowledged", func() bool { return statusOf(s, eds).Acked == 2 })

		done := make(chan error, 1)
		go func() { done <- s.Ensure(t.Context(), wish("n", needsOf(t, "127.0.0.1:10"))) }()
		changed := p.expect(eds, "x")
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := s.Ensure(short, wish("n", needsOf(t, "127.0.0.1:11"))); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("before the acknowledgement: %v, want the context's error", err)
		}
		p.ack(changed)
		if err := <-done; err != nil {
			t.Errorf("with endpoints that are newer: %v", err)
		}
	})
}

// A proxy that asks a control plane which has just begun, before it is connected to
// it, is waited for: it may have the cluster from before, with endpoints of then.
func TestEnsureBeforeJoining(t *testing.T) {
	s, address := serve(t, xds.Options{})
	listens(t, s, address)
	s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1")))
	done := make(chan error, 1)
	go func() { done <- s.Ensure(t.Context(), wish("n", needsOf(t, "127.0.0.1:9"))) }()
	other := dial(t, address, "delta", node("other", "edge")) // for others it does not wait
	other.ask(cds)
	for m := other.next(); !slices.Contains(m.names(), "x"); m = other.next() {
		other.ack(m) // it may have asked first
	}
	p := dial(t, address, "delta", node("n", "edge"))
	p.known = map[string]map[string]string{cds: {}, eds: {"x": "of then"}}
	for _, r := range []*translate.Resource{cluster(t, "a", time.Second), cluster(t, "x", time.Second)} {
		p.known[cds][r.Name] = r.Version
	}
	p.ask(cds)
	p.ask(eds, "x")
	m := p.next()
	for ; m.typ != eds; m = p.next() {
		p.ack(m)
	}
	select {
	case err := <-done:
		t.Errorf("before the endpoints are acknowledged: %v", err)
	default:
	}
	p.ack(m)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// One that does not come to the end is connected elsewhere, and not waited for again
// until it was here.
func TestEnsureForOneElsewhere(t *testing.T) {
	s, address := serve(t, xds.Options{})
	listens(t, s, address)
	s.Publish(edge(cluster(t, "a", time.Second)))
	turns := wish("n", needsOf(t, "127.0.0.1:9"))
	turns.Turn = time.Millisecond
	for range 2 {
		if err := s.Ensure(t.Context(), turns); !errors.Is(err, xds.ErrAway) {
			t.Errorf("for a turn: %v, want %v", err, xds.ErrAway)
		}
	}
	waits := func(node string) error {
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		return s.Ensure(short, wish(node, needsOf(t, "127.0.0.1:9")))
	}
	if err := waits("n"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("at first: %v, want the context's error", err)
	}
	if err := waits("n"); err != nil {
		t.Errorf("once more: %v", err)
	}
	p := dial(t, address, "delta", node("n", "edge"))
	p.ask(cds)
	p.expect(cds, "a", "x")
	p.close()
	until(t, "it has left", func() bool { return len(s.Proxies()) == 0 })
	if err := waits("n"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after it was here: %v, want the context's error", err)
	}
}

// listens returns when proxies can connect.
func listens(t *testing.T, s *xds.Server, address string) {
	t.Helper()
	p := dial(t, address, "delta", node("first", "edge"))
	p.ask(cds)
	until(t, "a proxy is there", func() bool { return len(s.Proxies()) == 1 })
	p.close()
	until(t, "it has left", func() bool { return len(s.Proxies()) == 0 })
}

// What was ensured follows the model, also where nobody asks again.
func TestRenew(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{Drain: time.Millisecond})
		s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1")))
		w := wish("", needsOf(t, "127.0.0.1:2"))
		w.Override = translate.Override{Router: "default/out"}
		if err := s.Ensure(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		p := dial(t, address, protocol, node("n", "edge"))
		p.begin("a", "x")
		s.Renew(func(o translate.Override, cluster string) (translate.Needs, bool) {
			if o.Router != "default/out" || cluster != "x" {
				t.Errorf("it asks again about %+v and %s", o, cluster)
			}
			return needsOf(t, "127.0.0.1:3"), true
		})
		m := p.accept(eds, "x")
		if want := endpoints(t, "x", "127.0.0.1:3").Version; protocol == "delta" && m.resources["x"] != want {
			t.Errorf("version %s, want %s", m.resources["x"], want)
		}
		s.Renew(func(translate.Override, string) (translate.Needs, bool) { return translate.Needs{}, false })
		if m := p.next(); m.typ != cds || slices.Contains(m.names(), "x") || protocol == "delta" && !slices.Contains(m.removed, "x") {
			t.Errorf("got %s %v and removed %v, want x to be removed", m.typ, m.names(), m.removed)
		}
	})
}

// There is a bound to what callers' rules can have all proxies be told.
func TestEnsureBound(t *testing.T) {
	s, address := serve(t, xds.Options{})
	s.Publish(edge(cluster(t, "a", time.Second)))
	for i := range 1200 {
		name := fmt.Sprintf("x%04d", i)
		w := xds.Wish{Class: "edge", Cluster: name, Needs: translate.Needs{Resources: []*translate.Resource{cluster(t, name, time.Second)}}}
		if err := s.Ensure(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	p := dial(t, address, "delta", node("n", "edge"))
	p.ask(cds)
	m := p.next()
	if n := len(m.resources); n != 1001 || m.resources["x1199"] == "" {
		t.Errorf("%d clusters were sent, want a and the 1000 that were asked for last", n)
	}
}

package livetest

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// ejected gives the addresses that Envoy leaves out because they refuse connections.
func (x *live) ejected(t testing.TB) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(x.Get(t, "/clusters")) {
		if name, flags, ok := strings.Cut(line, "::health_flags::"); ok && strings.Contains(flags, "failed_outlier_check") {
			parts := strings.Split(name, "::")
			all = append(all, parts[len(parts)-1])
		}
	}
	slices.Sort(all)
	return all
}

// An endpoint that is ejected gets no request: its environment's other pods
// answer, and where all are ejected the baseline does at once, without a retry.
func TestEjectedGivesBaseline(t *testing.T) {
	v2, sick := app(t, "v2"), []pod{refusing(t), refusing(t)}
	x := start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {v2, sick[0]}})
	const cookie = "cookie: env=world-v2"
	const own, fell = `200 v2 environment="world-v2" fallback=""`, `200 v1 environment="world-v2" fallback="world-v2"`
	ask := func(want ...string) string {
		t.Helper()
		got := x.ask(t, "front", "world", cookie).String()
		if !slices.Contains(want, got) {
			t.Fatalf("it is answered %s, want one of %q", got, want)
		}
		return got
	}
	retries := func() string { return x.Get(t, `/stats?filter=cluster\..*\.upstream_rq_retry$`) }
	until(t, "the sick pod is ejected", func() bool {
		ask(own, fell) // a retry may go to the stand-in
		return slices.Equal(x.ejected(t), []string{sick[0].address})
	})
	// A worker hears of it a moment later, and it comes back after a while.
	until(t, "the other pod answers without a retry while the sick one is ejected", func() bool {
		before := retries()
		return ask(own, fell) == own && retries() == before && slices.Equal(x.ejected(t), []string{sick[0].address})
	})

	x.set(t, "world-v2", sick)
	both := []string{sick[0].address, sick[1].address}
	slices.Sort(both)
	until(t, "both sick pods are ejected", func() bool {
		ask(own, fell)
		return slices.Equal(x.ejected(t), both)
	})
	until(t, "a request is answered without a retry while both are ejected", func() bool {
		before := retries()
		ask(fell)
		return retries() == before && slices.Equal(x.ejected(t), both)
	})

	x.set(t, "world-v2", []pod{v2})
	x.settles(t, own, "front", "world", cookie)
}

// Where all endpoints are ejected and nobody stands in, they are tried all the same:
// one that is back answers at once, and not when its time is over.
func TestEjectedAloneIsTried(t *testing.T) {
	only := refusing(t)
	x := start(t, hello, map[string][]pod{"world-v1": {only}})
	until(t, "it answers while it is ejected", func() bool {
		until(t, "it is ejected", func() bool {
			x.ask(t, "front", "world")
			return len(x.ejected(t)) == 1
		})
		listener, err := net.Listen("tcp", only.address)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "back") }))
		s.Listener.Close()
		s.Listener = listener
		s.Start()
		defer s.Close()
		got := x.ask(t, "front", "world")
		if len(x.ejected(t)) == 0 {
			return false // its time was over meanwhile; once more
		}
		if got.status != http.StatusOK {
			t.Fatalf("it is answered %s while the only endpoint is ejected, and back", got)
		}
		return true
	})
}

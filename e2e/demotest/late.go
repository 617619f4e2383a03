package demotest

import (
	"os"
	"testing"
	"time"
)

// lateness is how late whatever passes a Link is at most, each write at random:
// KIBBLE_LATE, such as 250ms, else not at all. Things then happen in orders in which
// they seldom do.
func lateness(t testing.TB) time.Duration {
	t.Helper()
	text := os.Getenv("KIBBLE_LATE")
	if text == "" {
		return 0
	}
	most, err := time.ParseDuration(text)
	if err != nil || most < 0 {
		t.Fatalf("KIBBLE_LATE is %q, want a duration such as 250ms", text)
	}
	return most
}

// late puts links where a test has none of its own: between the last control plane
// and the API server, and between the proxies and each control plane.
func (o Options) late(t testing.TB) Options {
	if o.Through == nil {
		o.Through = NewLink(t).Through
	}
	if o.ProxiesThrough == nil {
		links := map[string]string{}
		o.ProxiesThrough = func(address string) string {
			if links[address] == "" {
				links[address] = NewLink(t).To(address)
			}
			return links[address]
		}
	}
	return o
}

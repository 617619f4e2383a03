package xds

import (
	"testing"
	"time"
)

// The clock goes on as far as the server ran, whatever the machine's does.
func TestClock(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	c := clock{now: func() time.Time { return now }}
	start := c.read()
	for i, step := range []struct{ jump, counts time.Duration }{
		{100 * time.Millisecond, 100 * time.Millisecond},
		{5 * time.Hour, 0},
		{time.Second, time.Second},
		{-9 * time.Hour, 0},
		{-time.Millisecond, 0},
		{time.Second, time.Second},
	} {
		now = now.Add(step.jump)
		got := c.read()
		if d := got.Sub(start); d != step.counts {
			t.Errorf("%d: after %v it went on by %v, want %v", i, step.jump, d, step.counts)
		}
		if shown := c.shown(got); !shown.Equal(now) {
			t.Errorf("%d: shown is %v at %v", i, shown, now)
		}
		start = got
	}
	if !c.shown(time.Time{}).IsZero() {
		t.Error("no time has become one")
	}
}

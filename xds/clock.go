package xds

import "time"

// clock is what limits are measured by: the time in which the server ran. A
// clock that was set, forward or back, and a process or machine that was stopped
// for a while must not make answers overdue that had no chance to be heard, nor
// let the time pass in which a cluster drains. It is guarded by the server's lock.
type clock struct {
	now  func() time.Time
	last time.Time
	// skipped is what did not count.
	skipped time.Duration
}

// leap is more than can pass between two ticks of a server that runs.
const leap = 2 * time.Second

// read gives the time. It never goes back.
func (c *clock) read() time.Time {
	now := c.now()
	if d := now.Sub(c.last); !c.last.IsZero() && (d < 0 || d > leap) {
		c.skipped += d
	}
	c.last = now
	return now.Add(-c.skipped)
}

// shown gives what people's clocks say of a time of this one; zero stays zero.
func (c *clock) shown(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(c.skipped)
}

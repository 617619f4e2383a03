package xds

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// silentMost is how many streams may be open on which nothing was said yet, also by
// those who are known. When there are more the oldest ends: one that a proxy opens
// is silent for no longer than its first request takes.
const silentMost = 1000

// silent is a stream on which nothing was said yet.
type silent struct {
	since time.Time
	end   context.CancelCauseFunc
}

// open notes a stream; spoke is to be called with what it gives when something was
// said, or the stream has ended.
func (d *door) open(end context.CancelCauseFunc) *silent {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := &silent{since: d.clock.read(), end: end}
	if d.silent = append(d.silent, st); len(d.silent) > silentMost {
		d.hush(d.silent[0], codes.ResourceExhausted)
	}
	return st
}

func (d *door) spoke(st *silent) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silent = slices.DeleteFunc(d.silent, func(o *silent) bool { return o == st })
}

// hush ends a stream.
func (d *door) hush(st *silent, code codes.Code) {
	d.silent = slices.DeleteFunc(d.silent, func(o *silent) bool { return o == st })
	d.metrics.denied.WithLabelValues(code.String()).Inc()
	d.hushed++
	st.end(status.Error(code, "a stream must begin with a request, and none came"))
}

// hushLate ends those that have been silent for too long.
func (d *door) hushLate(now time.Time) {
	for len(d.silent) > 0 && now.Sub(d.silent[0].since) > introduction {
		d.hush(d.silent[0], codes.DeadlineExceeded)
	}
	if d.hushed > 0 {
		d.log.Warn("streams on which nothing was said were ended", "streams", d.hushed)
		d.hushed = 0
	}
}

// whyEnded gives the status with which a stream was made to end, nil if there is none.
func whyEnded(ctx context.Context) error {
	if why := context.Cause(ctx); status.Code(why) != codes.Unknown {
		return why
	}
	return nil
}

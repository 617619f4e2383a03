package discovery

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiwatch "k8s.io/apimachinery/pkg/watch"
)

// How long an API server may be silent. It ends requests other than watches
// after a minute itself, and says something in a watch about once a minute.
// What is silent for longer has been lost on the way, by something between that
// keeps the connection up.
const (
	listLimit    = 90 * time.Second
	watchSilence = 3 * time.Minute
)

// patient ends requests of which nothing is heard any more; whoever made them
// makes them again.
type patient struct {
	access
	silence time.Duration
}

func (p patient) List(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	return p.access.List(ctx, o)
}

func (p patient) Watch(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
	ctx, cancel := context.WithCancel(ctx)
	// Until it is answered, the same limit holds.
	answer := time.AfterFunc(p.silence, cancel)
	w, err := p.access.Watch(ctx, o)
	if answer.Stop(); err != nil {
		cancel()
		return nil, err
	}
	h := &heardWatch{from: w, to: make(chan apiwatch.Event), ended: make(chan struct{})}
	go h.pass(p.silence, cancel)
	return h, nil
}

// heardWatch is a watch that ends when nothing has come for a while.
type heardWatch struct {
	from  apiwatch.Interface
	to    chan apiwatch.Event
	once  sync.Once
	ended chan struct{} // by Stop
}

// ResultChan gives the events; it is closed at the end.
func (h *heardWatch) ResultChan() <-chan apiwatch.Event { return h.to }

// Stop ends it.
func (h *heardWatch) Stop() { h.once.Do(func() { close(h.ended) }) }

// pass passes events on until the watch ends, is stopped, or is silent for too long.
func (h *heardWatch) pass(silence time.Duration, cancel context.CancelFunc) {
	defer cancel()
	defer close(h.to)
	defer h.from.Stop()
	limit := time.NewTimer(silence)
	defer limit.Stop()
	for {
		select {
		case <-h.ended:
			return
		case <-limit.C:
			return
		case event, ok := <-h.from.ResultChan():
			if !ok {
				return
			}
			select {
			case <-h.ended:
				return
			case h.to <- event:
			}
			limit.Reset(silence)
		}
	}
}

package discovery

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// guard tells objects of ours that somebody deleted from those that went with
// their CustomResourceDefinition: who deletes that, or replaces it by force,
// deletes every object of the kind, and hardly means that requests should lead
// nowhere. So an object counts as deleted only if its kind is still the one
// that it was listed with.
type guard struct {
	kind string
	// ask asks the API server.
	ask func(ctx context.Context, kind string) (definition, error)

	mu sync.Mutex
	// away counts how often the kind was seen not to be there.
	away int
	// begun is what there was when a list began, listed when the last one ended.
	begun, listed edition
	// doubted are objects that are gone; count is how many ever were.
	doubted map[id]doubt
	count   int
	wake    chan struct{} // there are some
}

// doubt is about one object.
type doubt struct {
	known  edition // that it was known in
	number int
}

// edition is one of the CustomResourceDefinitions that a kind has had in turn.
type edition struct {
	definition
	away int
}

// notice is how long an API server may take to tell of a kind that is being
// deleted to whoever may not read CustomResourceDefinitions.
const notice = time.Second

// askAgain lies between two questions of which the first was not answered.
const askAgain = time.Second

func newGuard(kind string, ask func(context.Context, string) (definition, error)) *guard {
	return &guard{kind: kind, ask: ask, doubted: map[id]doubt{}, wake: make(chan struct{}, 1)}
}

// begin is called before objects are listed.
func (g *guard) begin(ctx context.Context) error {
	now, err := g.now(ctx, false)
	if err == nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.begun = now
	}
	return err
}

// end is called when objects were listed; some that were known before may be
// missing. It tells whether those went with their kind. An error says that the
// list does not count.
func (g *guard) end(ctx context.Context, missing bool) (kept bool, err error) {
	now, err := g.now(ctx, missing)
	if err != nil {
		return false, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.definition != g.begun.definition {
		return false, errors.New("the CustomResourceDefinition was changed while its objects were read")
	}
	before := g.listed
	g.listed = now
	return now.replaces(before), nil
}

// replaces tells whether what is missing now went with its kind.
func (now edition) replaces(before edition) bool {
	switch {
	case !now.there:
		return true
	case now.uid != "" && before.uid != "":
		return now.uid != before.uid
	}
	return now.away != before.away
}

// now asks which edition there is. Who is about to believe that something is
// gone has to be sure.
func (g *guard) now(ctx context.Context, sure bool) (edition, error) {
	d, err := g.ask(ctx, g.kind)
	if err == nil && d.there && d.uid == "" && sure {
		if err = pauseFor(ctx, notice); err == nil {
			d, err = g.ask(ctx, g.kind)
		}
	}
	if err != nil {
		return edition{}, err
	}
	if !d.there {
		g.gone()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return edition{d, g.away}, nil
}

// gone notes that the kind is not there.
func (g *guard) gone() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away++
}

// doubt notes that an object is gone.
func (g *guard) doubt(i id) {
	g.mu.Lock()
	g.count++
	g.doubted[i] = doubt{g.listed, g.count}
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// back notes that an object is there, and tells it on before anything else is
// said of it.
func (g *guard) back(i id, tell func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.doubted, i)
	tell()
}

// run decides on what is doubted until ctx ends. Many objects that go together
// take one question.
func (g *guard) run(ctx context.Context, decide func(gone, kept map[id]bool)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
		g.mu.Lock()
		doubted := maps.Clone(g.doubted)
		g.mu.Unlock()
		now, err := g.now(ctx, true)
		for ; err != nil; now, err = g.now(ctx, true) {
			if pauseFor(ctx, askAgain) != nil {
				return
			}
		}
		g.settle(doubted, now, decide)
	}
}

// settle decides on those of the doubted objects that did not come back meanwhile.
func (g *guard) settle(doubted map[id]doubt, now edition, decide func(gone, kept map[id]bool)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gone, kept := map[id]bool{}, map[id]bool{}
	for i, before := range doubted {
		if g.doubted[i] != before {
			continue
		}
		delete(g.doubted, i)
		if now.replaces(before.known) {
			kept[i] = true
		} else {
			gone[i] = true
		}
	}
	decide(gone, kept)
}

// pauseFor waits, unless ctx ends before.
func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

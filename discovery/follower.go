package discovery

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// follower brings what is in one scope into the inbox, and keeps nothing of it
// but names: facts are in the store only. It is the store of a reflector, the
// part of client-go's informers that lists, watches, and resumes.
type follower struct {
	at      scope
	access  access
	inbox   *inbox
	log     *slog.Logger
	metrics *clusterMetrics
	// get is set where objects are asked for one by one, because rights in a
	// namespace do not let anybody watch.
	get func(context.Context) (runtime.Object, error)
	// guard is that of a kind of ours, and confirm asks it, while run runs.
	guard   *guard
	confirm func(missing bool) (kept bool, err error)
	// definition asks for the CustomResourceDefinition of a kind.
	definition func(context.Context, string) (definition, error)
	// recalled are objects of an earlier process, until all were listed once;
	// true are those that went with their kind then.
	recalled map[id]bool

	stop  context.CancelFunc
	ended chan struct{}
	// known are the objects that the inbox was told of. Only run changes it.
	known map[id]bool

	mu      sync.Mutex
	synced  bool
	problem error     // the last request's
	denials int       // how often the last requests were denied
	final   int       // of these, after which nobody waits
	heard   time.Time // of the API server, the last time
	count   int       // of the objects
}

// Pauses between requests that fail.
const (
	firstPause = 200 * time.Millisecond
	maxPause   = 10 * time.Second
)

// finalDenials is how often in a row an API server denies, before anything is served,
// what it means to deny: one that has just started does not know all rights yet. So
// often is asked within about two seconds.
const finalDenials = 4

// pollPause is how old what is asked for one by one may be.
const pollPause = 30 * time.Second

func (c *Cluster) newFollower(at scope) *follower {
	f := &follower{
		at: at, access: patient{c.clients.access(at), c.options.Silence}, inbox: c.inbox, log: c.options.Logger, metrics: c.metrics,
		ended: make(chan struct{}), known: map[id]bool{}, final: 1, definition: c.clients.definitions.of, recalled: c.recalledIn(at),
	}
	if at.kind == kindNamespace && at.namespace != "" {
		f.get = func(ctx context.Context) (runtime.Object, error) {
			return c.clients.core.Namespaces().Get(ctx, at.namespace, metav1.GetOptions{})
		}
	}
	return f
}

func (f *follower) run(ctx context.Context) {
	// What a reflector says of itself, we say ourselves, once and in our words.
	ctx = logr.NewContext(ctx, logr.Discard())
	pause := wait.Backoff{
		Duration: firstPause, Cap: maxPause, Steps: int(math.Ceil(float64(maxPause) / float64(firstPause))), Factor: 2, Jitter: 1,
	}
	if f.get != nil {
		f.poll(ctx)
		return
	}
	if f.at.ours() {
		defer f.watchOver(ctx)()
	}
	quiet := logr.Discard()
	cache.NewReflectorWithOptions(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (list runtime.Object, err error) {
			if err = f.begin(ctx, o.Continue == ""); err == nil {
				list, err = f.access.List(ctx, o)
			}
			f.answered(ctx, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (w apiwatch.Interface, err error) {
			if err = f.begin(ctx, begins(o)); err == nil {
				err = f.sameHistory(ctx, o)
			}
			if apierrors.IsResourceExpired(err) {
				return nil, err // which is no trouble
			}
			if err == nil {
				w, err = f.access.Watch(ctx, o)
			}
			f.answered(ctx, err)
			return w, err
		},
	}, nil, f, cache.ReflectorOptions{Logger: &quiet, Name: f.at.String(), TypeDescription: f.at.resource(), Backoff: &pause}).
		RunWithContext(ctx)
}

// poll asks for one object again and again.
func (f *follower) poll(ctx context.Context) {
	for pause := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = pollPause
		o, err := f.get(ctx)
		f.answered(ctx, err)
		switch {
		case err == nil:
			_ = f.Replace([]any{o}, "") // it cannot be of a wrong type
		case apierrors.IsNotFound(err):
			_ = f.Replace(nil, "")
		case !f.isSynced():
			pause = time.Second
		}
	}
}

// answered notes how a request went, and logs when that is new.
func (f *follower) answered(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	before := f.problem
	f.problem = err
	if denied(err) {
		f.denials++
	} else {
		f.denials = 0
	}
	final := f.denials == f.final
	f.mu.Unlock()
	if final {
		f.inbox.ring() // nobody waits any more
	}
	switch {
	case err != nil:
		f.metrics.errors.WithLabelValues(f.at.kind).Inc()
		if f.guard != nil && apierrors.IsNotFound(err) {
			f.guard.gone()
		}
		if before == nil || apierrors.ReasonForError(before) != apierrors.ReasonForError(err) {
			f.inbox.ring() // it may be told in findings
			f.log.WarnContext(ctx, "this cannot be read from the API server; what was read last goes on being served", "what", f.at.String(), "error", err)
		}
	case before != nil:
		f.log.InfoContext(ctx, "the API server answers again", "what", f.at.String())
		f.inbox.ring()
	}
}

// Transformer keeps what counts of each object as soon as it was received.
func (f *follower) Transformer() cache.TransformFunc {
	return func(o any) (any, error) {
		if r, err := reduce(o); err == nil {
			return r, nil
		}
		return o, nil // such as what marks an object that is gone
	}
}

// Add is called for a new object.
func (f *follower) Add(o any) error {
	r, err := reduce(o)
	if err != nil {
		return err
	}
	f.known[r.id] = true
	tell := func() { f.inbox.put(map[id]reading{r.id: r.reading}) }
	if f.guard != nil {
		f.guard.back(r.id, tell)
	} else {
		tell()
	}
	f.counted()
	return nil
}

// Update is called for an object that has changed.
func (f *follower) Update(o any) error { return f.Add(o) }

// Delete is called for an object that is gone.
func (f *follower) Delete(o any) error {
	r, err := reduce(o)
	if err != nil {
		return err
	}
	delete(f.known, r.id)
	if f.guard != nil {
		f.guard.doubt(r.id)
	} else {
		f.inbox.put(map[id]reading{r.id: {}})
	}
	f.counted()
	return nil
}

// Replace is called with all objects, at first and when a watch cannot go on
// where it was.
func (f *follower) Replace(list []any, _ string) error {
	all := make(map[id]reading, len(list))
	known := make(map[id]bool, len(list))
	for _, o := range list {
		r, err := reduce(o)
		if err != nil {
			return err
		}
		all[r.id], known[r.id] = r.reading, true
	}
	if err := f.lost(known, all); err != nil {
		return err
	}
	f.known = known
	f.inbox.put(all)
	f.counted()
	f.mu.Lock()
	f.synced, f.heard = true, time.Now()
	f.mu.Unlock()
	f.metrics.resyncs.WithLabelValues(f.at.kind).Inc()
	f.inbox.ring()
	return nil
}

func (f *follower) counted() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count = len(f.known)
}

// Resync has nothing to do: nothing is lost on the way to the inbox.
func (f *follower) Resync() error { return nil }

// UpdateResourceVersion is called for each event of a watch, bookmarks included.
func (f *follower) UpdateResourceVersion(string) {
	f.mu.Lock()
	f.heard = time.Now()
	f.mu.Unlock()
	f.metrics.events.WithLabelValues(f.at.kind).Inc()
}

// forget takes back all objects, when run has ended.
func (f *follower) forget() {
	all := map[id]reading{}
	for i := range f.known {
		all[i] = reading{}
	}
	f.inbox.put(all)
}

func (f *follower) isSynced() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.synced
}

// waits tells whether the first inventory cannot be without what is here, and
// says what is missing. What an object of ours refers to and we are not allowed
// to read holds nothing else back.
func (f *follower) waits() (why string, waits bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.synced || f.at.referred() && f.denials >= f.final:
		return "", false
	case f.problem != nil:
		return f.at.String() + ": " + explain(f.at, f.problem), true
	}
	return f.at.String(), true
}

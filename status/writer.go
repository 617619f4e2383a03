// Package status writes what Kibble found out about its objects into their
// status, one replica for all: whoever holds the Lease.
package status

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"

	"kibble.dev/api/v1alpha1"
)

// Object names one of ours, in the form that was looked at.
type Object struct {
	Kind, Namespace, Name string
	Generation            int64
	// UID tells it from one of its name that was deleted.
	UID string
}

// Options of a Writer.
type Options struct {
	Client dynamic.Interface
	// Conditions gives the conditions of an object, made of those it has now. They
	// are about the object's Generation. It is called from Run.
	Conditions func(o Object, before []metav1.Condition, now time.Time) []metav1.Condition
	// Events may be nil. It is told of conditions Accepted and Programmed that
	// become False.
	Events  record.EventRecorder
	Logger  *slog.Logger
	Metrics *Metrics
	// PerSecond bounds the writes; default 20.
	PerSecond float64
}

// Writer keeps the status of objects up to date. It writes only what is another
// than it was, and asks the API server again where somebody else wrote meanwhile.
type Writer struct {
	options Options
	mu      sync.Mutex
	objects map[key]Object
	// written is what an object was seen or written with last. Only Run uses it.
	written map[key]seen
	// failed says why objects could not be written last. Only Run uses it.
	failed map[key]metav1.StatusReason
	// queue is nil while nobody runs.
	queue workqueue.TypedRateLimitingInterface[key]
}

type key struct{ kind, namespace, name string }

// seen are the conditions of the object of a uid.
type seen struct {
	uid        string
	conditions []metav1.Condition
}

// New makes a Writer.
func New(o Options) *Writer {
	if o.PerSecond <= 0 {
		o.PerSecond = 20
	}
	return &Writer{options: o, objects: map[key]Object{}, written: map[key]seen{}, failed: map[key]metav1.StatusReason{}}
}

// Set says which objects there are, and that what there is to say of any of
// them may have changed. It does not wait for anything.
func (w *Writer) Set(objects []Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.objects)
	for _, o := range objects {
		w.objects[key{o.Kind, o.Namespace, o.Name}] = o
	}
	w.enqueue()
}

func (w *Writer) enqueue() {
	if w.queue == nil {
		return
	}
	for k := range w.objects {
		if w.queue.NumRequeues(k) == 0 { // else it is tried again when its pause is over
			w.queue.Add(k)
		}
	}
}

// Run writes until ctx ends. Only one replica should.
func (w *Writer) Run(ctx context.Context) {
	limit := workqueue.NewTypedItemExponentialFailureRateLimiter[key](100*time.Millisecond, maxPause)
	queue := workqueue.NewTypedRateLimitingQueue(limit)
	w.mu.Lock()
	w.queue = queue
	clear(w.written) // others may have written since
	clear(w.failed)
	w.enqueue()
	w.mu.Unlock()
	stop := context.AfterFunc(ctx, queue.ShutDown)
	defer stop()
	pace := rate.NewLimiter(rate.Limit(w.options.PerSecond), 1)
	for {
		k, shutdown := queue.Get()
		if shutdown {
			break
		}
		if queue.NumRequeues(k) > 0 {
			_ = pace.Wait(ctx) // that it ended is seen below
		}
		err := w.write(ctx, k, pace)
		if err != nil {
			queue.AddRateLimited(k)
		} else {
			queue.Forget(k)
		}
		w.tried(ctx, k, err)
		queue.Done(k)
	}
	w.mu.Lock()
	w.queue = nil
	w.mu.Unlock()
}

// maxPause lies between two attempts to write what cannot be written.
const maxPause = 10 * time.Second

// tried notes what became of an object's status, and logs what is new.
func (w *Writer) tried(ctx context.Context, k key, err error) {
	switch before, failed := w.failed[k]; {
	case ctx.Err() != nil || apierrors.IsConflict(err):
	case err == nil:
		delete(w.failed, k)
	default:
		w.options.Metrics.writes.WithLabelValues("failed").Inc()
		w.failed[k] = apierrors.ReasonForError(err)
		if !failed || before != w.failed[k] {
			w.options.Logger.WarnContext(ctx, "status cannot be written", "object", k.String(), "error", err)
		}
	}
}

// write brings one object's status up to date.
func (w *Writer) write(ctx context.Context, k key, pace *rate.Limiter) error {
	w.mu.Lock()
	o, known := w.objects[k]
	w.mu.Unlock()
	if !known {
		delete(w.written, k)
		return nil
	}
	if last, ok := w.written[k]; ok && last.uid == o.UID &&
		equality.Semantic.DeepEqual(w.options.Conditions(o, last.conditions, time.Now()), last.conditions) {
		return nil
	}
	client := w.options.Client.Resource(v1alpha1.ResourceOf(k.kind)).Namespace(k.namespace)
	live, err := client.Get(ctx, k.name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case live.GetGeneration() > o.Generation || string(live.GetUID()) != o.UID:
		return nil // what is known is of an older form, or of one before it; the next Set tells of this one
	}
	var status v1alpha1.Status
	if held, ok := live.Object["status"].(map[string]any); ok {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(held, &status); err != nil {
			return fmt.Errorf("read the status: %w", err)
		}
	}
	after := w.options.Conditions(o, status.Conditions, time.Now())
	if equality.Semantic.DeepEqual(after, status.Conditions) {
		w.written[k] = seen{o.UID, after}
		return nil
	}
	if err := pace.Wait(ctx); err != nil {
		return err
	}
	next, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&v1alpha1.Status{Conditions: after})
	if err != nil {
		return err
	}
	live.Object["status"] = next
	if _, err := client.UpdateStatus(ctx, live, metav1.UpdateOptions{FieldManager: "kibble"}); err != nil {
		return err
	}
	w.options.Metrics.writes.WithLabelValues("written").Inc()
	w.written[k] = seen{o.UID, after}
	w.tell(live, status.Conditions, after)
	return nil
}

// tell makes events of what went wrong just now.
func (w *Writer) tell(o *unstructured.Unstructured, before, after []metav1.Condition) {
	if w.options.Events == nil {
		return
	}
	was := map[string]metav1.Condition{}
	for _, c := range before {
		was[c.Type] = c
	}
	for _, c := range after {
		old := was[c.Type]
		if c.Status != metav1.ConditionFalse || old.Status == c.Status && old.Message == c.Message {
			continue
		}
		switch c.Reason {
		case v1alpha1.ReasonInvalid, v1alpha1.ReasonLastGoodServed, v1alpha1.ReasonRefNotFound, v1alpha1.ReasonRefused:
			w.options.Events.Event(o, corev1.EventTypeWarning, c.Reason, c.Message)
		}
	}
}

func (k key) String() string { return strings.ToLower(k.kind) + " " + k.namespace + "/" + k.name }

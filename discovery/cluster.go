package discovery

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// ClusterOptions say which cluster is watched, and how.
type ClusterOptions struct {
	// Config says where the API server is, and who asks. It is not changed.
	Config *rest.Config
	// Namespaces are those that are read; none: all, which takes rights in the
	// whole cluster. See Rights.
	Namespaces []string
	// Deliver is given the first Update as soon as everything was read, and then
	// one for each change. It is called from Run, one call at a time; what changes
	// while it runs comes with the next call. It must not change the Update.
	Deliver func(Update)
	// Pause lies between two Updates at least; default 10 ms. So a change that
	// comes alone is told at once, and a burst of them in few Updates: none waits
	// for longer than the pause.
	Pause time.Duration
	// Silence is how long a watch may say nothing before it is begun again;
	// default 3 minutes, since an API server says something about each minute.
	Silence time.Duration
	// LastGood is what was served before this process began, nil if that is not
	// known. An object of ours that is invalid when it is read first is served in
	// the form that it has there.
	LastGood *translate.Inventory
	// LastKept are those objects of LastGood that had gone with their
	// CustomResourceDefinition: see Update.Kept.
	LastKept []Object
	// Logger and Registerer may be nil.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Cluster watches the objects of a Kubernetes cluster. What it has read it goes
// on giving when the API server is away; a watch that broke goes on where it
// was, or reads everything again. An object of ours that becomes invalid keeps
// the form it had before, and so do those that are gone because their
// CustomResourceDefinition was deleted.
//
// Pods are read only while a Router has a namer with a labelSelector, and of
// Secrets only those that policies name.
type Cluster struct {
	options ClusterOptions
	clients *clients
	inbox   *inbox
	store   *store
	// findings of the objects of ours, by object.
	findings map[id][]dtab.Finding
	// recalled are the objects of LastGood that were not read yet.
	recalled map[id]object
	// kept are the objects that went with their kind, and are served.
	kept map[id]bool
	// ours are the objects of ours in the form that was read last.
	ours map[id]Object

	mu      sync.Mutex
	follows map[scope]*follower
	running sync.WaitGroup
	metrics *clusterMetrics
}

// NewCluster makes a Cluster. The error says that the configuration is no good.
// The API server is not asked anything yet.
func NewCluster(o ClusterOptions) (*Cluster, error) {
	if o.Pause <= 0 {
		o.Pause = 10 * time.Millisecond
	}
	if o.Silence <= 0 {
		o.Silence = watchSilence
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	clients, err := newClients(o.Config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes clients: %w", err)
	}
	c := &Cluster{
		options: o, clients: clients, inbox: newInbox(), store: newStore(),
		findings: map[id][]dtab.Finding{}, recalled: recall(o.LastGood), kept: map[id]bool{}, ours: map[id]Object{}, follows: map[scope]*follower{}, metrics: newClusterMetrics(),
	}
	for _, k := range o.LastKept {
		c.kept[id{k.Kind, k.Namespace, k.Name}] = true
	}
	c.store.last.Within = o.Namespaces
	for _, at := range scopes(o.Namespaces) {
		c.follows[at] = c.newFollower(at)
	}
	if o.Registerer != nil {
		c.metrics.register(o.Registerer, c.each)
	}
	return c, nil
}

// Run watches until ctx ends; then it gives nil, and nothing of it runs any more.
func (c *Cluster) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer c.running.Wait()
	defer cancel()
	c.each(func(f *follower) { c.start(ctx, f) })
	var last Update
	for c.inbox.wait(ctx, c.options.Pause) {
		// Asked before taking, so that what made it complete is taken.
		complete := len(c.Waiting()) == 0
		c.take()
		c.metrics.keeps(c.keeps())
		c.store.refuseKeyFiles()
		if c.refer(ctx, last.Inventory == nil) || !complete {
			continue
		}
		next := Update{c.store.inventory(), c.found(), c.objects(), c.keeps()}
		if next.Inventory != last.Inventory || !reflect.DeepEqual(next.Findings, last.Findings) ||
			!slices.Equal(next.Objects, last.Objects) || !slices.Equal(next.Kept, last.Kept) {
			last = next
			c.options.Deliver(last)
		}
	}
	return nil
}

// Waiting says what has not been read yet, and why if that is known; nothing:
// everything has been read. It may be called at any time.
func (c *Cluster) Waiting() []string {
	var all []string
	c.each(func(f *follower) {
		if why, waits := f.waits(); waits {
			all = append(all, why)
		}
	})
	slices.Sort(all)
	return all
}

// each visits what is followed, in no order.
func (c *Cluster) each(visit func(*follower)) {
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.follows))
	c.mu.Unlock()
	for _, f := range all {
		visit(f)
	}
}

func (c *Cluster) start(ctx context.Context, f *follower) {
	ctx, f.stop = context.WithCancel(ctx)
	c.running.Go(func() {
		defer close(f.ended)
		f.run(ctx)
	})
}

// take puts what came in into the store.
func (c *Cluster) take() {
	for i, r := range c.inbox.take() {
		delete(c.findings, i)
		delete(c.ours, i)
		delete(c.kept, i)
		if r.kept {
			c.keep(i)
			continue
		}
		if r.generation > 0 {
			c.ours[i] = Object{Kind: i.kind, Namespace: i.namespace, Name: i.name, Generation: r.generation, UID: r.uid}
		}
		source := i.String()
		if old, ok := c.recalled[i]; ok {
			delete(c.recalled, i)
			if r.object == nil && len(r.found) > 0 {
				c.store.set(source, []object{old})
			}
		}
		switch before := c.store.sources[source]; {
		case r.object != nil:
			c.store.set(source, []object{*r.object})
		case len(r.found) > 0 && len(before) > 0:
			r.found = append(r.found, dtab.Finding{
				Code: translate.CodeKept, Severity: dtab.Info, Pos: dtab.Pos{Source: nameOf(i)},
				Message: "the last good form of this object goes on being served", Hint: "mend the object, or delete it",
			})
		default:
			c.store.set(source, nil)
		}
		if len(r.found) > 0 {
			c.findings[i] = r.found
		}
	}
}

// refer follows what the objects of ours refer to, and nothing else any more.
// It tells whether there is something new to wait for. At first nothing was served yet,
// which could stand in for what is denied by mistake.
func (c *Cluster) refer(ctx context.Context, first bool) (more bool) {
	want := c.store.references(c.options.Namespaces)
	var ended []*follower
	c.mu.Lock()
	for at, f := range c.follows {
		if at.referred() && !want[at] {
			delete(c.follows, at)
			ended = append(ended, f)
		}
	}
	var begun []*follower
	for at := range want {
		if c.follows[at] == nil {
			c.follows[at] = c.newFollower(at)
			if first {
				c.follows[at].final = finalDenials
			}
			begun = append(begun, c.follows[at])
		}
	}
	c.mu.Unlock()
	for _, f := range ended {
		f.stop()
		<-f.ended
		f.forget()
	}
	for _, f := range begun {
		c.start(ctx, f)
	}
	return len(begun) > 0
}

func (c *Cluster) objects() []Object {
	return slices.SortedFunc(maps.Values(c.ours), compareObjects)
}

func compareObjects(a, b Object) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// found gives what there is to say, sorted by place.
func (c *Cluster) found() []dtab.Finding {
	all := unreachableFiles(c.store)
	for _, list := range c.findings {
		all = append(all, list...)
	}
	c.each(func(f *follower) {
		all = append(all, f.trouble()...)
	})
	return dtab.SortFindings(all)
}

// unreachableFiles tells of what our objects name on the disk of whoever reads
// manifests from there: a cluster has no such place.
func unreachableFiles(s *store) (found []dtab.Finding) {
	for _, r := range s.routers() {
		for i, n := range r.Object.Spec.Namers {
			if n.RootDir != "" {
				found = append(found, dtab.Finding{
					Code: codeRootDir, Severity: dtab.Warning, Pos: r.Origin.Field(fmt.Sprintf("spec.namers[%d].rootDir", i)).At(0, 0),
					Message: "directories of addresses are read only by kibble serve -f DIR; in a cluster this namer has none",
					Hint:    "use a Service without a selector, and an EndpointSlice with the addresses",
				})
			}
		}
	}
	return found
}

// keyFileProblem is what a policy is told that names a file of keys in a cluster.
const keyFileProblem = "files of keys are read only by kibble serve -f DIR; in a cluster name a Secret in jwksSecretRef"

// refuseKeyFiles notes that files of keys cannot be read.
func (s *store) refuseKeyFiles() {
	files := map[string]translate.KeyFile{}
	s.eachKeys(func(_ string, j *v1alpha1.JWT) {
		if j.JWKSFile != "" {
			files[j.JWKSFile] = translate.KeyFile{Problem: keyFileProblem}
		}
	})
	s.setKeyFiles(files)
}

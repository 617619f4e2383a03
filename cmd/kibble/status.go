package main

import (
	"cmp"
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/discovery"
	"kibble.dev/internal/conditions"
	"kibble.dev/status"
	"kibble.dev/translate"
)

// statusPause is how often it is asked what proxies have made of their configuration.
const statusPause = 2 * time.Second

// reporter writes into objects what became of them, if this replica leads.
type reporter struct {
	lease  string // namespace/name, or "": nothing is written
	writer *status.Writer
	// metrics are there where something is written.
	metrics *status.Metrics
	leads   atomic.Bool // this replica writes

	mu      sync.Mutex
	objects map[status.Object]conditions.Object
	facts   conditions.Facts
}

// replica is the name of this server where others may run beside it, else "".
func (r *reporter) replica() string {
	if r.lease == "" {
		return ""
	}
	host, _ := os.Hostname() // a pod's name
	return host
}

// writeStatus writes until ctx ends.
func (s *serving) writeStatus(ctx context.Context, config *rest.Config) error {
	namespace, name, ok := strings.Cut(s.reporter.lease, "/")
	if !ok || namespace == "" || name == "" {
		return wrongf("--status-lease %q is no Lease: want namespace/name", s.reporter.lease)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return wrongf("no cluster: %w", err)
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		return wrongf("no cluster: %w", err)
	}
	events := record.NewBroadcaster(record.WithContext(ctx))
	defer events.Shutdown()
	events.StartRecordingToSink(&corev1client.EventSinkImpl{Interface: core.Events("")})
	s.reporter.writer = status.New(status.Options{
		Client: client, Conditions: s.reporter.conditions, Logger: s.log, Metrics: s.reporter.metrics,
		Events: events.NewRecorder(runtime.NewScheme(), corev1.EventSource{Component: "kibble"}),
	})
	host, _ := os.Hostname() // the process and the time make it unique without
	lease := status.Lease{
		Config: config, Namespace: namespace, Name: name, Logger: s.log, Metrics: s.reporter.metrics,
		Identity: cmp.Or(host, "kibble") + "-" + strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36),
	}
	ingresses, err := s.ingressWriter(config)
	if err != nil {
		return err
	}
	own, err := s.reports(config, lease)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var telling sync.WaitGroup
	defer telling.Wait()
	defer cancel()
	telling.Go(func() { s.tellWriter(ctx, own) })
	return lease.Lead(ctx, func(ctx context.Context) {
		s.reporter.leads.Store(true)
		defer s.reporter.leads.Store(false)
		var running sync.WaitGroup
		running.Go(func() { s.writer(ctx, own.Reader()) })
		running.Go(func() { ingresses(ctx) })
		s.reporter.writer.Run(ctx)
		running.Wait()
	})
}

// writer tells again and again what there is to say, also of the proxies of others.
func (s *serving) writer(ctx context.Context, others *status.Reports) {
	for {
		if last := s.read.Load(); last != nil && s.model.Load() != nil {
			s.reporter.set(last, s.model.Load(), conditions.Facts{Findings: s.found(), Proxies: s.everywhere(ctx, others, last)})
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(statusPause):
		}
	}
}

func (s *serving) proxies() (all []conditions.Proxy) {
	for _, p := range s.server.Proxies() {
		all = append(all, conditions.Proxy{Class: p.Class, Node: p.Node, Status: p.Types})
	}
	return all
}

// set hands over all that conditions are made of.
func (r *reporter) set(u *discovery.Update, m *translate.Model, facts conditions.Facts) {
	about := map[status.Object]conditions.Object{}
	var objects []status.Object
	for _, o := range u.Objects {
		so := status.Object(o)
		routers := routersOf(u.Inventory, o)
		co := conditions.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Generation: o.Generation, UID: o.UID, Routers: routers}
		for _, router := range routers {
			if class, ok := m.ClassOf(router); ok {
				co.Classes = append(co.Classes, class)
			}
		}
		about[so] = co
		objects = append(objects, so)
	}
	r.mu.Lock()
	r.objects, r.facts = about, facts
	r.mu.Unlock()
	r.writer.Set(objects)
}

// routersOf gives the routers that an object's resources are in.
func routersOf(inv *translate.Inventory, o discovery.Object) (all []string) {
	switch o.Kind {
	case v1alpha1.KindRouter:
		return []string{o.Namespace + "/" + o.Name}
	case v1alpha1.KindDogfoodPolicy:
		for _, p := range inv.Policies {
			if p.Object.Namespace != o.Namespace || p.Object.Name != o.Name {
				continue
			}
			for _, name := range p.Object.Spec.Routers {
				all = append(all, o.Namespace+"/"+name)
			}
			for _, r := range inv.Routers {
				if len(p.Object.Spec.Routers) == 0 && r.Object.Namespace == o.Namespace && untrusted(&r.Object.Spec) {
					all = append(all, r.Object.Namespace+"/"+r.Object.Name)
				}
			}
		}
	}
	return all
}

func untrusted(s *v1alpha1.RouterSpec) bool {
	return s.Trust == v1alpha1.TrustUntrusted || s.Trust == "" && s.ProxyClass == v1alpha1.ClassEdge
}

// conditions says what there is to say of an object.
func (r *reporter) conditions(o status.Object, before []metav1.Condition, now time.Time) []metav1.Condition {
	r.mu.Lock()
	about, facts := r.objects[o], r.facts
	r.mu.Unlock()
	if about.Name == "" {
		return before // it has just gone
	}
	return conditions.Of(about, facts, before, now)
}

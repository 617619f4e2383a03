package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// world is what was read, and where it goes to.
type world struct {
	to sink

	mu     sync.Mutex
	ready  bool
	hosts  []string            // sorted
	slices map[string][]string // by Service, addresses
	routes map[string]string   // by host, another Service than its own
}

// follow reads everything, gives it to the sink, and then each change at once.
func follow(ctx context.Context, kubeconfig string, to sink) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	config.QPS = -1
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	quick := rest.CopyConfig(config)
	quick.ContentType = "application/vnd.kubernetes.protobuf"
	client, err := kubernetes.NewForConfig(quick)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	w := &world{to: to, slices: map[string][]string{}, routes: map[string]string{}}
	typed := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(trim))
	ours := dynamicinformer.NewDynamicSharedInformerFactory(objects, 0)
	routers := schema.GroupVersionResource{Group: "kibble.dev", Version: "v1alpha1", Resource: "routers"}
	var synced []cache.InformerSynced
	for _, i := range []cache.SharedIndexInformer{
		typed.Core().V1().Services().Informer(), typed.Discovery().V1().EndpointSlices().Informer(), ours.ForResource(routers).Informer(),
	} {
		handler, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: w.see, UpdateFunc: func(_, now any) { w.see(now) },
		})
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		synced = append(synced, handler.HasSynced)
	}
	typed.Start(ctx.Done())
	ours.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return errors.New("the objects were not read")
	}
	w.begin()
	return nil
}

// trim drops what nobody reads, as informers of a good control plane do.
func trim(o any) (any, error) {
	if m, ok := o.(metav1.Object); ok {
		m.SetManagedFields(nil)
	}
	return o, nil
}

// begin hands everything over.
func (w *world) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	slices.Sort(w.hosts)
	var all []resource
	for _, host := range w.hosts {
		all = append(all, cluster(host), endpoints(host, w.slices[host]))
	}
	w.to.set(append(all, listener(), routes(w.hosts, w.routes)))
	w.ready = true
}

// see takes an object that is new or has changed.
func (w *world) see(object any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch o := object.(type) {
	case *corev1.Service:
		if o.Namespace == metav1.NamespaceDefault && o.Name != "kubernetes" && !slices.Contains(w.hosts, o.Name) && !w.ready {
			w.hosts = append(w.hosts, o.Name)
		}
	case *discoveryv1.EndpointSlice:
		service := o.Labels[discoveryv1.LabelServiceName]
		addresses := make([]string, 0, len(o.Endpoints))
		for _, e := range o.Endpoints {
			addresses = append(addresses, e.Addresses[0])
		}
		w.slices[service] = addresses
		if w.ready {
			w.to.set([]resource{endpoints(service, addresses)})
		}
	case *unstructured.Unstructured:
		text, _, _ := unstructured.NestedString(o.Object, "spec", "dtab")
		w.routes = dentries(text)
		if w.ready {
			w.to.set([]resource{routes(w.hosts, w.routes)})
		}
	}
}

// dentries reads lines of the form /host/NAME => /srv/SERVICE ; and no other.
func dentries(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		prefix, dst, _ := strings.Cut(strings.TrimRight(line, " ;\n"), " => ")
		host, ok := strings.CutPrefix(strings.TrimSpace(prefix), "/host/")
		if service, is := strings.CutPrefix(dst, "/srv/"); ok && is {
			all[host] = service
		}
	}
	return all
}

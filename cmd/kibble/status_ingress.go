package main

import (
	"context"
	"slices"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	networkingv1client "k8s.io/client-go/kubernetes/typed/networking/v1"
	"k8s.io/client-go/rest"

	"kibble.dev/status"
	"kibble.dev/translate"
)

// ingressStatus is where the Ingresses that routers serve get their addresses from.
type ingressStatus struct{ service string } // namespace/name, or "": none

func (i ingressStatus) key() (translate.Key, error) {
	namespace, name, ok := strings.Cut(i.service, "/")
	if !ok || namespace == "" || name == "" {
		return translate.Key{}, wrongf("--ingress-status-service %q is no Service: want namespace/name", i.service)
	}
	return translate.Key{Namespace: namespace, Name: name}, nil
}

// ingressWriter gives what writes, again and again until its context ends, the
// addresses of the edge's Service into the Ingresses.
func (s *serving) ingressWriter(config *rest.Config) (func(context.Context), error) {
	if s.ingress.service == "" {
		return func(context.Context) {}, nil
	}
	key, err := s.ingress.key()
	if err != nil {
		return nil, err
	}
	client, err := networkingv1client.NewForConfig(config)
	if err != nil {
		return nil, wrongf("no cluster: %w", err)
	}
	return func(ctx context.Context) {
		writer := status.Ingresses{Client: client, Logger: s.log}
		missing := false
		for ; ctx.Err() == nil; pause(ctx) {
			last, model := s.read.Load(), s.model.Load()
			if last == nil || model == nil {
				continue
			}
			service := last.Inventory.Services[key]
			if gone := service == nil || !service.Exists; gone {
				if !missing {
					s.log.WarnContext(ctx, "Ingresses get no address: there is no such Service", "service", key.String())
				}
				missing = true
				continue
			}
			missing = false
			var names []status.Ingress
			for _, k := range model.Ingresses() {
				names = append(names, status.Ingress{NamespacedName: types.NamespacedName{Namespace: k.Namespace, Name: k.Name}, Created: k.Created})
			}
			writer.Write(ctx, time.Now(), names, addressesOf(service))
		}
	}, nil
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(statusPause):
	}
}

func addressesOf(service *translate.Service) (all []networkingv1.IngressLoadBalancerIngress) {
	for _, a := range service.Ingress {
		all = append(all, networkingv1.IngressLoadBalancerIngress{IP: a.IP, Hostname: a.Hostname})
	}
	return slices.Clip(all)
}

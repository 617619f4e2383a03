package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// topology is who listens where, as the manifests say it.
type topology struct {
	pods []pod
	// proxies are the Envoys inside: one beside each pod, or one on each node.
	proxies []proxy
	// ingress is the port of the edge, outgoing and incoming those of each proxy.
	ingress, outgoing, incoming int32
}

// pod is one program.
type pod struct {
	service string
	name    string
	ip      string
	port    int32
	node    string
	// via is the address of the proxy that it calls others by.
	via string
}

func (p pod) address() string { return fmt.Sprintf("%s:%d", p.ip, p.port) }

// proxy is an Envoy beside a pod, or on a node.
type proxy struct{ name, class, ip, node string }

// admin is the host:port of the proxy's admin pages.
func (p proxy) admin() string { return p.ip + ":9901" }

// The class of Envoys that each serve a node, and the Service that they are
// the pods of.
const (
	nodeClass   = "node"
	nodeService = "l5d"
)

func readTopology(dir string) (*topology, error) {
	inventory, findings, err := discovery.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the manifests: %w", err)
	}
	var wrong []error
	for _, f := range findings {
		if f.Severity == dtab.Error {
			wrong = append(wrong, errors.New(f.String()))
		}
	}
	top := &topology{pods: pods(inventory)}
	top.place(hasNodes(inventory))
	for name, port := range map[string]*int32{"ingress": &top.ingress, "outgoing": &top.outgoing, "incoming": &top.incoming} {
		if *port = routerPort(inventory, name); *port == 0 {
			wrong = append(wrong, fmt.Errorf("%s has no Router %q: the demo needs its port", dir, name))
		}
	}
	for _, s := range []string{"hello", "world-v1", "world-v2", "api"} {
		if top.pod(s).ip == "" {
			wrong = append(wrong, fmt.Errorf("%s has no ready endpoint of Service %q: the demo's questions are about it", dir, s))
		}
	}
	return top, errors.Join(wrong...)
}

// hasNodes tells whether the routers are for proxies that each serve a node.
func hasNodes(inventory *translate.Inventory) bool {
	for _, r := range inventory.Routers {
		if r.Object.Spec.ProxyClass == nodeClass {
			return true
		}
	}
	return false
}

// place gives each pod its proxy: one of its own, or that of its node.
func (t *topology) place(nodes bool) {
	if !nodes {
		for i, p := range t.pods {
			t.pods[i].via = p.ip
			t.proxies = append(t.proxies, proxy{name: p.name, class: "sidecar", ip: p.ip})
		}
		return
	}
	byNode := map[string]string{}
	t.pods = slices.DeleteFunc(t.pods, func(p pod) bool {
		if p.service != nodeService {
			return false
		}
		byNode[p.node] = p.ip
		t.proxies = append(t.proxies, proxy{name: p.name, class: nodeClass, ip: p.ip, node: p.node})
		return true
	})
	for i, p := range t.pods {
		t.pods[i].via = byNode[p.node]
	}
}

// pods are the ready endpoints of all services, sorted by service.
func pods(inventory *translate.Inventory) []pod {
	var all []pod
	byName := func(a, b translate.Key) int { return strings.Compare(a.String(), b.String()) }
	for _, key := range slices.SortedFunc(maps.Keys(inventory.Services), byName) {
		for _, slice := range inventory.Services[key].Slices {
			for i, e := range slice.Endpoints {
				if !e.Ready || len(slice.Ports) == 0 || len(e.Addresses) == 0 {
					continue
				}
				p := pod{service: key.Name, name: e.Pod, ip: e.Addresses[0], port: slice.Ports[0].Port, node: e.NodeName}
				if p.name == "" {
					p.name = fmt.Sprintf("%s-%d", slice.Name, i)
				}
				all = append(all, p)
			}
		}
	}
	return all
}

func routerPort(inventory *translate.Inventory, name string) int32 {
	for _, r := range inventory.Routers {
		if r.Object.Name == name {
			return r.Object.Spec.Port
		}
	}
	return 0
}

// pod gives the first pod of a service.
func (t *topology) pod(service string) pod {
	for _, p := range t.pods {
		if p.service == service {
			return p
		}
	}
	return pod{}
}

// edge is the host:port at which people of this machine reach the edge.
func (t *topology) edge() string { return fmt.Sprintf("127.0.0.1:%d", t.ingress) }

// proxyOf is the host:port of the HTTP proxy of a service's first pod.
func (t *topology) proxyOf(service string) string { return t.proxyFor(t.pod(service)) }

// proxyFor is the host:port of the pod's HTTP proxy.
func (t *topology) proxyFor(p pod) string { return fmt.Sprintf("%s:%d", p.via, t.outgoing) }

// Package helloworld knows the hello-world demo: who is in it, and what it must
// answer. The demo itself and the tests on a real cluster share it.
package helloworld

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// Topology is who listens where, as the manifests say it.
type Topology struct {
	Pods []Pod
	// Proxies are the Envoys inside: one beside each pod, or one on each node.
	Proxies []Proxy
	// Ingress is the port of the edge, outgoing and incoming those of each proxy.
	Ingress, Outgoing, Incoming int32
	// Six says that the edge is reached by IPv6 alone.
	Six bool
}

// Pod is one program.
type Pod struct {
	Service string
	Name    string
	IP      string
	Port    int32
	Node    string
	// Via is the address of the proxy that it calls others by.
	Via string
}

// Address is the host:port that it serves on.
func (p Pod) Address() string { return hostPort(p.IP, p.Port) }

// Proxy is an Envoy beside a pod, or on a node.
type Proxy struct{ Name, Class, IP, Node string }

// Admin is the host:port of the proxy's admin pages.
func (p Proxy) Admin() string { return hostPort(p.IP, 9901) }

// The class of Envoys that each serve a node, and the Service that they are
// the pods of.
const (
	nodeClass   = "node"
	nodeService = "l5d"
)

// Read gives the Topology of the manifests of a directory.
func Read(dir string) (*Topology, error) {
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
	top := &Topology{Pods: pods(inventory)}
	top.place(hasNodes(inventory))
	for name, port := range map[string]*int32{"ingress": &top.Ingress, "outgoing": &top.Outgoing, "incoming": &top.Incoming} {
		if *port = routerPort(inventory, name); *port == 0 {
			wrong = append(wrong, fmt.Errorf("%s has no Router %q: the demo needs its port", dir, name))
		}
	}
	top.Six = onlySix(inventory)
	for _, s := range []string{"hello", "world-v1", "world-v2", "api"} {
		if top.Pod(s).IP == "" {
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
func (t *Topology) place(nodes bool) {
	if !nodes {
		for i, p := range t.Pods {
			t.Pods[i].Via = p.IP
			t.Proxies = append(t.Proxies, Proxy{Name: p.Name, Class: "sidecar", IP: p.IP})
		}
		return
	}
	byNode := map[string]string{}
	t.Pods = slices.DeleteFunc(t.Pods, func(p Pod) bool {
		if p.Service != nodeService {
			return false
		}
		byNode[p.Node] = p.IP
		t.Proxies = append(t.Proxies, Proxy{Name: p.Name, Class: nodeClass, IP: p.IP, Node: p.Node})
		return true
	})
	for i, p := range t.Pods {
		t.Pods[i].Via = byNode[p.Node]
	}
}

// pods are the ready endpoints of all services, sorted by service.
func pods(inventory *translate.Inventory) []Pod {
	var all []Pod
	byName := func(a, b translate.Key) int { return strings.Compare(a.String(), b.String()) }
	for _, key := range slices.SortedFunc(maps.Keys(inventory.Services), byName) {
		for _, slice := range inventory.Services[key].Slices {
			for i, e := range slice.Endpoints {
				if !e.Ready || len(slice.Ports) == 0 || len(e.Addresses) == 0 {
					continue
				}
				p := Pod{Service: key.Name, Name: e.Pod, IP: e.Addresses[0], Port: slice.Ports[0].Port, Node: e.NodeName}
				if p.Name == "" {
					p.Name = fmt.Sprintf("%s-%d", slice.Name, i)
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

// onlySix tells whether the edge listens by IPv6 and by nothing else.
func onlySix(inventory *translate.Inventory) bool {
	for _, r := range inventory.Routers {
		if r.Object.Name == "ingress" {
			return slices.Equal(r.Object.Spec.IPFamilies, []v1alpha1.IPFamily{v1alpha1.IPv6})
		}
	}
	return false
}

// Pod gives the first pod of a service.
func (t *Topology) Pod(service string) Pod {
	for _, p := range t.Pods {
		if p.Service == service {
			return p
		}
	}
	return Pod{}
}

// Edge is the host:port at which people of this machine reach the edge.
func (t *Topology) Edge() string {
	if t.Six {
		return hostPort("::1", t.Ingress)
	}
	return hostPort("127.0.0.1", t.Ingress)
}

// ProxyOf is the host:port of the HTTP proxy of a service's first pod.
func (t *Topology) ProxyOf(service string) string { return t.ProxyFor(t.Pod(service)) }

// ProxyFor is the host:port of the pod's HTTP proxy.
func (t *Topology) ProxyFor(p Pod) string { return hostPort(p.Via, t.Outgoing) }

func hostPort(ip string, port int32) string { return net.JoinHostPort(ip, strconv.Itoa(int(port))) }

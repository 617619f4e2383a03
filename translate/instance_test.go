package translate_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// TestUpstreamVectors asks the questions that linkerd's own namers were asked.
func TestUpstreamVectors(t *testing.T) {
	file, err := os.Open("testdata/k8s-namer-sample.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		t.Run(v.ID, func(t *testing.T) {
			if diff := cmp.Diff(v.Expected, v.ask(t)); diff != "" {
				t.Errorf("%s (-linkerd +ours):\n%s", v.Why, diff)
			}
		})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

type vector struct {
	ID, Why, Namer, LabelSelector, Path string
	Objects                             map[string]json.RawMessage
	Expected                            answer
}

type answer struct {
	Outcome, ID, Residual, Addr string
	Addresses                   []string
}

func (v vector) ask(t *testing.T) answer {
	view := translate.View{Inventory: v.inventory(t), Label: v.LabelSelector}
	namer, err := dtab.NewNamer(dtab.NamerConfig{Kind: v.Namer, LabelSelector: v.LabelSelector, Namespace: "default"}, view)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := dtab.ParsePath(v.Path)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := namer.Lookup(rest)
	if err != nil {
		t.Fatal(err)
	}
	bound, ok := tree.(*dtab.Bound)
	if !ok {
		return answer{Outcome: "neg"}
	}
	a := answer{Outcome: "bound", ID: bound.ID.String(), Residual: bound.Residual.String(), Addr: "bound", Addresses: []string{}}
	id := bound.ID[2:]
	switch v.Namer {
	case dtab.KindK8sExternal:
		if host, port, ok := view.External(id); ok {
			a.Addresses = append(a.Addresses, fmt.Sprintf("%s:%d", host, port))
		}
		return a
	case dtab.KindK8sNS:
		id = dtab.Path{"default"}.Join(id...)
	}
	addresses, _ := view.Endpoints(id)
	for _, e := range addresses {
		if e.Ready {
			a.Addresses = append(a.Addresses, fmt.Sprintf("%s:%d@%s", e.IP, e.Port, e.NodeName))
		}
	}
	return a
}

// inventory reads the vector's objects by hand; package discovery, which does
// it for real, stands above this one.
func (v vector) inventory(t *testing.T) *translate.Inventory {
	services := map[translate.Key]*translate.Service{}
	for name, raw := range v.Objects {
		kind, rest, _ := strings.Cut(name, "/")
		namespace, name, _ := strings.Cut(rest, "/")
		key := translate.Key{Namespace: namespace, Name: name}
		if services[key] == nil {
			services[key] = &translate.Service{Key: key}
		}
		var o struct {
			Subsets []struct {
				Addresses, NotReadyAddresses []struct{ IP, NodeName string }
				Ports                        []translate.SlicePort
			}
			Spec struct {
				Ports []struct {
					Name       string
					Port       int32
					TargetPort any
				}
			}
			Status struct {
				LoadBalancer struct{ Ingress []translate.Ingress }
			}
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		s := services[key]
		s.Exists = s.Exists || kind == "services"
		for i, set := range o.Subsets {
			slice := &translate.Slice{Name: fmt.Sprint(i), Ports: set.Ports}
			for _, a := range set.Addresses {
				slice.Endpoints = append(slice.Endpoints, translate.Endpoint{Addresses: []string{a.IP}, NodeName: a.NodeName, Ready: true})
			}
			for _, a := range set.NotReadyAddresses {
				slice.Endpoints = append(slice.Endpoints, translate.Endpoint{Addresses: []string{a.IP}, NodeName: a.NodeName})
			}
			s.Slices = append(s.Slices, slice)
		}
		for _, p := range o.Spec.Ports {
			port := translate.ServicePort{Name: p.Name, Port: p.Port}
			switch target := p.TargetPort.(type) {
			case string:
				port.TargetName = target
			case float64:
				port.TargetPort = int32(target)
			}
			s.Ports = append(s.Ports, port)
		}
		s.Ingress = append(s.Ingress, o.Status.LoadBalancer.Ingress...)
	}
	return &translate.Inventory{Services: services}
}

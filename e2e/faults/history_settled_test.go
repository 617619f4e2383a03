package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"kibble.dev/internal/envoytest"
)

// settled waits until nothing is left of what was: each Envoy has what `kibble
// preview` says of the objects that are there, and no more.
func (h *history) settled() {
	h.lab.Helper()
	h.calm()
	h.holds("edge", "edge", h.lab.Edge)
	for name, envoy := range h.lab.Envoys {
		h.holds(name, "sidecar", envoy)
	}
	h.costs()
}

// costs returns when the control planes have about as many goroutines and as much
// memory as they had when they were settled first.
func (h *history) costs() {
	h.lab.Helper()
	for metric, more := range map[string]float64{"go_goroutines": 50, "process_resident_memory_bytes": 100 << 20} {
		h.lab.Eventually(metric+" is as it was", func() error {
			var now float64
			for _, r := range h.lab.Replicas {
				now += h.lab.Metric(r, metric)
			}
			if h.first[metric] == 0 {
				h.first[metric] = now
			}
			if was := h.first[metric]; now > was+more {
				return fmt.Errorf("it is %v, and was %v", now, was)
			}
			return nil
		})
	}
}

// holds returns when an Envoy has what proxies of its class are to have, on demand a
// part of it.
func (h *history) holds(name, class string, envoy *envoytest.Envoy) {
	h.lab.Helper()
	some := class == "sidecar" && h.past.now()[tables][onDemand] != ""
	h.lab.Eventually(name+" has what it is to have", func() error {
		want, has := wanted(h, class), held(h, envoy)
		var wrong []string
		for what, body := range want {
			if other, ok := has[what]; !ok && !some {
				wrong = append(wrong, "it lacks "+what)
			} else if ok && body != nil && !proto.Equal(body, other) {
				wrong = append(wrong, fmt.Sprintf("of %s it has\n%v\nand is to have\n%v", what, other, body))
			}
		}
		for what := range has {
			may := class == "sidecar" && leftByRules(what)
			if _, ok := want[what]; !ok && !may {
				wrong = append(wrong, "it still has "+what)
			}
		}
		if slices.Sort(wrong); len(wrong) > 0 {
			return fmt.Errorf("%d of %d are wrong:\n%s", len(wrong), len(want), strings.Join(wrong[:min(len(wrong), 10)], "\n"))
		}
		return nil
	})
}

// leftByRules tells of clusters that are kept for minutes because callers' own rules
// have led there: to ownRule, or where that was not there to where tables led, and to
// what stood behind. These rules are sent by people in no environment.
func leftByRules(what string) bool {
	clusters, ok := strings.CutPrefix(what, "cluster ")
	for name := range strings.SplitSeq(clusters, " || ") {
		name = strings.TrimSuffix(name, " as stand-in")
		namespace, service := path.Split(name)
		ok = ok && slices.Contains(plain, service) && strings.Contains(namespace, "/default/")
	}
	return ok
}

// wanted are the clusters, virtual hosts and listeners of a class, the latter by
// their names only: where they are beside pods they differ.
func wanted(h *history, class string) map[string]proto.Message {
	h.lab.Helper()
	all := map[string]proto.Message{}
	for typ, resources := range h.lab.Preview(class) {
		for _, r := range resources {
			switch typ, _, _ := strings.Cut(typ, "@"); typ {
			case "Cluster":
				cluster(h, all, r)
			case "RouteConfiguration":
				table(h, all, r)
			case "Listener":
				var l struct{ Name string }
				h.lab.Must(json.Unmarshal(r, &l))
				all["listener "+l.Name] = nil
			}
		}
	}
	return all
}

// held are those of an Envoy.
func held(h *history, envoy *envoytest.Envoy) map[string]proto.Message {
	h.lab.Helper()
	var dump struct {
		Configs []struct {
			Clusters []struct{ Cluster json.RawMessage } `json:"dynamic_active_clusters"`
			Warming  []struct {
				Cluster struct{ Name string }
			} `json:"dynamic_warming_clusters"`
			Listeners []struct {
				Name   string
				Active json.RawMessage `json:"active_state"`
			} `json:"dynamic_listeners"`
			Routes []struct {
				Config json.RawMessage `json:"route_config"`
			} `json:"dynamic_route_configs"`
		}
	}
	h.lab.Must(json.Unmarshal([]byte(envoy.Get(h.lab, "/config_dump")), &dump))
	all := map[string]proto.Message{}
	var listeners bytes.Buffer
	for _, config := range dump.Configs {
		for _, c := range config.Clusters {
			cluster(h, all, c.Cluster)
		}
		for _, c := range config.Warming {
			all["warming cluster "+c.Cluster.Name] = nil
		}
		for _, l := range config.Listeners {
			if l.Active != nil {
				all["listener "+l.Name] = nil
				listeners.Write(l.Active)
			}
		}
	}
	for _, config := range dump.Configs {
		for _, r := range config.Routes {
			var t struct{ Name string }
			h.lab.Must(json.Unmarshal(r.Config, &t))
			if strings.Contains(listeners.String(), fmt.Sprintf("%q", t.Name)) { // others are of listeners that drain
				table(h, all, r.Config)
			}
		}
	}
	return all
}

func cluster(h *history, to map[string]proto.Message, b json.RawMessage) {
	h.lab.Helper()
	if c, ok := message(h, b).(*clusterv3.Cluster); ok {
		to["cluster "+c.GetName()] = c
	}
}

func table(h *history, to map[string]proto.Message, b json.RawMessage) {
	h.lab.Helper()
	if t, ok := message(h, b).(*routev3.RouteConfiguration); ok {
		for _, host := range t.GetVirtualHosts() {
			to["host "+t.GetName()+" "+host.GetName()] = host
		}
	}
}

func message(h *history, b json.RawMessage) proto.Message {
	h.lab.Helper()
	var whole anypb.Any
	h.lab.Must(protojson.Unmarshal(b, &whole))
	m, err := whole.UnmarshalNew()
	h.lab.Must(err)
	return m
}

package xds

import (
	"maps"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// Metadata by which a proxy says whose it is, and what that calls: a list with
// commas. Whoever claims another workload of its namespace gets at most some
// clusters that it does not need.
const (
	metaWorkload = "WORKLOAD"
	metaCalls    = "CALLS"
)

// Bounds: the destinations of one proxy's list, and the length of a name of Kubernetes.
const (
	maxCalled = 256
	maxName   = 253
)

// workloadOf reads whose proxy a node is, and what its pod says it calls.
func workloadOf(node *corev3.Node) (publish.Workload, []string) {
	fields := node.GetMetadata().GetFields()
	var calls []string
	for call := range strings.SplitSeq(fields[metaCalls].GetStringValue(), ",") {
		if call = strings.TrimSpace(call); call != "" && len(calls) < maxCalled {
			calls = append(calls, call)
		}
	}
	w := publish.Workload{Namespace: fields[metaNamespace].GetStringValue(), Name: fields[metaWorkload].GetStringValue()}
	if w.Name == "" || len(w.Name) > maxName || len(w.Namespace) > maxName {
		return publish.Workload{}, calls
	}
	return w, calls
}

// usedMark ends the version of a cluster that a proxy is given because it, or
// its workload, uses it. So a proxy that comes back tells any control plane what
// it uses.
const usedMark = "~"

// marked gives the version that a proxy is told.
func (st *stream) marked(r *translate.Resource, typ string) string {
	if typ == translate.ClusterType && st.proxy.Uses(r.Name) {
		return r.Version + usedMark
	}
	return r.Version
}

// unmarked gives the versions that a proxy has, and the names of what it uses.
func unmarked(typ string, known map[string]string) (versions map[string]string, used []string) {
	if typ != translate.ClusterType {
		return known, nil
	}
	versions = make(map[string]string, len(known))
	for name, version := range known {
		plain, marked := strings.CutSuffix(version, usedMark)
		if versions[name] = plain; marked {
			used = append(used, name)
		}
	}
	slices.Sort(used)
	return versions, used
}

// Used is what the workloads of a class were seen to use.
type Used struct {
	Class string `json:"proxyClass"`
	publish.Use
}

// Learnt gives what the workloads of all classes were seen to use, sorted.
func (s *Server) Learnt() []Used {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Used{}
	for _, name := range slices.Sorted(maps.Keys(s.classes)) {
		for _, u := range s.classes[name].Learnt().All() {
			all = append(all, Used{name, u})
		}
	}
	return all
}

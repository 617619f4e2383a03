package discovery

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
	"kibble.dev/translate"
)

// TestKubectlDump reads what kubectl prints.
func TestKubectlDump(t *testing.T) {
	inv, found, err := ReadDir("testdata/dumps/kubectl.yaml")
	must(t, err)
	golden.Check(t, "testdata/dumps/kubectl.yaml.golden", lines(found)+dump(inv))
}

// dump writes the Services and Namespaces of an inventory as lines.
func dump(inv *translate.Inventory) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(inv.Namespaces)) {
		fmt.Fprintf(&b, "namespace %s %v\n", name, inv.Namespaces[name])
	}
	keys := slices.SortedFunc(maps.Keys(inv.Services), func(a, b translate.Key) int { return cmp.Compare(a.String(), b.String()) })
	for _, key := range keys {
		s := inv.Services[key]
		fmt.Fprintf(&b, "service %s exists=%v ports=%+v ingress=%+v external=%q\n", key, s.Exists, s.Ports, s.Ingress, s.ExternalName)
		for _, slice := range s.Slices {
			fmt.Fprintf(&b, "  slice %s ports=%+v\n", slice.Name, slice.Ports)
			for _, e := range slice.Endpoints {
				fmt.Fprintf(&b, "    %+v\n", e)
			}
		}
	}
	return b.String()
}

// TestUpstreamVectors reads the objects of linkerd's own test vectors as files
// and asks what linkerd's namers were asked.
func TestUpstreamVectors(t *testing.T) {
	file, err := os.Open("../translate/testdata/k8s-namer-sample.jsonl")
	must(t, err)
	defer func() { must(t, file.Close()) }()
	all := bufio.NewScanner(file)
	all.Buffer(nil, 1<<20)
	for all.Scan() {
		var v struct {
			ID, Why, Namer, Path string
			Objects              map[string]map[string]any
			Expected             struct {
				Outcome   string
				Addresses []string
			}
		}
		must(t, json.Unmarshal(all.Bytes(), &v))
		items := []any{}
		for path, o := range v.Objects {
			parts := strings.Split(path, "/")
			o["metadata"] = map[string]string{"namespace": parts[1], "name": parts[2]}
			items = append(items, o)
		}
		text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
		must(t, err)
		inv, found, err := ReadStream(v.ID+".json", strings.NewReader(string(text)))
		must(t, err)
		if len(found) > 0 {
			t.Error(lines(found))
		}
		id, err := dtab.ParsePath(v.Path)
		must(t, err)
		if v.Namer == dtab.KindK8sNS {
			id = dtab.Path{"default"}.Join(id...)
		}
		id = id[:3]
		var addresses []string
		bound := false
		if v.Namer == dtab.KindK8sExternal {
			var host string
			var port int32
			host, port, bound = translate.View{Inventory: inv}.External(id)
			addresses = append(addresses, fmt.Sprintf("%s:%d", host, port))
		} else {
			var ends []translate.Address
			ends, bound = inv.Endpoints(id)
			for _, a := range ends {
				if a.Ready {
					addresses = append(addresses, fmt.Sprintf("%s:%d@%s", a.IP, a.Port, a.NodeName))
				}
			}
		}
		if bound != (v.Expected.Outcome == "bound") || bound && !slices.Equal(addresses, v.Expected.Addresses) {
			t.Errorf("%s, %s: bound %v with %v, want %s with %v", v.ID, v.Why, bound, addresses, v.Expected.Outcome, v.Expected.Addresses)
		}
	}
	must(t, all.Err())
}

// BenchmarkOneChange measures what one changed EndpointSlice costs among 10,000
// Services.
func BenchmarkOneChange(b *testing.B) {
	s := newStore()
	for i := range 10_000 {
		name := fmt.Sprintf("s%d", i)
		s.set(name, objects(b, serviceYAML(name, 80)))
		s.set(name+"-slice", objects(b, sliceYAML(name, name, "{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}")))
	}
	s.inventory()
	changes := [][]object{
		objects(b, sliceYAML("s7", "s7", "{addresses: [10.0.0.3]}")), objects(b, sliceYAML("s7", "s7", "{addresses: [10.0.0.4]}")),
	}
	for i := 0; b.Loop(); i++ {
		s.set("s7-slice", changes[i%2])
		s.inventory()
	}
}

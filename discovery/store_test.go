package discovery

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// objects reads objects from YAML.
func objects(t interface{ Fatal(...any) }, yaml string) []object {
	all, found := newDirectory(".").parse("test.yaml", []byte(yaml))
	if len(found) > 0 {
		t.Fatal(lines(found))
	}
	return all
}

func serviceYAML(name string, port int) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {ports: [{name: http, port: %d}]}\n", name, port)
}

func sliceYAML(name, service string, endpoints string) string {
	return fmt.Sprintf(`---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %s, labels: {kubernetes.io/service-name: %s}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [%s]
`, name, service, endpoints)
}

func podYAML(name, version, ip string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: {version: %s}}\nstatus: {podIP: %s}\n", name, version, ip)
}

func dtabYAML(name, table string) string {
	return fmt.Sprintf("---\napiVersion: kibble.dev/v1alpha1\nkind: Dtab\nmetadata: {name: %s}\nspec: {dtab: %q}\n", name, table)
}

func TestStoreSharesWhatDidNotChange(t *testing.T) {
	s := newStore()
	s.set("web.yaml", objects(t, serviceYAML("web", 80)+sliceYAML("web-1", "web", "{addresses: [10.0.0.1]}")+sliceYAML("web-2", "web", "{addresses: [10.0.0.2]}")))
	s.set("api.yaml", objects(t, serviceYAML("api", 80)))
	s.set("dtab.yaml", objects(t, dtabYAML("a", "/a => /b")))
	first := s.inventory()
	if s.inventory() != first {
		t.Error("nothing changed, but the inventory did")
	}
	s.set("web.yaml", objects(t, serviceYAML("web", 80)+sliceYAML("web-1", "web", "{addresses: [10.0.0.1]}")+sliceYAML("web-2", "web", "{addresses: [10.0.0.2]}")))
	if s.inventory() != first {
		t.Error("equal objects were read again, but the inventory changed")
	}
	s.set("web.yaml", objects(t, serviceYAML("web", 80)+sliceYAML("web-1", "web", "{addresses: [10.0.0.1]}")+sliceYAML("web-2", "web", "{addresses: [10.0.0.3]}")))
	second := s.inventory()
	web, api := translate.Key{Namespace: "default", Name: "web"}, translate.Key{Namespace: "default", Name: "api"}
	switch {
	case second == first || second.Services[web] == first.Services[web]:
		t.Error("the change did not arrive")
	case second.Services[api] != first.Services[api] || second.Dtabs[0] != first.Dtabs[0]:
		t.Error("another object changed, too")
	case second.Services[web].Slices[0] != first.Services[web].Slices[0]:
		t.Error("another slice changed, too")
	case first.Services[web].Slices[1].Endpoints[0].Addresses[0] != "10.0.0.2":
		t.Error("the old inventory changed")
	}
}

func TestStoreJoinsPods(t *testing.T) {
	s := newStore()
	s.set("slices", objects(t, sliceYAML("web-1", "web",
		"{addresses: [10.0.0.1], targetRef: {kind: Pod, name: web-a}}, {addresses: [10.0.0.2]}, {addresses: [10.0.0.9]}")))
	look := func() string {
		var words []string
		for _, e := range s.inventory().Services[translate.Key{Namespace: "default", Name: "web"}].Slices[0].Endpoints {
			words = append(words, e.Pod+"="+e.Labels["version"])
		}
		return strings.Join(words, " ")
	}
	want := func(want string) {
		t.Helper()
		if got := look(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	want("web-a= = =")
	s.set("pods", objects(t, podYAML("web-a", "v1", "10.0.0.1")+podYAML("web-b", "v2", "10.0.0.2")))
	want("web-a=v1 web-b=v2 =")
	s.set("pods", objects(t, podYAML("web-a", "v3", "10.0.0.1")+podYAML("web-b", "v2", "10.0.0.9")))
	want("web-a=v3 = web-b=v2")
	s.set("more pods", objects(t, podYAML("host-a", "v4", "10.0.0.9")))
	want("web-a=v3 = =")
	s.set("pods", nil)
	want("web-a= = host-a=v4")
}

func TestEndpointsYieldToSlices(t *testing.T) {
	s := newStore()
	s.set("old", objects(t, "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\nsubsets: [{addresses: [{ip: 10.0.0.1}], ports: [{name: http, port: 1}]}]\n"))
	id := dtab.Path{"default", "http", "web"}
	if a, _ := s.inventory().Endpoints(id); len(a) != 1 || a[0].IP != "10.0.0.1" {
		t.Errorf("got %v", a)
	}
	s.set("new", objects(t, sliceYAML("web-1", "web", "{addresses: [10.0.0.2]}")))
	if a, _ := s.inventory().Endpoints(id); len(a) != 1 || a[0].IP != "10.0.0.2" {
		t.Errorf("got %v", a)
	}
	s.set("new", nil)
	s.set("old", nil)
	if n := len(s.inventory().Services); n != 0 {
		t.Errorf("%d services are left", n)
	}
}

// facts compares inventories without what models add to them.
func facts() cmp.Option { return cmpopts.IgnoreUnexported(translate.Inventory{}) }

// TestStoreForgetsTheWay: what a store gives depends on what its sources hold,
// not on how it came to be.
func TestStoreForgetsTheWay(t *testing.T) {
	pieces := []string{
		serviceYAML("web", 80), serviceYAML("web", 81), serviceYAML("api", 80),
		sliceYAML("web-1", "web", "{addresses: [10.0.0.1], targetRef: {kind: Pod, name: web-a}}, {addresses: [10.0.0.2]}"),
		sliceYAML("web-1", "api", "{addresses: [10.0.0.1]}"), sliceYAML("api-1", "api", ""),
		podYAML("web-a", "v1", "10.0.0.1"), podYAML("web-a", "v2", "10.0.0.2"), podYAML("web-b", "v3", "10.0.0.2"),
		dtabYAML("a", "/a => /b"), dtabYAML("a", "/a => /c"), dtabYAML("b", "/a => /b"),
		"---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {a: b}}\n", "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n",
		"---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\nsubsets: [{addresses: [{ip: 10.0.0.2}], ports: [{name: http, port: 1}]}]\n",
	}
	rapid.Check(t, func(t *rapid.T) {
		s := newStore()
		final := map[string]string{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			source := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "source")
			text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 4).Draw(t, "pieces"), "")
			final[source] = text
			s.set(source, objects(t, text))
			if rapid.Bool().Draw(t, "look") {
				s.inventory()
			}
		}
		direct := newStore()
		for source, text := range final {
			direct.set(source, objects(t, text))
		}
		if diff := cmp.Diff(direct.inventory(), s.inventory(), facts()); diff != "" {
			t.Fatalf("(-direct +step by step):\n%s", diff)
		}
		if diff := cmp.Diff(lines(dtab.SortFindings(direct.duplicates())), lines(dtab.SortFindings(s.duplicates()))); diff != "" {
			t.Fatalf("(-direct +step by step):\n%s", diff)
		}
	})
}

func TestStoreOrderDoesNotCount(t *testing.T) {
	var want *translate.Inventory
	sources := map[string]string{}
	for i := range 20 {
		name := fmt.Sprintf("s%d", i)
		sources[name] = serviceYAML(name, 80) + dtabYAML(name, "/a => /b") + sliceYAML(name, "s1", "{addresses: [10.0.0.1]}")
	}
	for range 10 {
		s := newStore()
		names := make([]string, 0, len(sources))
		for name := range sources {
			names = append(names, name)
		}
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			s.set(name, objects(t, sources[name]))
		}
		if want == nil {
			want = s.inventory()
		}
		if diff := cmp.Diff(want, s.inventory(), facts()); diff != "" {
			t.Fatal(diff)
		}
	}
}

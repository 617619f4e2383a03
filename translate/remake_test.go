package translate

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// TestRemadeIsMadeAnew is the law of what snapshots share: whatever changes, and
// however often, what is made of the snapshot before is, byte for byte, what is
// made of nothing, and so is what is said about it. What is equal is the same.
func TestRemadeIsMadeAnew(t *testing.T) {
	replayed := 0
	checkUntil(t, func() bool { return replayed > 100 }, func(t *rapid.T) {
		w := changingWorld{t: t}
		inv := w.begin()
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		m := NewModel(inv, now)
		s, found := m.SnapshotAfter(nil)
		if slices.ContainsFunc(found, func(f dtab.Finding) bool { return f.Code == codeTooMany }) {
			t.Skip("a table loops")
		}
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			inv, now = w.change(inv), later(t, now)
			next := m.Next(inv, now)
			got, found := next.SnapshotAfter(s)
			if slices.ContainsFunc(found, func(f dtab.Finding) bool { return f.Code == codeTooMany }) {
				t.Skip("a table loops")
			}
			anew := NewModel(next.inventory, now)
			if slices.ContainsFunc(next.Findings(), func(f dtab.Finding) bool { return f.Code == codeKept }) {
				anew = next // what somebody broke goes on, which nothing but the model before knows
			}
			want, wantFound := anew.Snapshot()
			if diff := gocmp.Diff(slices.Concat(anew.Findings(), wantFound), slices.Concat(next.Findings(), found), cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("findings (-anew +remade):\n%s\n%s", diff, w.told(m, next))
			}
			for i, r := range anew.routers {
				if was, is := r.table.Dtab(), next.routers[i].table.Dtab(); !reflect.DeepEqual(was, is) {
					t.Fatalf("the table of %s is, anew:\n%+v\nand in place of another:\n%+v", r.key, was, is)
				}
			}
			diff := differ(got, want)
			if len(got.Classes) != len(want.Classes) {
				diff = "other classes"
			}
			if diff = cmp.Or(diff, unshared(s, got)); diff != "" {
				t.Fatalf("%s\n%s", diff, w.told(m, next))
			}
			replayed += reused(s, got)
			m, s = next, got
		}
	})
}

// later gives the same time, one at which what has gone is known, or one at which
// it is forgotten.
func later(t *rapid.T, now time.Time) time.Time {
	return now.Add(rapid.SampledFrom([]time.Duration{0, goneFor / 3, 2 * goneFor}).Draw(t, "later"))
}

// unshared names a resource that is equal to one of before, and not the same.
func unshared(before, after *Snapshot) string {
	for name, class := range after.Classes {
		if before.Classes[name] == nil || !slices.Equal(class.made.routers, before.Classes[name].made.routers) ||
			class.made.flawed || before.Classes[name].made.flawed {
			continue
		}
		for typ, resources := range class.Resources {
			for key, r := range resources {
				if was := before.Classes[name].Resources[typ][key]; was != nil && was != r && was.equal(r) {
					return key + " is equal, and not the same"
				}
			}
		}
	}
	return ""
}

// reused counts nodes that were not explored again although something else was.
func reused(before, after *Snapshot) int {
	n := 0
	for name, class := range after.Classes {
		for key, t := range class.made.tables {
			x := before.explored(name, key)
			if x == nil {
				continue
			}
			same, other := 0, 0
			for i, node := range t.explored.nodes {
				switch {
				case node == nil:
				case i < len(x.nodes) && node == x.nodes[i]:
					same++
				default:
					other++
				}
			}
			if same > 0 && other > 0 {
				n += same
			}
		}
	}
	return n
}

// changingWorld draws inventories, one after another.
type changingWorld struct {
	t *rapid.T
	n int
}

func (w *changingWorld) begin() *Inventory {
	inv := genInventory(w.t)
	inv.Namespaces = map[string]Labels{"default": {}, "b": {"preview": "true"}}
	inv.Dtabs = []*Sourced[v1alpha1.Dtab]{w.dtab(genTable(w.t, 3))}
	for range rapid.IntRange(1, 2).Draw(w.t, "routers") {
		inv.Routers = append(inv.Routers, w.router())
	}
	for range rapid.IntRange(0, 3).Draw(w.t, "policies") {
		inv.Policies = w.withPolicy(inv.Policies)
	}
	return inv
}

// dtab writes a table as a text, or as a list.
func (w *changingWorld) dtab(text string) *Sourced[v1alpha1.Dtab] {
	spec := v1alpha1.DtabSpec{Dtab: text}
	if rapid.Bool().Draw(w.t, "list") {
		for _, d := range w.parse(text) {
			spec.Dentries = append(spec.Dentries, v1alpha1.Dentry{Prefix: d.Prefix.String(), Dst: d.Dst.String()})
		}
	}
	d := v1alpha1.Dtab{ObjectMeta: metav1.ObjectMeta{Name: "d", Namespace: "default"}, Spec: spec}
	line := rapid.SampledFrom([]int{1, 1, 1, 1, 2}).Draw(w.t, "line")
	return &Sourced[v1alpha1.Dtab]{Object: d, Origin: Origin{Name: "d.yaml", Line: line}}
}

func (w *changingWorld) parse(text string) dtab.Dtab {
	table, err := dtab.Parse(dtab.Source{}, text)
	if err != nil {
		w.t.Fatal(err)
	}
	return table
}

func (w *changingWorld) router() *Sourced[v1alpha1.Router] {
	w.n++
	t := w.t
	spec := v1alpha1.RouterSpec{
		ProxyClass: rapid.SampledFrom([]string{"edge", "side"}).Draw(t, "class"), Port: int32(w.n), Identifier: genIdentifier(t),
		Dtab: genTable(t, 6), Failover: rapid.IntRange(0, 4).Draw(t, "failover") == 0,
	}
	if rapid.Bool().Draw(t, "namers") {
		spec.Namers = []v1alpha1.Namer{
			{Kind: dtab.KindK8s},
			{Kind: dtab.KindRewrite, Prefix: "/rw", Pattern: "/{x}/*", Name: "/host/{x}"},
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "ref") == 0 {
		spec.DtabRef = &v1alpha1.LocalRef{Name: "d"}
	}
	if rapid.IntRange(0, 3).Draw(t, "receives") == 0 {
		spec.Identifier = &v1alpha1.Identifier{Kind: identifyHeader, Header: HeaderDst}
	}
	spec.Tracing = w.tracing()
	switch rapid.IntRange(0, 9).Draw(t, "more") {
	case 0:
		spec.Responses = genResponses(t)
	case 1:
		spec.Transformers = []v1alpha1.Transformer{{Kind: transformConst, Path: "/#/io.l5d.k8s/default/http/a"}}
	case 2:
		spec.Transformers = []v1alpha1.Transformer{{Kind: transformDaemonset, Namespace: "default", Service: "v1", Port: "http", HostNetwork: true}}
	case 3:
		spec.Bind, spec.Transformers = v1alpha1.BindPod, []v1alpha1.Transformer{{Kind: transformLocalhost}}
	}
	name := fmt.Sprint("r", w.n)
	r := v1alpha1.Router{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: spec}
	return &Sourced[v1alpha1.Router]{Object: r, Origin: Origin{Name: "router default/" + name}}
}

// tracing names a collector that may be there, or is none.
func (w *changingWorld) tracing() *v1alpha1.Tracing {
	if rapid.IntRange(0, 2).Draw(w.t, "tracing") > 0 {
		return nil
	}
	name := rapid.SampledFrom([]string{"a", "world"}).Draw(w.t, "collector")
	return &v1alpha1.Tracing{Collector: v1alpha1.Collector{Service: name, Port: "http"}}
}

func (w *changingWorld) withPolicy(all []*Sourced[v1alpha1.DogfoodPolicy]) []*Sourced[v1alpha1.DogfoodPolicy] {
	t := w.t
	name := fmt.Sprint("p", rapid.IntRange(0, 5).Draw(t, "policy"))
	spec := v1alpha1.DogfoodPolicySpec{
		When:     v1alpha1.Condition{Cookie: &v1alpha1.Match{Name: "c", Exact: &name}},
		Override: genTable(t, 2), Priority: int32(rapid.IntRange(0, 1).Draw(t, "priority")),
		Fallback: rapid.SampledFrom([]v1alpha1.Fallback{v1alpha1.FallbackBaseline, v1alpha1.FallbackFail}).Draw(t, "fallback"),
	}
	if rapid.IntRange(0, 2).Draw(t, "forEach") == 0 {
		each := "{namespace}"
		spec.ForEach = &v1alpha1.ForEach{NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"preview": "true"}}}
		spec.When.Cookie.Exact = &each
		spec.Override = "/srv => /#/io.l5d.k8s/{namespace}/http ; " + spec.Override
	}
	p := v1alpha1.DogfoodPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: spec}
	line := rapid.IntRange(1, 2).Draw(t, "line")
	all = slices.DeleteFunc(slices.Clone(all), func(s *Sourced[v1alpha1.DogfoodPolicy]) bool { return s.Object.Name == name })
	all = append(all, &Sourced[v1alpha1.DogfoodPolicy]{Object: p, Origin: Origin{Name: "p.yaml", Line: line}})
	slices.SortFunc(all, func(a, b *Sourced[v1alpha1.DogfoodPolicy]) int { return cmp.Compare(a.Object.Name, b.Object.Name) })
	return all
}

// change gives an inventory in which one thing is another, sometimes more.
func (w *changingWorld) change(last *Inventory) *Inventory {
	next := *last
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(w.t, "at once") {
		w.changeOne(&next)
	}
	return &next
}

func (w *changingWorld) changeOne(inv *Inventory) {
	t := w.t
	switch kind := rapid.IntRange(0, 19).Draw(t, "change"); {
	case kind < 5:
		inv.Services = maps.Clone(inv.Services)
		key := Key{rapid.SampledFrom([]string{"default", "b", "c"}).Draw(t, "ns"), rapid.SampledFrom([]string{"a", "b", "world", "v1", "new"}).Draw(t, "name")}
		s := movingService(t, key.Name)
		s.Key = key
		if rapid.IntRange(0, 2).Draw(t, "ports") == 0 {
			s.Ports = []ServicePort{{Name: "web", Port: 81}}
		}
		s.Ports[0].AppProtocol = rapid.SampledFrom([]string{"", "", "kubernetes.io/h2c"}).Draw(t, "protocol")
		inv.Services[key] = s
		if rapid.IntRange(0, 2).Draw(t, "delete") == 0 {
			delete(inv.Services, key)
		}
	case kind < 11:
		i := rapid.IntRange(0, len(inv.Routers)-1).Draw(t, "router")
		r := *inv.Routers[i]
		if rapid.IntRange(0, 3).Draw(t, "edits tracing") == 0 {
			r.Object.Spec.Tracing = w.tracing()
		} else {
			r.Object.Spec.Dtab = w.edit(r.Object.Spec.Dtab)
		}
		inv.Routers = slices.Clone(inv.Routers)
		inv.Routers[i] = &r
	case kind < 13:
		table, _ := ReadDtab(inv.Dtabs[0])
		inv.Dtabs = []*Sourced[v1alpha1.Dtab]{w.dtab(w.edit(table.String()))}
	case kind < 16:
		inv.Policies = w.withPolicy(inv.Policies)
	case kind == 16 && len(inv.Policies) > 0:
		i := rapid.IntRange(0, len(inv.Policies)-1).Draw(t, "policy")
		inv.Policies = slices.Delete(slices.Clone(inv.Policies), i, i+1)
	case kind == 17:
		inv.Namespaces = maps.Clone(inv.Namespaces)
		ns := rapid.SampledFrom([]string{"b", "c", "d"}).Draw(t, "namespace")
		if inv.Namespaces[ns] == nil {
			inv.Namespaces[ns] = Labels{"preview": "true"}
		} else {
			delete(inv.Namespaces, ns)
		}
	case kind == 18:
		inv.Routers = append(slices.Clone(inv.Routers), w.router())
	}
}

// edit adds a rule to a table, takes one away, or puts another in its place.
func (w *changingWorld) edit(text string) string {
	t := w.t
	table, more := w.parse(text), w.parse(genTable(t, 2))
	at := rapid.IntRange(0, len(table)).Draw(t, "at")
	kind := rapid.IntRange(0, 3).Draw(t, "edit")
	if kind > 0 && at < len(table) {
		table = slices.Delete(table, at, at+1)
	}
	if kind < 3 {
		table = slices.Insert(table, at, more...)
	}
	rules := make([]string, len(table))
	for i, d := range table {
		rules[i] = d.Prefix.String() + " => " + d.Dst.String()
	}
	return strings.Join(rules, " ;\n")
}

// told says what the routers of two models are.
func (w *changingWorld) told(models ...*Model) string {
	var all string
	for _, m := range models {
		for _, r := range m.routers {
			all += fmt.Sprintf("%s %+v:\n%v", r.key, r.spec.Identifier, r.table.Dtab().Indented("  "))
		}
		for _, o := range m.overlays {
			all += fmt.Sprintf("%s %s: %v\n", o.id, o.family, o.table)
		}
		all += fmt.Sprintln(sortedKeys(mapKeys(m.inventory.Services)))
	}
	return all
}

func mapKeys(services map[Key]*Service) map[string]bool {
	all := map[string]bool{}
	for key, s := range services {
		all[fmt.Sprint(key, portNames(s))] = true
	}
	return all
}

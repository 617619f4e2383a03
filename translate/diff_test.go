package translate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// genModel makes a model of one router and some policies, without a condition.
func genModel(t *rapid.T) *Model {
	inv := genInventory(t)
	src := &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{
		ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "default"},
		Spec:       v1alpha1.RouterSpec{ProxyClass: "edge", Port: 1, Dtab: genTable(t, 5), Failover: rapid.Bool().Draw(t, "failover")},
	}}
	r, found := newRouter(inv, src)
	if r == nil {
		t.Fatalf("router: %v", found)
	}
	m := &Model{inventory: inv, names: newNames(inv), routers: []*router{r}}
	for i := range rapid.IntRange(0, 2).Draw(t, "policies") {
		table, err := dtab.Parse(dtab.Source{}, genTable(t, 2))
		if err != nil {
			t.Fatal(err)
		}
		m.overlays = append(m.overlays, overlay{id: fmt.Sprintf("p%d", i), table: table, baseline: rapid.Bool().Draw(t, "baseline")})
	}
	r.seePorts(m.overlays)
	return m
}

// ask gives the shares of requests to a host where policies hold.
func (f form) ask(host string, ids []string) string {
	var active []overlay
	for _, i := range f.numbers(ids) {
		active = append(active, f.overlays[i])
	}
	name := f.router.identifier.name([][]string{{host}})
	base := f.router.bind(f.router.interpreter(nil, nil), name, f.router.spec.Failover)
	a := base
	if len(active) > 0 {
		a = under{router: f.router, name: name, base: base, active: active, tables: f.table}.answer()
	}
	none := &cell{sample: &sample{marks: f.marks}}
	return sharesKey(f.builder.shares(none, a))
}

// cellOf gives the first cell that a request to a host is in, as Envoy finds it.
func cellOf(domains []*domain, host string) *cell {
	var labels []atom
	for _, l := range slices.Backward(strings.Split(host, ".")) {
		labels = append(labels, atom{lit: l})
	}
	best := ""
	for _, d := range domains {
		fits := d.name == host || strings.HasPrefix(d.name, "*") && strings.HasSuffix(host, d.name[1:])
		if fits && (best == "" || narrower(d.name, best)) {
			best = d.name
		}
	}
	for _, d := range domains {
		for _, c := range d.cells {
			if d.name == best && (c.region.parts[0].isAll() || c.region.parts[0].contains(pattern{atoms: labels})) {
				return c
			}
		}
	}
	return nil
}

// TestDiffSaysWhatTheEvaluatorSays: a host is said to lead elsewhere, for an
// environment, exactly if the evaluator gives another answer for it.
func TestDiffSaysWhatTheEvaluatorSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old, now := genModel(t), genModel(t)
		if rapid.Bool().Draw(t, "alike") { // two unrelated tables differ nearly everywhere
			now = &Model{inventory: old.inventory, names: old.names, overlays: old.overlays}
			r := *old.routers[0]
			table := slices.Clone(r.table.Dtab())
			if len(table) > 0 {
				table = slices.Delete(table, 0, 1)
			}
			r.table = dtab.NewIndex(table)
			r.portsWhy = nil
			r.seePorts(now.overlays)
			now.routers = []*router{&r}
		}
		before, after := old.routers[0], now.routers[0]
		if !sameNames(before, after) {
			t.Skip("one of them looks at ports")
		}
		x := newComparison(old, now, before, after)
		domains := after.prune(after.domains(x.explore()))
		if x.over || x.forms[0].deep || x.forms[1].deep {
			t.Skip("the table loops")
		}
		for range 30 {
			host := strings.ToLower(strings.TrimRight(strings.SplitN(genHost(t), ":", 2)[0], ".!"))
			c := cellOf(domains, host)
			for _, set := range [][]string{nil, {"p0"}, {"p1"}, {"p0", "p1"}} {
				from, to := x.forms[0].ask(host, set), x.forms[1].ask(host, set)
				var moves []Move
				if c != nil {
					moves = x.found[c.sample]
				}
				exact := slices.ContainsFunc(moves, func(m Move) bool { return slices.Equal(m.Policies, set) })
				some := slices.ContainsFunc(moves, func(m Move) bool { return subset(m.Policies, set) })
				if from == to && exact || from != to && !some {
					t.Fatalf("host %s, policies %v:\n%q\n%q\nmoves: %+v\nold:\n%snew:\n%soverlays: %v\n%v", host, set, from, to, moves,
						before.table.Dtab().Indented("  "), after.table.Dtab().Indented("  "), old.overlays, now.overlays)
				}
			}
		}
	})
}

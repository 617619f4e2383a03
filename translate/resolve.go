package translate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// Override is a request that carries rules of its own, as the resolver sees it.
type Override struct {
	// Router is namespace/name.
	Router  string
	Request Request
}

// Resolution is what the resolver says about such a request. Either Status is
// 200 and Cluster names where it goes, or Body says what is wrong.
type Resolution struct {
	Status  int
	Body    string
	Cluster string
	// Class is the proxy class of the router.
	Class string
	// Dst is the bound name for the receiver, "" where the cluster tells it.
	Dst string
	// Dtab is the merged override in canonical text: it travels on.
	Dtab string
	// Resources are the clusters and load assignments that Cluster needs.
	Resources []*Resource
	// Local are the load assignments that differ by proxy.
	Local map[string]map[Scope]*Resource
}

// Resolve evaluates a request under the caller's own rules: those of
// l5d-ctx-dtab, then those of l5d-dtab, after the policies of l5d-ctx-dogfood
// and the router's table. The draw, from 0 to 1, chooses the branch of a union.
// The order is linkerd's (dtab-semantics, 7).
func (m *Model) Resolve(o Override, draw float64) Resolution {
	r, err := m.router(o.Router)
	if err != nil {
		return Resolution{Status: 503, Body: err.Error() + "\n"}
	}
	if r.spec.AdHocOverrides == nil || r.untrusted() {
		return Resolution{Status: 403, Body: "router " + o.Router + " takes no overrides from callers\n"}
	}
	own, status, body := r.ownRules(o.Request)
	if status != 0 {
		return Resolution{Status: status, Body: body + "\n"}
	}
	name, err := r.identify(o.Request)
	if err != nil {
		return Resolution{Status: 400, Body: "Unknown destination: " + err.Error() + "\n"}
	}
	active := dogfood.ParseContext(o.Request.Header[headerDogfood]).Active(m.policies)
	table := append(slices.Clip(r.tableWith(active)), own...)
	a := r.bind(r.interpreter(table, nil), name, r.spec.Failover)
	if !a.routed() {
		return Resolution{Status: 502, Body: fmt.Sprintf(
			"Unable to route request!\n\nservice name: %s\nbase dtab:\n%soverride dtab:\n%s%s",
			name, r.table.Indented("  "), own.Indented("  "), reason(a))}
	}
	return r.place(m, a, draw, own)
}

func badHeader(err error) string {
	if s, ok := errors.AsType[*dtab.SyntaxError](err); ok {
		return s.Upstream() + "\n"
	}
	return err.Error() + "\n"
}

func reason(a answer) string {
	if a.message != "" {
		return "error: " + a.message + "\n"
	}
	return "outcome: " + string(a.outcome) + "\n"
}

// tableWith gives a router's table with the overrides of policies appended.
func (r *router) tableWith(active []dogfood.Policy) dtab.Dtab {
	table := slices.Clone(r.table)
	for _, p := range active {
		table = append(table, p.Override...)
	}
	return table
}

// place chooses a branch and makes what the proxy needs for it.
func (r *router) place(m *Model, a answer, draw float64, own dtab.Dtab) Resolution {
	chosen := a.branches[len(a.branches)-1]
	for _, b := range a.branches {
		if draw -= b.share; draw < 0 {
			chosen = b
			break
		}
	}
	cb := newClassBuilder(m.inventory)
	cb.source = "override at router " + r.key.String()
	b := &builder{router: r, class: cb, used: map[string]bool{}}
	cluster, ok := b.cluster(nil, chosen.chain)
	if !ok {
		return Resolution{Status: 502, Body: "Unable to route request!\n"}
	}
	res := Resolution{Status: 200, Cluster: cluster, Class: r.spec.ProxyClass, Dtab: own.String(), Local: cb.snapshot.Local}
	if len(chosen.chain) > 0 && chosen.chain[0].cluster == cluster {
		res.Dst = chosen.chain[0].cluster
	}
	for _, t := range []string{ClusterType, EndpointType} {
		for _, name := range sortedKeys(cb.snapshot.Resources[t]) {
			res.Resources = append(res.Resources, cb.snapshot.Resources[t][name])
		}
	}
	return res
}

// forbids says why a caller's rules are not allowed, "" if they are: each must
// rewrite a name below an allowed prefix, and lead below one.
func (r *router) forbids(own dtab.Dtab) string {
	allow := r.spec.AdHocOverrides.Allow
	to := r.spec.AdHocOverrides.To
	if len(to) == 0 {
		to = allow
	}
	for _, d := range own {
		if !belowAny(d.Prefix.String(), allow) {
			return fmt.Sprintf("the override rewrites %s; router %s allows only what is below %s\n",
				d.Prefix, r.key, strings.Join(allow, ", "))
		}
		for _, leaf := range leaves(d.Dst, nil) {
			if !belowAny(leaf.String(), to) {
				return fmt.Sprintf("the override leads to %s; router %s allows only what is below %s\n",
					leaf, r.key, strings.Join(to, ", "))
			}
		}
	}
	return ""
}

func belowAny(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool {
		p = strings.TrimSuffix(p, "/")
		return path == p || strings.HasPrefix(path, p+"/")
	})
}

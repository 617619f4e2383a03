package translate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// DefaultIngressClass is the class of the Ingresses that a router of identifier
// io.l5d.ingress takes, unless it names another.
const DefaultIngressClass = "kibble"

// noIngressRule says why a request has no name, in the original's words.
const noIngressRule = "no ingress rule matches"

// ingressRule is one path of one Ingress, ready to be matched. The rule's name
// is /<namespace>/<port>/<service> of its backend, below the router's prefix.
type ingressRule struct {
	hostPath
	fallback bool // a default backend
	name     dtab.Path
	source   dtab.Pos
}

// ingressRules gives the rules that a router takes, in the order in which a
// request tries them: exact hosts before wildcards before every host, then exact
// paths, then longer before shorter ones, then older Ingresses first; default
// backends last.
func ingressRules(inv *Inventory, id *identifier) ([]*ingressRule, []dtab.Finding) {
	var rules []*ingressRule
	var found []dtab.Finding
	for _, src := range inv.Ingresses {
		o := &src.Object
		if !id.takes(o) {
			continue
		}
		name := func(b IngressBackend) dtab.Path {
			return id.prefix.Join(o.Namespace, b.Port, b.Service)
		}
		for _, p := range o.Paths {
			r := &ingressRule{
				hostPath: hostPath{host: p.Host, kind: p.Type, path: p.Path}, name: name(p.Backend),
				source: src.Origin.Field(p.Field+".path").At(1, 1),
			}
			if r.kind == IngressRegex {
				whole, err := dogfood.WholeText(p.Path)
				if err != nil {
					found = append(found, dtab.Finding{
						Code: codeIngress, Severity: dtab.Error, Pos: r.source,
						Message: fmt.Sprintf("the path %q cannot be used as a regular expression: %v", p.Path, err),
						Hint:    "use pathType: Prefix or Exact, or RE2 syntax",
					})
					continue
				}
				r.whole = whole
			}
			rules = append(rules, r)
		}
		if o.Default != nil && !id.noDefaults {
			rules = append(rules, &ingressRule{
				hostPath: hostPath{kind: IngressPrefix, path: "/"}, fallback: true, name: name(*o.Default),
				source: src.Origin.Field("spec.defaultBackend").At(1, 1),
			})
		}
	}
	slices.SortStableFunc(rules, compareRules)
	rules, more := withoutShadowed(rules)
	return rules, append(found, more...)
}

// takes tells whether an Ingress is of those that a router reads.
func (id *identifier) takes(o *HTTPIngress) bool {
	return o.Class == id.class && (id.namespace == "" || o.Namespace == id.namespace)
}

func compareRules(a, b *ingressRule) int {
	return cmp.Or(cmp.Compare(a.last(), b.last()), a.hostPath.compare(b.hostPath))
}

func (r *ingressRule) last() int {
	if r.fallback {
		return 1
	}
	return 0
}

// withoutShadowed drops rules that another Ingress has taken, with a warning.
func withoutShadowed(rules []*ingressRule) (kept []*ingressRule, found []dtab.Finding) {
	taken := map[string]*ingressRule{}
	for _, r := range rules {
		key := fmt.Sprint(r.fallback, r.host, " ", r.kind, r.path)
		first := taken[key]
		if first == nil {
			taken[key] = r
			kept = append(kept, r)
			continue
		}
		what := fmt.Sprintf("host %q, path %s", cmp.Or(r.host, "*"), r.path)
		if r.fallback {
			what = "the default backend"
		}
		found = append(found, dtab.Finding{
			Code: codeIngress, Severity: dtab.Warning, Pos: r.source,
			Message: what + " is already written at " + first.source.String() + ", which counts",
			Hint:    "the oldest Ingress wins; take one of the two away",
		})
	}
	return kept, found
}

// ingressName gives the name of a request by the rules.
func (id *identifier) ingressName(req Request) (dtab.Path, error) {
	host, err := hostName(req.Host, false)
	if err != nil {
		return nil, err
	}
	for _, r := range id.rules {
		if r.matches(host, req.Path) {
			return r.name, nil
		}
	}
	return nil, errors.New(noIngressRule)
}

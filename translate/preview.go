package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// Row is one line of a preview: where the requests for some hosts go.
type Row struct {
	Router string `json:"router"`
	Class  string `json:"proxyClass"`
	// Host is an Envoy domain: exact, *.suffix or *.
	Host string `json:"host"`
	// Match is what else a request must have; "" for all requests to the host.
	Match string `json:"match,omitempty"`
	// Policies that hold; none for the baseline.
	Policies []string `json:"policies,omitempty"`
	// To is a share for each destination, or why there is none.
	To []RowShare `json:"to"`
}

// RowShare is a share of the requests.
type RowShare struct {
	// Share from 0 to 1.
	Share float64 `json:"share"`
	// Service is the bound id without what transformers put in front.
	Service string `json:"service"`
	// Fallback stands in when nobody of the service is alive.
	Fallback []string `json:"fallback,omitempty"`
}

// Percent is how people read a share from 0 to 1: "12.5 %".
func Percent(share float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", share*100), "0"), ".") + " %"
}

// Preview gives, router by router, what each host leads to, and what each
// policy changes. Hosts that lead nowhere are left out but for the last, *.
func (m *Model) Preview(only string) ([]Row, error) {
	routers := m.routers
	if only != "" {
		r, err := m.router(only)
		if err != nil {
			return nil, err
		}
		routers = []*router{r}
	}
	var rows []Row
	for _, r := range routers {
		cells, _ := explore(r, m.names, m.overlays)
		rows = append(rows, m.rowsOf(r, cells)...)
	}
	return rows, nil
}

// Overview gives the rows of all routers and the snapshot, for the work of one.
func (m *Model) Overview() ([]Row, *Snapshot, []dtab.Finding) {
	var rows []Row
	s, found := m.snapshot(func(r *router, cells []*cell) { rows = append(rows, m.rowsOf(r, cells)...) })
	return rows, s, found
}

// RouterName gives the full name, namespace/name, and the class of a router that
// is called by either name.
func (m *Model) RouterName(name string) (full, class string, err error) {
	r, err := m.router(name)
	if err != nil {
		return "", "", err
	}
	return r.key.String(), r.spec.ProxyClass, nil
}

func (m *Model) rowsOf(r *router, cells []*cell) []Row {
	b := &builder{router: r, overlays: m.overlays}
	rows := b.responseRows()
	for _, d := range r.prune(r.domains(cells)) {
		for _, c := range d.cells {
			rows = append(rows, b.rows(d, c)...)
		}
	}
	return rows
}

func (b *builder) rows(d *domain, c *cell) []Row {
	match := b.describeMatch(d, c)
	base := Row{Router: b.router.key.String(), Class: b.router.spec.ProxyClass, Host: d.name, Match: match, To: b.shares(c, c.base)}
	rows := []Row{base}
	for _, v := range slices.Backward(c.variants) {
		if v.answer.leads() == c.base.leads() {
			continue
		}
		row := base
		row.To = b.shares(c, v.answer)
		for _, p := range v.policies {
			row.Policies = append(row.Policies, b.overlays[p].id)
		}
		rows = append(rows, row)
	}
	return rows
}

// responseRows say what the router answers itself.
func (b *builder) responseRows() []Row {
	var rows []Row
	for _, r := range b.router.responses {
		host := cmp.Or(r.host, everyHost)
		rows = append(rows, Row{
			Router: b.router.key.String(), Class: b.router.spec.ProxyClass, Host: host, Match: r.hostPath.describe(host),
			To: []RowShare{{Share: 1, Service: r.short()}},
		})
	}
	return rows
}

func (b *builder) shares(c *cell, a answer) []RowShare {
	if a.outcome == dtab.OutcomeNeg && b.router.unrouted != nil {
		return []RowShare{{Share: 1, Service: b.router.unrouted.short()}}
	}
	if !a.routed() {
		text := "(" + string(a.outcome) + ")"
		if a.message != "" {
			text = "(" + b.hideMarks(c, a.message) + ")"
		}
		return []RowShare{{Share: 1, Service: text}}
	}
	var all []RowShare
	for _, br := range a.branches {
		s := RowShare{Share: br.share, Service: "(nobody)"}
		for i, t := range br.chain {
			if id := b.hideMarks(c, t.id.String()); i == 0 {
				s.Service = id
			} else {
				s.Fallback = append(s.Fallback, id)
			}
		}
		all = append(all, s)
	}
	return all
}

// describeMatch says in words what a request must have beside its host.
func (b *builder) describeMatch(d *domain, c *cell) string {
	if c.rule != nil {
		return c.rule.describe(d.name)
	}
	var words []string
	segments := ""
	for i, v := range b.router.identifier.vars {
		p := c.region.parts[i]
		switch v {
		case hostVar:
			m := anyPath()
			if d.name == everyHost || !p.contains(d.base) {
				b.matchHost(m, p)
			}
			for _, h := range m.Headers {
				words = append(words, "host ~ "+h.GetStringMatch().GetSafeRegex().GetRegex())
			}
		case tokenVar:
			h := b.matchToken(p)
			if exact := h.GetStringMatch().GetExact(); exact != "" {
				words = append(words, h.Name+" "+exact)
			} else {
				words = append(words, h.Name+" ~ "+h.GetStringMatch().GetSafeRegex().GetRegex())
			}
		case methodVar:
			if !p.atoms[0].any() {
				words = append(words, "method "+p.atoms[0].lit)
			}
		case segmentVar:
			segments += "/" + p.describeToken()
		case urlVar:
			words = append(words, "path "+p.describe())
		case valueVar:
			words = append(words, b.router.identifier.header+" "+p.describe())
		}
	}
	if segments != "" {
		words = append(words, "path "+segments)
	}
	return strings.Join(words, ", ")
}

// Keep tells which resources of a snapshot have to do with a router: its own
// and the clusters that it names. An empty name keeps everything.
func (m *Model) Keep(s *Snapshot, only string) (func(*Resource) bool, error) {
	if only == "" {
		return func(*Resource) bool { return true }, nil
	}
	r, err := m.router(only)
	if err != nil {
		return nil, err
	}
	name := r.key.String()
	kept := map[string]bool{name: true, policyExtensionName(name): true, name + "/tls": true}
	for secret := range m.certificates {
		kept[secretName(secret)] = r.tls != nil && r.tls.uses(secretName(secret))
	}
	resources := s.Classes[r.spec.ProxyClass].Whole()
	var follow func(*Resource)
	follow = func(from *Resource) {
		for _, c := range from.Clusters {
			if next := resources[ClusterType][c]; next != nil && !kept[c] {
				kept[c] = true
				follow(next)
			}
		}
	}
	for _, typ := range []string{RouteType, ListenerType, ExtensionType} {
		for _, own := range []string{name, policyExtensionName(name)} {
			if res := resources[typ][own]; res != nil {
				follow(res)
			}
		}
	}
	return func(res *Resource) bool { return kept[res.Name] }, nil
}

package console

import (
	"net/http"
	"strings"

	"kibble.dev/translate"
)

// service is a destination and who is behind it.
type service struct {
	Name       string
	Ready, All int
	// Known says that Ready and All are.
	Known bool
}

// serviceOf tells who is behind a service of a router's row.
func serviceOf(m *translate.Model, router, name string) service {
	ready, all, ok := m.Alive(router, name)
	return service{name, ready, all, ok}
}

// share is a share of the requests, with who is behind it and behind that.
type share struct {
	Share    float64
	Service  service
	Fallback []service
}

func sharesOf(m *translate.Model, router string, shares []translate.RowShare) []share {
	all := make([]share, 0, len(shares))
	for _, s := range shares {
		one := share{Share: s.Share, Service: serviceOf(m, router, s.Service)}
		for _, f := range s.Fallback {
			one.Fallback = append(one.Fallback, serviceOf(m, router, f))
		}
		all = append(all, one)
	}
	return all
}

// row is a line of the table of hosts.
type row struct {
	translate.Row
	To []share
}

// routers lists the routers, or the hosts of one.
func (c *console) routers(w http.ResponseWriter, r *http.Request, m *translate.Model) {
	if r.FormValue("router") != "" {
		c.router(w, r, m)
		return
	}
	hosts := map[string]int{}
	for _, row := range c.recent.of(m) {
		if len(row.Policies) == 0 {
			hosts[row.Router]++
		}
	}
	var found []translate.RouterSummary
	q := r.FormValue("q")
	for _, s := range m.Routers() {
		if matches(q, s.Name, s.Class) {
			found = append(found, s)
		}
	}
	list, pages := paged(r, found, "q", q)
	c.render(w, http.StatusOK, "routers", page{Title: "Routers", Here: "routers", Data: map[string]any{
		"Routers": list, "Pages": pages, "Q": q, "Hosts": hosts,
	}})
}

func (c *console) router(w http.ResponseWriter, r *http.Request, m *translate.Model) {
	full, _, err := m.RouterName(r.FormValue("router"))
	if err != nil {
		c.problem(w, http.StatusNotFound, "There is no such router")
		return
	}
	var found []translate.Row
	q := r.FormValue("q")
	for _, row := range c.recent.of(m) {
		if row.Router == full && matches(q, row.Host, row.Match, strings.Join(row.Policies, " "), services(row.To)) {
			found = append(found, row)
		}
	}
	list, pages := paged(r, found, "router", full, "q", q)
	rows := make([]row, 0, len(list))
	for _, l := range list {
		rows = append(rows, row{l, sharesOf(m, full, l.To)})
	}
	var summary translate.RouterSummary
	for _, s := range m.Routers() {
		if s.Name == full {
			summary = s
		}
	}
	c.render(w, http.StatusOK, "router", page{Title: "Router " + full, Here: "routers", Data: map[string]any{
		"Router": summary, "Rows": rows, "Pages": pages, "Q": q,
	}})
}

// services are the names that can be searched for in some shares.
func services(shares []translate.RowShare) string {
	var b strings.Builder
	for _, s := range shares {
		b.WriteString(s.Service + " " + strings.Join(s.Fallback, " ") + " ")
	}
	return b.String()
}

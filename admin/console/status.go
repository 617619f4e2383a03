package console

import (
	"net/http"

	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// The states of a proxy, worst first.
const (
	stuck   = "stuck"
	refuses = "refuses"
	behind  = "behind"
	inSync  = "in sync"
)

// proxy is a connected proxy and its state in a word.
type proxy struct {
	xds.ProxyStatus
	State string
	Acked int
}

func proxyOf(p xds.ProxyStatus) proxy {
	one := proxy{ProxyStatus: p, State: behind}
	if p.InSync {
		one.State = inSync
	}
	for _, t := range p.Types {
		one.Acked += t.Acked
		if len(t.Refused) > 0 {
			one.State = refuses
		}
	}
	if p.Stuck {
		one.State = stuck
	}
	return one
}

// proxies lists who is connected.
func (c *console) proxies(w http.ResponseWriter, r *http.Request) {
	q, class, state := r.FormValue("q"), r.FormValue("class"), r.FormValue("state")
	var found []proxy
	for _, p := range c.Proxies() {
		one := proxyOf(p)
		if matches(q, p.Node, p.Class) && (class == "" || p.Class == class) && (state == "" || one.State == state) {
			found = append(found, one)
		}
	}
	list, pages := paged(r, found, "q", q, "class", class, "state", state)
	c.render(w, http.StatusOK, "proxies", page{Title: "Proxies", Here: "proxies", Data: map[string]any{
		"Proxies": list, "Pages": pages, "Q": q, "Class": class, "State": state, "States": []string{inSync, behind, refuses, stuck},
	}})
}

// findings lists what is wrong with the objects.
func (c *console) findings(w http.ResponseWriter, r *http.Request) {
	q, severity := r.FormValue("q"), r.FormValue("severity")
	var found []dtab.Finding
	for _, f := range c.Findings() {
		if matches(q, f.Code, f.Message, f.Hint, f.Pos.String()) && (severity == "" || string(f.Severity) == severity) {
			found = append(found, f)
		}
	}
	list, pages := paged(r, found, "q", q, "severity", severity)
	c.render(w, http.StatusOK, "findings", page{Title: "Findings", Here: "findings", Data: map[string]any{
		"Findings": list, "Pages": pages, "Q": q, "Severity": severity,
		"Severities": []dtab.Severity{dtab.Error, dtab.Warning, dtab.Info},
	}})
}

// overview counts everything, and leads to it.
func (c *console) overview(w http.ResponseWriter, _ *http.Request, m *translate.Model) {
	proxies, found := map[string]int{}, map[dtab.Severity]int{}
	all := c.Proxies()
	for _, p := range all {
		proxies[proxyOf(p).State]++
	}
	findings := c.Findings()
	for _, f := range findings {
		found[f.Severity]++
	}
	c.render(w, http.StatusOK, "overview", page{Title: "Overview", Here: "overview", Data: map[string]any{
		"Routers": m.Routers(), "Environments": len(m.Policies()),
		"Proxies": len(all), "InSync": proxies[inSync], "States": proxies, "Bad": []string{stuck, refuses, behind},
		"Findings": len(findings), "Errors": found[dtab.Error], "Warnings": found[dtab.Warning],
	}})
}

package console

import (
	"net/http"

	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// proxies lists who is connected, or what one of them has.
func (c *console) proxies(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("node") != "" {
		c.proxy(w, r)
		return
	}
	q, class, state := r.FormValue("q"), r.FormValue("class"), r.FormValue("state")
	var found []xds.ProxyStatus
	for _, p := range c.Proxies() {
		if matches(q, p.Node, p.Class) && (class == "" || p.Class == class) && (state == "" || p.State() == state) {
			found = append(found, p)
		}
	}
	list, pages := paged(r, found, "q", q, "class", class, "state", state)
	c.render(w, http.StatusOK, "proxies", page{Title: "Proxies", Here: "proxies", Data: map[string]any{
		"Proxies": list, "Config": c.Config != nil, "Replica": c.Replica, "Pages": pages, "Q": q, "Class": class, "State": state, "States": []string{xds.StateInSync, xds.StateBehind, xds.StateRefuses, xds.StateStuck},
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
		proxies[p.State()]++
	}
	findings := c.Findings()
	for _, f := range findings {
		found[f.Severity]++
	}
	c.render(w, http.StatusOK, "overview", page{Title: "Overview", Here: "overview", Data: map[string]any{
		"Routers": m.Routers(), "Environments": len(m.Policies()),
		"Proxies": len(all), "InSync": proxies[xds.StateInSync], "States": proxies, "Bad": []string{xds.StateStuck, xds.StateRefuses, xds.StateBehind},
		"Findings": len(findings), "Errors": found[dtab.Error], "Warnings": found[dtab.Warning],
	}})
}

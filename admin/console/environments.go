package console

import (
	"net/http"

	"kibble.dev/dogfood"
	"kibble.dev/translate"
)

// change is what an environment changes for a host.
type change struct {
	translate.Change
	From, To []share
}

// environments lists the policies, or shows one.
func (c *console) environments(w http.ResponseWriter, r *http.Request, m *translate.Model) {
	if r.FormValue("id") != "" {
		c.environment(w, r, m)
		return
	}
	var found []dogfood.Policy
	q := r.FormValue("q")
	for _, p := range m.Policies() {
		if matches(q, p.ID, p.When.String(), p.Override.String()) {
			found = append(found, p)
		}
	}
	list, pages := paged(r, found, "q", q)
	c.render(w, http.StatusOK, "environments", page{Title: "Environments", Here: "environments", Data: map[string]any{
		"Environments": list, "Pages": pages, "Q": q,
	}})
}

func (c *console) environment(w http.ResponseWriter, r *http.Request, m *translate.Model) {
	s, ok := m.PolicySummary(r.FormValue("id"))
	if !ok {
		c.problem(w, http.StatusNotFound, "There is no such environment, or it has ended")
		return
	}
	all, _, err := m.Changes(c.recent.of(m), s.ID)
	if err != nil {
		c.problem(w, http.StatusNotFound, "There is no such environment, or it has ended")
		return
	}
	q := r.FormValue("q")
	var found []translate.Change
	for _, ch := range all {
		if matches(q, ch.Router, ch.Host, ch.Match, services(ch.From), services(ch.To)) {
			found = append(found, ch)
		}
	}
	list, pages := paged(r, found, "id", s.ID, "q", q)
	changes := make([]change, 0, len(list))
	for _, ch := range list {
		changes = append(changes, change{ch, sharesOf(m, ch.Router, ch.From), sharesOf(m, ch.Router, ch.To)})
	}
	c.render(w, http.StatusOK, "environment", page{Title: "Environment " + s.ID, Here: "environments", Data: map[string]any{
		"Policy": s, "Changes": changes, "Pages": pages, "Q": q,
	}})
}

package console

import (
	"net/http"
	"slices"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// playground is the page that says where a request goes.
type playground struct {
	Form    form
	Routers []translate.RouterSummary
	// Router is the one that is asked; nil before anything is.
	Router *translate.RouterSummary
	// Wrong says what is mistyped.
	Wrong string
	// Answers stand side by side.
	Answers []answer
	// Same says that nothing overrides the request.
	Same bool
	Edit *edit
	// Environments are ids to choose from, some where there are many.
	Environments []string
}

// answer is one column: the request under some table.
type answer struct {
	Title, About string
	*translate.Explanation
	Tree     *node
	Policies []verdict
}

// verdict is a policy, or members of a family that do not hold.
type verdict struct {
	translate.PolicyVerdict
	// Members is how many it stands for, if more than one.
	Members int
}

// edit is what a changed table does.
type edit struct {
	Findings []dtab.Finding
	// Broken says that the table cannot be served.
	Broken bool
	Diff   *translate.Difference
	// More counts moves that are not shown.
	More int
}

// maxMoves bounds how many moves of an edit are shown, and maxChoices how many
// environments are offered.
const (
	maxMoves   = 200
	maxChoices = 200
)

func (c *console) playground(w http.ResponseWriter, r *http.Request, m *translate.Model) {
	if err := r.ParseForm(); err != nil {
		c.problem(w, http.StatusBadRequest, "The form cannot be read: it is too long, or not a form")
		return
	}
	p := &playground{Form: readForm(r), Routers: m.Routers()}
	for _, pol := range m.Policies() {
		if len(p.Environments) < maxChoices && pol.Travels() {
			p.Environments = append(p.Environments, pol.ID)
		}
	}
	status := http.StatusOK
	if asked := r.Form.Has("router"); asked {
		if err := c.ask(p, m, r.Method == http.MethodPost); err != nil {
			p.Wrong, status = err.Error(), http.StatusBadRequest
		}
	}
	c.render(w, status, "playground", page{Title: "Playground", Here: "playground", Data: p})
}

// ask fills the page with answers. An error is a mistake in the form.
func (c *console) ask(p *playground, m *translate.Model, edited bool) error {
	full, _, err := m.RouterName(p.Form.Router)
	if err != nil {
		return err
	}
	p.Form.Router = full
	p.Router = &p.Routers[slices.IndexFunc(p.Routers, func(r translate.RouterSummary) bool { return r.Name == full })]
	if !edited {
		p.Form.Table = p.Router.Text
	}
	as, without, err := c.askings(p.Form)
	if err != nil {
		return err
	}
	now := c.Now()
	bare, err := m.SupposeNoPolicies(full, now)
	if err != nil {
		return err
	}
	if err := p.explain("As asked", "", m, as); err != nil {
		return err
	}
	if overridden(p.Answers[0].Explanation) {
		err = p.explain("Without any override", "As it would be if there were no policies, and no rules of the caller's own.", bare, without)
	} else {
		p.Same = true
	}
	if err != nil || !edited {
		return err
	}
	return p.edit(m, as, c)
}

// overridden tells that anything but the router's table counts.
func overridden(x *translate.Explanation) bool { return len(x.Context) > 0 || x.Override != "" }

func (p *playground) explain(title, about string, m *translate.Model, q asking) error {
	x, err := q(m)
	if err != nil {
		return err
	}
	p.Answers = append(p.Answers, answer{
		Title: title, About: about, Explanation: x, Tree: draw(x.Trace), Policies: grouped(x.Policies),
	})
	return nil
}

// edit says what the edited table changes.
func (p *playground) edit(m *translate.Model, q asking, c *console) error {
	next, err := m.SupposeTable(p.Router.Name, p.Form.Table, c.Now())
	if err != nil {
		return err
	}
	p.Edit = &edit{Broken: len(next.RouterNames()) == 0}
	for _, f := range next.Findings() {
		if f.Pos.Source == translate.EditedTable {
			p.Edit.Findings = append(p.Edit.Findings, f)
		}
	}
	if p.Edit.Broken {
		return nil
	}
	if err := p.explain("With the edited table", "", next, q); err != nil {
		return err
	}
	d, err := translate.Diff(m, next, p.Router.Name)
	if err != nil {
		return err
	}
	if n := len(d.Moves); n > maxMoves {
		d.Moves, p.Edit.More = d.Moves[:maxMoves], n-maxMoves
	}
	p.Edit.Diff = d
	return nil
}

// grouped puts members of a family that do not hold into one line.
func grouped(all []translate.PolicyVerdict) []verdict {
	var out []verdict
	at := map[string]int{}
	for _, v := range all {
		if i, ok := at[v.Family]; ok && !v.Holds {
			out[i].Members++
			continue
		}
		if v.Family != "" && !v.Holds {
			at[v.Family] = len(out)
		}
		out = append(out, verdict{v, 1})
	}
	return out
}

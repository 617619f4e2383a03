package suite

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"kibble.dev/dogfood"
	"kibble.dev/dogfood/tokens"
	"kibble.dev/translate"
)

// Result is what became of a test.
type Result struct {
	Test
	// Mismatches are what is not as expected; none if the test passed.
	Mismatches []Mismatch
	// Problem says why the question could not be asked.
	Problem string
	// Explanation is the answer; nil if there is a Problem.
	Explanation *translate.Explanation
}

// Passed tells that all is as expected.
func (r Result) Passed() bool { return len(r.Mismatches) == 0 && r.Problem == "" }

// Run answers tests, in their order, with the objects of an inventory. The time
// counts for those that do not say one. Coverage is of all the rules that there
// are for some test.
func Run(inv *translate.Inventory, tests []Test, now time.Time) ([]Result, *Coverage) {
	r := &runner{inventory: inv, now: now, models: map[string]*translate.Model{}, coverage: newCoverage()}
	r.coverage.know(translate.NewModel(inv, now))
	results := make([]Result, 0, len(tests))
	for _, t := range tests {
		x, err := r.ask(t)
		result := Result{Test: t, Explanation: x}
		if err != nil {
			result.Problem = err.Error()
		} else {
			result.Mismatches = t.want.check(x)
			r.coverage.add(x.Trace)
		}
		results = append(results, result)
	}
	return results, r.coverage
}

type runner struct {
	inventory *translate.Inventory
	now       time.Time
	models    map[string]*translate.Model // by world
	coverage  *Coverage
}

// model gives the model of a test's world. Most tests have one in common.
func (r *runner) model(w world) (*translate.Model, error) {
	if w.at.IsZero() {
		w.at = r.now
	}
	key := w.key()
	if r.models[key] == nil {
		inv, err := w.of(r.inventory)
		if err != nil {
			return nil, err
		}
		r.models[key] = translate.NewModel(inv, w.at)
		r.coverage.know(r.models[key])
	}
	return r.models[key], nil
}

func (r *runner) ask(t Test) (*translate.Explanation, error) {
	m, err := r.model(t.world)
	if err != nil {
		return nil, err
	}
	for _, id := range t.in {
		if _, ok := m.PolicySummary(id); !ok {
			return nil, fmt.Errorf("in: there is no policy %s that is served; there are: %s", id, policies(m))
		}
	}
	if t.lookup != nil {
		return m.ExplainName(t.question.Router, t.lookup, t.in)
	}
	q := t.question
	if len(t.in) > 0 {
		if router, ok := m.RouterSummary(q.Router); ok && router.Untrusted {
			return nil, fmt.Errorf("in: router %s is untrusted and takes nobody's word for an environment; send what the policy asks for, such as its cookie", router.Name)
		}
		header := map[string][]string{dogfood.ContextHeader: {dogfood.Context(t.in).String()}}
		for name, lines := range q.Request.Header {
			header[name] = append(header[name], lines...)
		}
		q.Request.Header = header
	}
	q.Verify = t.verify(r.now)
	return m.Explain(q)
}

// verify takes the test's own tokens as valid, and checks others.
func (t Test) verify(now time.Time) dogfood.Verify {
	if !t.world.at.IsZero() {
		now = t.world.at
	}
	sound := tokens.Verifier(now, "")
	return func(j dogfood.JWT, token string) (map[string]any, error) {
		claims, ok := t.tokens[token]
		if !ok {
			return sound(j, token)
		}
		if issuer, said := claims["iss"]; said && issuer != j.Issuer {
			return nil, fmt.Errorf("its issuer is %v, not %s", issuer, j.Issuer)
		}
		return claims, nil
	}
}

func policies(m *translate.Model) string {
	const most = 20
	var ids []string
	for _, p := range m.Policies() {
		if len(ids) == most {
			ids = append(ids, "and more")
			break
		}
		ids = append(ids, p.ID)
	}
	return cmp.Or(strings.Join(ids, ", "), "none")
}

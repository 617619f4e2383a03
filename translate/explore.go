package translate

import (
	"fmt"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// overlay is the override of one policy, as routers see it.
type overlay struct {
	id     string
	family string // "" for an ordinary policy; members of a family exclude each other
	table  dtab.Dtab
	// baseline lets the data plane fall back to what the table says without it.
	baseline bool
	pos      dtab.Pos // of the policy's object
}

// cell is a region with what the router's table says about its requests, and
// what it says where policies hold.
type cell struct {
	region region
	sample *sample
	name   dtab.Path
	base   answer
	// variants are the sets of policies that change the answer, those that are
	// to be tried first in front.
	variants []variant
	key      string // of all answers, once asked for
	// rule is the one of an Ingress that the cell is for; nil for other identifiers.
	rule *ingressRule
}

// variant is the answer where certain policies hold.
type variant struct {
	policies []int // numbers of overlays, ascending
	answer   answer
}

// Limits on what is enumerated.
const (
	maxCells = 100_000
	// maxSize is how many labels and segments of one request are told apart. Only
	// tables that loop get there: each turn of a loop is another name.
	maxSize = 24
	// maxEffort is how many look-ups the enumeration of one router may take: a few
	// seconds. Ten thousand hosts take about a hundred thousand.
	maxEffort = 1_000_000
	// maxTogether is how many ordinary policies that change the same host are
	// always looked at in every combination, and maxSets how many combinations of
	// policies and members of families are in any case. Of more, the strongest
	// that holds decides.
	maxTogether = 4
	maxSets     = 1024
)

// explorer finds the regions of a router: it evaluates a sample of a region,
// looks at what the evaluation compared with the unknown parts of the sample,
// and turns each comparison round to get another region, until there is no new
// one. Any request then gets the answer of the narrowest region that it is in.
type explorer struct {
	router   *router
	names    *names
	overlays []overlay
	index    *index
	marks    marks
	texts    []string // that no mark may occur in
	arity    map[string]int
	tables   map[string]dtab.Dtab

	seen  map[string]bool
	queue []region
	cells []*cell
	over  bool
	work  int // look-ups so far
	deep  bool
	wide  map[int]bool // policies that are combined with too many others
}

func newExplorer(r *router, n *names, overlays []overlay) *explorer {
	e := &explorer{
		router: r, names: n, overlays: overlays, index: &index{}, arity: arity(),
		tables: map[string]dtab.Dtab{}, seen: map[string]bool{}, wide: map[int]bool{},
	}
	texts := []string{r.table.Dtab().String(), strings.Join(r.identifier.prefix, "/")}
	for _, d := range r.table.Dtab() {
		e.index.add(d.Prefix, 0)
	}
	for i, o := range overlays {
		texts = append(texts, o.table.String())
		for _, d := range o.table {
			e.index.add(d.Prefix, i+1)
		}
	}
	for _, nm := range r.namers {
		e.index.addPath(append(dtab.Path{"#"}, nm.Prefix()...))
		texts = append(texts, nm.config.Pattern, nm.config.Name)
	}
	for name := range e.arity {
		e.index.addPath(dtab.Path{"$", name})
	}
	e.texts, e.marks = texts, newMarks(texts...)
	return e
}

// explore gives the cells of the router, in no order.
func (e *explorer) explore() ([]*cell, []dtab.Finding) {
	if e.router.identifier.kind == identifyIngress {
		return e.exploreIngress(), e.findings()
	}
	e.add(e.roots())
	for len(e.queue) > 0 && e.work < maxEffort {
		r := e.queue[len(e.queue)-1]
		e.queue = e.queue[:len(e.queue)-1]
		e.cells = append(e.cells, e.visit(r))
	}
	e.over = e.over || len(e.queue) > 0
	return e.cells, e.findings()
}

// roots are the regions to begin with: for each variable, all its values.
func (e *explorer) roots() []region {
	all := []region{{}}
	for _, v := range e.router.identifier.vars {
		var next []region
		for _, r := range all {
			for _, p := range e.rootPatterns(v) {
				next = append(next, region{parts: append(slices.Clone(r.parts), p)})
			}
		}
		all = next
	}
	return all
}

func (e *explorer) rootPatterns(v variable) []pattern {
	one := pattern{atoms: []atom{{}}}
	more := pattern{atoms: []atom{{}}, open: true}
	switch v {
	case methodVar:
		return []pattern{one}
	case urlVar, valueVar:
		return []pattern{{}, {open: true}}
	}
	patterns := []pattern{one, more}
	if v == hostVar {
		// A bracketed IPv6 address is a host of its own shape.
		// The colons in the text around make it differ from host:port too.
		patterns = append(patterns, pattern{atoms: []atom{{pre: "[", post: "::]"}}})
	}
	if e.router.portsCount {
		for _, p := range slices.Clone(patterns) {
			p.port = &atom{}
			patterns = append(patterns, p)
		}
	}
	return patterns
}

func (e *explorer) add(regions []region) {
	for _, r := range regions {
		if r.size() > maxSize {
			e.deep = true
			continue
		}
		key := r.key()
		if e.seen[key] {
			continue
		}
		if len(e.seen) >= maxCells {
			e.over = true
			return
		}
		e.seen[key] = true
		e.queue = append(e.queue, r)
	}
}

// visit evaluates a region: without policies, with each one that can matter,
// and with those that can matter together.
func (e *explorer) visit(r region) *cell {
	s := newSample(r, e.router.identifier.vars, e.marks)
	c := &cell{region: r, sample: s, name: e.router.identifier.name(s.values)}
	touched := map[int]bool{}
	c.base = e.router.bind(e.router.interpreter(nil, e.watch(s, touched)), c.name, e.router.spec.Failover)
	e.add(s.spelled(c.base.leads()))
	done := map[string]bool{}
	for {
		sets := e.sets(touched)
		grown := false
		for _, set := range sets {
			key := fmt.Sprint(set)
			if done[key] {
				continue
			}
			done[key], grown = true, true
			c.variants = append(c.variants, variant{policies: set, answer: e.evaluateSet(s, c, set, touched)})
		}
		if !grown {
			break
		}
	}
	c.variants = useful(c)
	return c
}

// evaluateSet gives the answer where a set of policies holds.
func (e *explorer) evaluateSet(s *sample, c *cell, set []int, touched map[int]bool) answer {
	active := make([]overlay, len(set))
	for i, p := range set {
		active[i] = e.overlays[p]
	}
	a := under{e.router, c.name, c.base, active, e.table, e.watch(s, touched)}.answer()
	e.add(s.spelled(a.leads()))
	return a
}

// watch follows up all that the evaluation of a sample compares, and notes the
// policies that it meets.
func (e *explorer) watch(s *sample, touched map[int]bool) func(dtab.Path) {
	w := walker{
		sample: s,
		matched: func(owner int) {
			if owner > 0 {
				touched[owner-1] = true
			}
		},
		found: e.add,
	}
	return func(path dtab.Path) {
		e.work++
		e.index.walk(path, w)
		e.namerFlips(path, s)
	}
}

// table gives the overrides of policies as one table, weakest first.
func (e *explorer) table(active []overlay) dtab.Dtab {
	if len(active) == 0 {
		return nil
	}
	ids := make([]string, len(active))
	for i, o := range active {
		ids[i] = o.id
	}
	key := strings.Join(ids, ",")
	t, ok := e.tables[key]
	if !ok {
		t = tableOf(active)
		e.tables[key] = t
	}
	return t
}

// findings says where the enumeration had to stop.
func (e *explorer) findings() []dtab.Finding {
	var found []dtab.Finding
	at := e.router.origin.Field("spec.dtab").At(1, 1)
	if e.over {
		found = append(found, dtab.Finding{
			Code: codeTooMany, Severity: dtab.Error, Pos: at,
			Message: "the table tells too many groups of requests apart, or loops in too many ways; only some of its hosts are served",
			Hint:    "take out rules that lead back to themselves, use fewer wildcards in the middle of prefixes, or several routers",
		})
	}
	if e.deep {
		found = append(found, dtab.Finding{
			Code: codeTooMany, Severity: dtab.Warning, Pos: at,
			Message: fmt.Sprintf("the table loops: a rule leads back to itself with a longer name; requests with names of more than %d segments are not told apart", maxSize),
			Hint:    "let the rule lead to a name that no rule of the loop begins with",
		})
	}
	if len(e.wide) > 0 {
		found = append(found, e.tooMany(at))
	}
	return found
}

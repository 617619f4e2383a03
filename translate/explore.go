package translate

import (
	"fmt"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// Limits on what is enumerated.
const (
	maxCells = 100_000
	// maxSize is how many labels and segments of one request are told apart. Only
	// tables that loop get there: each turn of a loop is another name.
	maxSize = 24
	// maxEffort is how many look-ups the enumeration of one router may take: a few
	// seconds. Ten thousand hosts take about a hundred thousand. With policies, each of
	// which takes as many again, it is more, by that of effortOfPolicies at most.
	maxEffort        = 1_000_000
	effortOfPolicies = 4
	// maxTogether is how many ordinary policies that change the same host are
	// always looked at in every combination, and maxSets how many combinations of
	// policies and members of families are, as long as all those of a router
	// cost no more than maxCombined. Of more, those are that lead somewhere: see
	// explorer.sets.
	maxTogether = 4
	maxSets     = 1024
	maxCombined = 150_000
)

// explorer finds the regions of a router: it evaluates a sample of a region,
// looks at what the evaluation compared with the unknown parts of the sample,
// and turns each comparison round to get another region, until there is no new
// one. Any request then gets the answer of the narrowest region that it is in.
type explorer struct {
	router   *router
	names    *names
	overlays []overlay
	index    *index   // of the overlays, and of what namers look at
	texts    []string // that no mark may occur in, but for the router's table
	arity    map[string]int
	tables   map[string]dtab.Dtab

	explored
	// regions that have a number and were not evaluated yet.
	pending map[int32]region
	// at is the node that is being made, was what it is made anew of; nil: nothing.
	at, was *node
	read    pathSet         // names that were looked up for at
	watched map[string]bool // those whose comparisons were followed up
	work    int             // look-ups so far
	deep    bool
	wide    map[int]bool // policies that are combined with too many others
	// combined is what combinations beyond maxTogether have cost, or would have.
	combined int
}

func newExplorer(r *router, n *names, overlays []overlay) *explorer {
	e := unmarkedExplorer(r, n, overlays)
	e.marks = newMarks(r.identifier.spells(), append(e.texts, r.table.Dtab().String())...)
	return e
}

// unmarkedExplorer gives one that has no marks yet.
func unmarkedExplorer(r *router, n *names, overlays []overlay) *explorer {
	e := &explorer{
		router: r, names: n, overlays: overlays, index: &index{}, arity: arity(),
		tables: map[string]dtab.Dtab{}, wide: map[int]bool{},
		pending: map[int32]region{}, at: &node{}, watched: map[string]bool{},
	}
	e.numbers.byKey = e.numbers.byKey.open()
	e.texts = []string{strings.Join(r.identifier.prefix, "/")}
	for i, o := range overlays {
		e.texts = append(e.texts, o.table.String())
		for _, d := range o.table {
			e.index.add(d.Prefix, i)
		}
	}
	for _, nm := range r.namers {
		e.index.addPath(append(dtab.Path{"#"}, nm.Prefix()...))
		e.texts = append(e.texts, nm.config.Pattern, nm.config.Name)
	}
	for name := range e.arity {
		e.index.addPath(dtab.Path{"$", name})
	}
	return e
}

// explore gives the cells of a router, in no order.
func explore(r *router, n *names, overlays []overlay) ([]*cell, []dtab.Finding) {
	if r.identifier.kind == identifyIngress {
		e := newExplorer(r, n, overlays)
		return e.exploreIngress(), e.findings()
	}
	e := exploreAll(r, n, overlays)
	x := exploration{explored: e.explored}
	return x.all(), e.findings()
}

// exploreAll explores a router whose names are made of regions. Where the
// combinations of its policies are too many, only those of few policies are looked
// at, and everywhere alike: no host is left out for their sake.
func exploreAll(r *router, n *names, overlays []overlay) *explorer {
	all := func(frugal bool) *explorer {
		e := newExplorer(r, n, overlays)
		e.frugal = frugal
		e.walk(func(number int32) *node { return e.visit(e.pending[number], nil) })
		return e
	}
	if e := all(false); e.combined <= maxCombined {
		return e
	}
	return all(true)
}

// most is how many look-ups may be made.
func (e *explorer) most() int { return maxEffort * (1 + min(len(e.overlays), effortOfPolicies)) }

// walk goes to every region that there is. A node that is not known is made.
func (e *explorer) walk(visit func(number int32) *node) {
	e.at = &node{}
	e.add(e.roots())
	e.deep = e.deep || e.at.deep
	reached := make([]bool, e.numbers.next)
	var queue []int32
	reach := func(all []int32) {
		for _, n := range all {
			if int(n) >= len(reached) {
				reached = append(reached, make([]bool, int(e.numbers.next)-len(reached))...)
			}
			switch {
			case reached[n]:
			case e.live >= maxCells:
				e.over = true
			default:
				reached[n] = true
				e.live++
				queue = append(queue, n)
			}
		}
	}
	for reach(e.at.next); len(queue) > 0 && e.work < e.most() && (e.frugal || e.combined <= maxCombined); {
		number := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		n := visit(number)
		for len(e.nodes) < int(e.numbers.next) {
			e.nodes = append(e.nodes, nil)
		}
		e.nodes[number] = n
		e.take(n)
		reach(n.next)
		for _, f := range n.flips {
			reach(f.to)
		}
	}
	e.over = e.over || len(queue) > 0
	for i := range e.nodes {
		if i >= len(reached) || !reached[i] {
			e.nodes[i] = nil
		}
	}
}

// take counts what a node has cost and says.
func (e *explorer) take(n *node) {
	e.deep = e.deep || n.deep
	e.work += n.work
	e.combined += n.combined
	for _, p := range n.wide {
		e.wide[p] = true
	}
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
	if e.router.portsCount() {
		for _, p := range slices.Clone(patterns) {
			p.port = &atom{}
			patterns = append(patterns, p)
		}
	}
	return patterns
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

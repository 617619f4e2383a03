package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// Difference is what becomes different when one model takes the place of
// another, as requests notice it. It is a function of the two: the same
// models give the same difference, in the same order.
type Difference struct {
	// Moves are the hosts that lead elsewhere, by router, host and environment.
	Moves []Move `json:"moves"`
	// Objects are other changes of objects: listeners, answers, conditions.
	Objects []ObjectChange `json:"objects"`
	// Notes say where the comparison had to stop.
	Notes []string `json:"notes,omitempty"`
}

// Empty tells that no request notices anything.
func (d *Difference) Empty() bool { return len(d.Moves) == 0 && len(d.Objects) == 0 }

// Move is a host that leads elsewhere.
type Move struct {
	Router string `json:"router"`
	// Host is an Envoy domain: exact, *.suffix or *.
	Host string `json:"host"`
	// Match is what else a request must have; "" for all requests to the host.
	Match string `json:"match,omitempty"`
	// Except are the hosts that Host would match and that stay where they are.
	Except []string `json:"except,omitempty"`
	// Policies are the environment; none: everybody who is in none.
	Policies []string `json:"policies,omitempty"`
	// Members are the members of a family that the move is for, where they all
	// move alike: Policies then has FAMILY.*, and {namespace} stands for the
	// member in every text.
	Members []string `json:"members,omitempty"`
	// From and To are shares of the requests; none where there is no such router.
	From []RowShare `json:"from"`
	To   []RowShare `json:"to"`
	// Why are the rules and facts that did it.
	Why []Cause `json:"why,omitempty"`
}

// Cause is a rule that a move is due to, or a name whose existence is.
type Cause struct {
	// Sign is "+" for a rule or name that is new, "-" for one that is gone, and
	// "~" for a rule that was there but did not decide before.
	Sign string `json:"sign"`
	// Rule is the dentry's canonical text, or, with no Source, a bound name.
	Rule string `json:"rule"`
	// Origin is the object of the rule, and Source where it is written.
	Origin string `json:"origin,omitempty"`
	Source string `json:"source,omitempty"`
}

// Diff compares two models. With a router's name it looks at that one only; the
// error says which routers there are if neither model has it.
func Diff(old, now *Model, only string) (*Difference, error) {
	d := &Difference{Moves: []Move{}, Objects: []ObjectChange{}}
	if only != "" {
		full, _, err := now.RouterName(only)
		if err != nil {
			if full, _, err = old.RouterName(only); err != nil {
				return nil, err
			}
		}
		only = full
	}
	for _, name := range union(old.RouterNames(), now.RouterNames()) {
		if only != "" && name != only {
			continue
		}
		before, after := old.named(name), now.named(name)
		d.Objects = append(d.Objects, routerChanges(before, after)...)
		d.Moves = append(d.Moves, d.moves(old, now, before, after)...)
	}
	if only == "" {
		d.Objects = append(d.Objects, policyChanges(old, now)...)
	}
	return d, nil
}

// named gives the router of this full name, nil if it is not served.
func (m *Model) named(name string) *router {
	for _, r := range m.routers {
		if r.key.String() == name {
			return r
		}
	}
	return nil
}

// moves compares one router, of which one form may be nil.
func (d *Difference) moves(old, now *Model, before, after *router) []Move {
	var moves []Move
	if before != nil && after != nil && sameNames(before, after) {
		x := newComparison(old, now, before, after)
		moves = x.moves()
		if x.over {
			d.Notes = append(d.Notes, fmt.Sprintf("router %s tells too many groups of requests apart; only some of its hosts are compared", after.key))
		}
	} else {
		moves = rowMoves(old, now, before, after)
	}
	return families(moves, membersOf(old, now))
}

// sameNames tells that a request has the same name, but for its prefix, in
// both forms of a router, so that the two can be asked about the same requests.
func sameNames(a, b *router) bool {
	x, y := a.identifier, b.identifier
	return x.kind != identifyIngress && x.kind == y.kind && x.header == y.header && x.n == y.n &&
		slices.Equal(x.vars, y.vars) && a.portsCount() == b.portsCount()
}

// rowMoves compares what a preview shows, where the names of requests differ.
func rowMoves(old, now *Model, before, after *router) []Move {
	byKey := map[string]*Move{}
	fill := func(m *Model, r *router, side func(*Move) *[]RowShare) {
		if r == nil {
			return
		}
		cells, _ := explore(r, m.names, m.overlays)
		for _, row := range m.rowsOf(r, cells) {
			key := strings.Join(append([]string{row.Host, row.Match}, row.Policies...), "\x00")
			if byKey[key] == nil {
				byKey[key] = &Move{Router: row.Router, Host: row.Host, Match: row.Match, Policies: row.Policies}
			}
			*side(byKey[key]) = row.To
		}
	}
	fill(old, before, func(m *Move) *[]RowShare { return &m.From })
	fill(now, after, func(m *Move) *[]RowShare { return &m.To })
	var moves []Move
	for _, key := range sortedKeys(byKey) {
		m := byKey[key]
		if sharesKey(m.From) == sharesKey(m.To) || before == nil && nowhere(m.To) || after == nil && nowhere(m.From) {
			continue
		}
		moves = append(moves, *m)
	}
	return moves
}

// nowhere tells the shares of a name that no rule leads to anything.
func nowhere(shares []RowShare) bool {
	return len(shares) == 1 && shares[0].Service == "("+string(dtab.OutcomeNeg)+")"
}

// sharesKey is equal for shares that read the same.
func sharesKey(shares []RowShare) string {
	var b strings.Builder
	for _, s := range shares {
		fmt.Fprintf(&b, "%.9g\x01%s\x01%s\x02", s.Share, s.Service, strings.Join(s.Fallback, "\x01"))
	}
	return b.String()
}

// union gives what is in either list, sorted and each once.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// causes says which rules and facts two traces of the same name differ by:
// rules that one table does not have, or else rules that both have and only one
// answer goes through, and names that exist for one only.
func causes(from, to trace) []Cause {
	var found, same []Cause
	for _, r := range from.rules {
		if !slices.ContainsFunc(to.table, r.says) {
			found = append(found, r.cause("-"))
		}
	}
	for _, r := range to.rules {
		switch {
		case !slices.ContainsFunc(from.table, r.says):
			found = append(found, r.cause("+"))
		case !slices.ContainsFunc(from.rules, func(o rule) bool { return r.says(*o.Dentry) }):
			same = append(same, r.cause("~"))
		}
	}
	for _, r := range to.idle {
		if !slices.ContainsFunc(from.table, r.says) && slices.ContainsFunc(from.rules, r.replaces) {
			found = append(found, r.cause("+"))
		}
	}
	if len(found) == 0 {
		found = same
	}
	for _, id := range sortedKeys(from.exists) {
		if is, ok := to.exists[id]; ok && is != from.exists[id] {
			sign := "-"
			if is {
				sign = "+"
			}
			found = append(found, Cause{Sign: sign, Rule: id})
		}
	}
	return found
}

// trace is what an answer went through.
type trace struct {
	table dtab.Dtab
	// rules that the answer goes through, and idle ones that it passes over.
	rules, idle []rule
	// exists tells of every name that a namer was asked for whether it exists.
	exists map[string]bool
}

type rule struct{ *dtab.Dentry }

// says tells that a dentry is the same rule, wherever it is written.
func (r rule) says(d dtab.Dentry) bool {
	return cmp.Or(strings.Compare(r.Dentry.String(), d.String()), strings.Compare(r.Origin, d.Origin)) == 0
}

// replaces tells that a rule stands in the other's place: one object rewrites
// one prefix.
func (r rule) replaces(o rule) bool {
	return r.Origin == o.Origin && r.Prefix.String() == o.Prefix.String()
}

func (r rule) cause(sign string) Cause {
	return Cause{
		Sign: sign, Rule: r.Prefix.String() + " => " + r.Dst.String(),
		Origin: r.Origin, Source: r.Pos.String(),
	}
}

// newTrace reads the trace of a name; hide puts in words what stands for any text.
func newTrace(in *dtab.Interpreter, name dtab.Path, hide func(string) string) trace {
	t := trace{table: slices.Concat(in.Base.Dtab(), in.Dtab), exists: map[string]bool{}}
	t.read(in.Delegate(name), hide)
	return t
}

func (t *trace) read(s *dtab.Step, hide func(string) string) {
	if s.Dentry != nil {
		list := &t.idle
		if s.Taken {
			list = &t.rules
		}
		if !slices.ContainsFunc(*list, func(o rule) bool { return o.Dentry == s.Dentry }) {
			*list = append(*list, rule{s.Dentry})
		}
	}
	if s.Kind == dtab.StepPath && len(s.Path) > 0 && s.Path[0] == "#" && s.Outcome != dtab.OutcomeError {
		t.exists[hide(s.Path.String())] = s.Outcome == dtab.OutcomeBound
	}
	for _, c := range s.Children {
		t.read(c, hide)
	}
}

package dtab

import (
	"fmt"
	"slices"
	"strings"
)

// Codes of the findings of Linter.
const (
	codeUnknownUtility = "KB3001" // /$/ and a name that is not built in
	codeUnknownNamer   = "KB3002" // /#/ and a prefix that no namer has
	codeUnreachable    = "KB3003" // a later rule always decides first
	codeTwice          = "KB3004" // the same rule again
	codeUnnamed        = "KB3005" // no name comes to the rule
	codeLoop           = "KB3006" // names go in a circle
	codeDropped        = "KB3007" // a branch of a choice that never counts
	codeRounded        = "KB3008" // a weight that canonical text cannot hold
	codeNeverTried     = "KB3009" // an alternative after one that always decides
)

// Linter looks for rules that cannot do what they seem to be for. It asks
// nothing of the world but what the namers say.
type Linter struct {
	Dtab Dtab
	// Namers are those that names can lead to.
	Namers []Namer
	// Failover says that alternatives stand behind what is bound, so that they
	// matter although something before them exists.
	Failover bool
}

// Lint gives the findings about each rule, in the order of the table. Which
// rules no name comes to is for Reached to say.
func (l Linter) Lint() []Finding {
	var found []Finding
	judge := newJudge(l.Dtab, l.Failover)
	for i := range l.Dtab {
		d := &l.Dtab[i]
		found = append(found, l.namers(d)...)
		if f, ok := l.hidden(i, judge); ok {
			found = append(found, f)
		}
		found = append(found, weighed(d)...)
		found = append(found, idle(d, d.Dst, judge)...)
	}
	return append(found, l.loops()...)
}

func remark(d *Dentry, code string, severity Severity, message, hint string) Finding {
	return Finding{Code: code, Severity: severity, Pos: d.Pos, Message: message, Hint: hint}
}

// Unnamed is the finding about a rule that no name comes to.
func Unnamed(d *Dentry) Finding {
	return remark(d, codeUnnamed, Warning, fmt.Sprintf("no name begins with %s: neither requests nor other rules make one, so the rule is never used", d.Prefix),
		"correct the prefix, or take the rule away")
}

// namers finds leaves that lead to namers that do not exist.
func (l Linter) namers(d *Dentry) []Finding {
	var found []Finding
	for leaf := range Leaves(d.Dst) {
		if len(leaf) < 2 || l.rewrites(leaf) {
			continue
		}
		switch leaf[0] {
		case "$":
			if !builtIn(leaf[1]) {
				found = append(found, remark(d, codeUnknownUtility, Error, fmt.Sprintf("there is no built-in namer %s: every name that gets here fails", leaf[:2]),
					utilityHint(leaf[1])))
			}
		case "#":
			if !slices.ContainsFunc(l.Namers, func(n Namer) bool { return leaf[1:].HasPrefix(n.Prefix()) || n.Prefix().HasPrefix(leaf[1:]) }) {
				found = append(found, remark(d, codeUnknownNamer, Warning, fmt.Sprintf("no namer has the prefix of %s, so it never leads anywhere", leaf), l.namerHint()))
			}
		}
	}
	return found
}

// rewrites tells that a rule may rewrite names below a leaf.
func (l Linter) rewrites(leaf Path) bool {
	return slices.ContainsFunc(l.Dtab, func(d Dentry) bool { return ShapeOf(leaf).meets(d.Prefix) })
}

// builtIn tells the names of built-in namers.
func builtIn(name string) bool {
	switch name {
	case "nil", "fail", "inet", "fixedinet", "io.buoyant.rinet":
		return true
	}
	b, _ := rewriteOf(name)
	return b != nil
}

func utilityHint(name string) string {
	for _, known := range []string{
		"io.buoyant.hostportPfx", "io.buoyant.porthostPfx", "io.buoyant.rinet", "io.buoyant.http.domainToPathPfx",
		"io.buoyant.http.domainToPath", "io.buoyant.http.subdomainOfPfx", "io.buoyant.http.subdomainOf",
		"io.buoyant.http.anyMethodPfx", "io.buoyant.http.anyMethod", "io.buoyant.http.anyHostPfx", "io.buoyant.http.anyHost",
	} {
		last := known[strings.LastIndexByte(known, '.')+1:]
		if strings.EqualFold(name, known) || strings.EqualFold(name[strings.LastIndexByte(name, '.')+1:], last) {
			return "did you mean /$/" + known + "?"
		}
	}
	return "docs/reference/dtab.md lists the built-in namers"
}

func (l Linter) namerHint() string {
	var prefixes []string
	for _, n := range l.Namers {
		if p := "/#" + n.Prefix().String(); !slices.Contains(prefixes, p) {
			prefixes = append(prefixes, p)
		}
	}
	if len(prefixes) == 0 {
		return "configure one in the Router's namers"
	}
	return "there are " + strings.Join(prefixes, ", ") + "; others are configured in the Router's namers"
}

// hidden finds the rule that decides before rule i wherever that could.
func (l Linter) hidden(i int, judge judge) (Finding, bool) {
	d := &l.Dtab[i]
	_, negative := d.Dst.(Neg)
	for j := len(l.Dtab) - 1; j > i; j-- {
		later := &l.Dtab[j]
		if !later.Prefix.covers(d.Prefix) {
			continue
		}
		by := later.Prefix.String() + " => " + later.Dst.String() + place(later)
		if judge.of(later.Dst).stops {
			return remark(d, codeUnreachable, Warning, "the rule is never used: the later rule "+by+" decides all of its names",
				"put this one after it, or take it away"), true
		}
		// Two rules that are only ~ do not mean what one does: see binder.lookUp.
		if !negative && later.String() == d.String() {
			return remark(d, codeTwice, Warning, "the rule stands in the table again: "+by, "keep one of them"), true
		}
	}
	return Finding{}, false
}

// place is where a rule is written, for the end of a text.
func place(d *Dentry) string {
	if at := d.Pos.String(); at != "" {
		return " (" + at + ")"
	}
	return ""
}

// idle finds alternatives that are never tried, and branches that never count.
func idle(d *Dentry, tree Tree, judge judge) []Finding {
	var found []Finding
	switch t := tree.(type) {
	case Alt:
		for i, b := range t {
			found = append(found, idle(d, b, judge)...)
			if i < len(t)-1 && judge.of(b).stops {
				found = append(found, remark(d, codeNeverTried, Warning, fmt.Sprintf("%s is never tried: %s before it always decides", t[i+1], b),
					"take it away, or put it in front"))
				break
			}
		}
	case Union:
		for _, w := range t {
			found = append(found, idle(d, w.Tree, judge)...)
			switch w.Tree.(type) {
			case Fail, Neg:
				found = append(found, remark(d, codeDropped, Warning, fmt.Sprintf("the branch %s is dropped and its share goes to the others: in a weighted choice it refuses nothing", w.Tree),
					"write $ for a share of requests that is to fail"))
			}
		}
	}
	return found
}

// weighed finds weights that are others in canonical text, which is how rules travel.
func weighed(d *Dentry) []Finding {
	var found []Finding
	var walk func(Tree)
	walk = func(tree Tree) {
		switch t := tree.(type) {
		case Alt:
			for _, b := range t {
				walk(b)
			}
		case Union:
			for _, w := range t {
				walk(w.Tree)
				if written, again := parsedWeight(w.Weight); again != w.Weight {
					found = append(found, remark(d, codeRounded, Warning, fmt.Sprintf("the weight %v is %s in canonical text, which has two decimals", w.Weight, written),
						"multiply all weights of the choice by the same number"))
				}
			}
		}
	}
	walk(d.Dst)
	return found
}

// parsedWeight gives a weight in canonical text, and what that is read as.
func parsedWeight(weight float64) (text string, value float64) {
	union := Union{{Weight: weight, Tree: Neg{}}, {Weight: 2, Tree: Neg{}}}
	text, _, _ = strings.Cut(union.String(), "*")
	if weight == 1 {
		return "1", 1
	}
	tree, err := ParseTree(union.String())
	if err != nil {
		return text, 0
	}
	if u, ok := tree.(Union); ok {
		value = u[0].Weight
	}
	return text, value
}

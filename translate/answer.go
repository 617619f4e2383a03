package translate

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// answer is what a table says about a name.
type answer struct {
	// branches are the shares of the requests; none if the name is not routed.
	branches []branch
	// outcome and message say why a name is not routed.
	outcome dtab.Outcome
	message string
	// owner is the policy that makes the answer differ from what it is without, ""
	// if none does: stand-ins stand in for its targets, and a refusal is its own.
	owner string
	// fellBack are the policies that are passed over because their target does not
	// exist, weakest first.
	fellBack []string
}

// branch is a share of the requests and who serves it: the first target, or the
// next one that is alive. An empty chain is a name with nobody behind it.
type branch struct {
	share float64
	chain []target
	// standIn is from where on the chain is none of an override's targets but the
	// baseline, which its fallback puts there; 0: nowhere.
	standIn int
}

// target is a bound name, as one cluster of Envoy.
type target struct {
	id dtab.Path
	// cluster is the id with what transformers put in front.
	cluster string
	// namer answers for the id; nil for /$/ ids.
	namer *namerSpec
	// transformers change the id's addresses, in this order.
	transformers []v1alpha1.Transformer
	// chosen says that who sends a request has named the target.
	chosen bool
	// http2 says that its endpoints speak HTTP/2.
	http2 bool
}

func (a answer) routed() bool { return len(a.branches) > 0 }

// why says why a name is not routed.
func (a answer) why() string {
	switch a.outcome {
	case dtab.OutcomeNeg:
		return "no rule leads to a service that exists"
	case dtab.OutcomeEmpty:
		return "its rules lead to nobody ($)"
	case dtab.OutcomeFail:
		return "its rules forbid it (!)"
	}
	return a.message
}

// key is equal for equal answers.
func (a answer) key() string {
	return a.leads() + "\x03" + strings.Join(append([]string{a.owner}, a.fellBack...), "\x03")
}

// leads is equal for answers that send requests the same way.
func (a answer) leads() string {
	var b strings.Builder
	b.WriteString(string(a.outcome))
	b.WriteString(a.message)
	for _, br := range a.branches {
		b.WriteByte(1)
		b.WriteString(strconv.FormatFloat(br.share, 'g', 9, 64))
		if br.standIn > 0 {
			b.WriteString("/" + strconv.Itoa(br.standIn))
		}
		for _, t := range br.chain {
			b.WriteByte(2)
			b.WriteString(t.cluster)
			if t.http2 {
				b.WriteByte(3)
			}
		}
	}
	return b.String()
}

// bind gives what a table says about a name. With failover the later
// alternatives of the table stand behind the first.
func (r *router) bind(in *dtab.Interpreter, name dtab.Path, failover bool) answer {
	bind := in.Bind
	if failover {
		bind = in.BindAll
	}
	tree, err := bind(name)
	if err == nil {
		tree, err = r.substitute(in, tree)
	}
	var failed *dtab.BindError
	switch {
	case errors.As(err, &failed):
		return answer{outcome: dtab.OutcomeError, message: failed.Message}
	case err != nil:
		return answer{outcome: dtab.OutcomeError, message: err.Error()}
	}
	switch first(tree).(type) {
	case dtab.Neg:
		return answer{outcome: dtab.OutcomeNeg}
	case dtab.Empty:
		return answer{outcome: dtab.OutcomeEmpty}
	case dtab.Fail:
		return answer{outcome: dtab.OutcomeFail}
	}
	a := answer{outcome: dtab.OutcomeBound}
	chains := r.chains(tree, nil)
	for i, s := range dtab.Shares(firsts(tree)) {
		if s.Share > 0 {
			a.add(branch{share: s.Share, chain: chains[i]})
		}
	}
	return a
}

// add takes a branch; those that lead to the same targets are one.
func (a *answer) add(b branch) {
	for i := range a.branches {
		if slices.EqualFunc(a.branches[i].chain, b.chain, func(x, y target) bool { return x.cluster == y.cluster }) {
			a.branches[i].share += b.share
			return
		}
	}
	a.branches = append(a.branches, b)
}

// first gives the tree that a bound tree's first alternative is.
func first(t dtab.Tree) dtab.Tree {
	if alt, ok := t.(dtab.Alt); ok {
		return first(alt[0])
	}
	return t
}

// firsts gives a bound tree with only the first of all alternatives.
func firsts(t dtab.Tree) dtab.Tree {
	switch t := first(t).(type) {
	case dtab.Union:
		u := make(dtab.Union, len(t))
		for i, w := range t {
			u[i] = dtab.Weighted{Weight: w.Weight, Tree: firsts(w.Tree)}
		}
		return u
	default:
		return t
	}
}

// chains gives, for each leaf of a bound tree's first alternatives in tree
// order, who serves it: the leaf, then the leaves of later alternatives.
func (r *router) chains(t dtab.Tree, rest []target) [][]target {
	switch t := t.(type) {
	case dtab.Alt:
		var later []target
		for _, alternative := range t[1:] {
			for _, chain := range r.chains(alternative, nil) {
				later = append(later, chain...)
			}
		}
		return r.chains(t[0], append(later, rest...))
	case dtab.Union:
		var all [][]target
		for _, w := range t {
			all = append(all, r.chains(w.Tree, rest)...)
		}
		return all
	case *dtab.Bound:
		own := r.target(t)
		chain := []target{own}
		for _, next := range rest {
			if !containsTarget(chain, next) {
				chain = append(chain, next)
			}
		}
		return [][]target{chain}
	}
	return [][]target{nil}
}

func containsTarget(chain []target, t target) bool {
	for _, c := range chain {
		if c.cluster == t.cluster {
			return true
		}
	}
	return false
}

// fallBack puts the baseline behind an override's answer, where the override
// itself leads on to it, which failover tells: the same with the alternatives
// behind each branch. Of several that share the baseline's requests, behind each
// branch is the one with the largest share of those that it leads on to. An
// override that ends in "| !" forbids it.
func fallBack(over, baseline answer, failover func() answer) answer {
	if !over.routed() || !baseline.routed() || over.leads() == baseline.leads() {
		return over
	}
	all := failover()
	result := answer{outcome: over.outcome}
	for i, b := range over.branches {
		chain := append([]target(nil), b.chain...)
		if len(chain) > 0 && i < len(all.branches) {
			if behind := heaviest(baseline, all.branches[i].chain); behind != nil && !containsTarget(chain, *behind) {
				b.standIn, chain = len(chain), append(chain, *behind)
			}
		}
		result.branches = append(result.branches, branch{share: b.share, chain: chain, standIn: b.standIn})
	}
	return result
}

// heaviest gives, of some targets, the one with the largest share of an answer, nil
// if it has none of them.
func heaviest(a answer, of []target) *target {
	var best *target
	share := -1.0
	for _, b := range a.branches {
		if b.share > share && len(b.chain) > 0 && containsTarget(of, b.chain[0]) {
			best, share = &b.chain[0], b.share
		}
	}
	return best
}

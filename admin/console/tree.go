package console

import (
	"kibble.dev/dtab"
)

// node is a step of a delegation as it is drawn.
type node struct {
	// What the step is: a name, "first of", "shares of", or an end of its own.
	What string
	// Name is set where What is a name.
	IsName bool
	// Rule made the step, of the object Origin, unless At names it, where it is
	// written; or else Namer did.
	Rule, Origin, At, Namer string
	Weight                  float64
	// Outcome is what it comes to; Result is that as a tree, where it leads somewhere.
	Outcome, Result string
	Taken           bool
	Why             string
	Children        []*node
	// More counts steps that are left out here.
	More int
}

// maxNodes bounds what is drawn of one delegation.
const maxNodes = 1500

// draw makes the nodes of a trace; those beyond the bound are only counted.
func draw(s *dtab.Step) *node {
	if s == nil {
		return nil
	}
	room := maxNodes
	return drawStep(s, &room)
}

func drawStep(s *dtab.Step, room *int) *node {
	*room--
	n := &node{Weight: s.Weight, Taken: s.Taken, Why: s.Why, Namer: s.Namer, Outcome: outcome(s)}
	switch s.Kind {
	case dtab.StepPath:
		n.What, n.IsName = s.Path.String(), true
	case dtab.StepBound:
		n.What, n.IsName = s.Path.String(), true
	case dtab.StepAlt:
		n.What = "the first of these that is there"
	case dtab.StepUnion:
		n.What = "shares of these"
	default:
		n.What, n.Outcome = n.Outcome, ""
	}
	if s.Dentry != nil {
		n.Rule = s.Dentry.Prefix.String() + " => " + s.Dentry.Dst.String()
		n.At, n.Namer = s.Dentry.Pos.String(), ""
		if dtab.In(s.Dentry.Origin, n.At) != n.At {
			n.Origin = s.Dentry.Origin
		}
	}
	if s.Tree != nil && s.Outcome == dtab.OutcomeBound && s.Kind != dtab.StepBound {
		n.Result = s.Tree.String()
	}
	for _, c := range s.Children {
		if *room <= 0 {
			n.More++
			continue
		}
		n.Children = append(n.Children, drawStep(c, room))
	}
	return n
}

func outcome(s *dtab.Step) string {
	switch s.Outcome {
	case dtab.OutcomeNeg:
		return "nothing (~)"
	case dtab.OutcomeEmpty:
		return "nobody ($)"
	case dtab.OutcomeFail:
		return "refused (!)"
	case dtab.OutcomeError:
		if s.Err != nil {
			return "an error: " + s.Err.Error()
		}
		return "an error"
	}
	return "bound"
}

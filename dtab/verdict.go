package dtab

// become sets what a step comes to.
func (s *Step) become(tree Tree) {
	s.Outcome, s.Tree, s.Err, s.thrown = OutcomeOf(tree, nil), tree, nil, false
}

func (s *Step) fail(err *BindError, thrown bool) {
	s.Tree, s.Err, s.Outcome, s.thrown = nil, err, OutcomeError, thrown
}

// as gives a step the outcome of another.
func (s *Step) as(child *Step) {
	s.Tree, s.Err, s.Outcome, s.thrown = child.Tree, child.Err, child.Outcome, child.thrown
}

// from says which rule a step is the right side of.
func (s *Step) from(d *Dentry) *Step {
	s.Dentry = d
	return s
}

// chosen gives the child that decides an alternation, nil if all are negative.
func (s *Step) chosen() *Step {
	for _, child := range s.Children {
		if child.Outcome != OutcomeNeg {
			return child
		}
	}
	return nil
}

// first gives a step the outcome of the first child that is not negative.
func (s *Step) first() {
	child := s.chosen()
	if child == nil {
		s.become(Neg{})
		return
	}
	s.as(child)
	s.thrown = child.thrown && child == s.Children[0]
}

// union gives a step the outcome of a weighted choice between its children, by
// the rules of binder.union.
func (s *Step) union() {
	var kept Union
	var failed, last *Step
	answered := 0
	for _, child := range s.Children {
		switch child.Outcome {
		case OutcomeError:
			if child.thrown {
				s.as(child)
				return
			}
			if failed == nil {
				failed = child
			}
			continue
		case OutcomeBound, OutcomeEmpty:
			kept = append(kept, Weighted{Weight: child.Weight, Tree: child.Tree})
		}
		answered++
		last = child
	}
	switch {
	case answered == 0 && failed != nil:
		s.as(failed)
	case answered == 1:
		s.become(last.Tree)
	case len(kept) == 0:
		s.become(Neg{})
	case len(kept) == 1:
		s.become(kept[0].Tree)
	default:
		s.become(kept)
	}
}

// explain fills in Why below a step.
func (s *Step) explain() {
	chosen, reached := s.chosen(), true
	for _, child := range s.Children {
		child.explain()
		if child.Why != "" { // the trace ends there
			reached = reached && child != chosen
			continue
		}
		if s.Kind == StepUnion {
			child.Why = s.whyBranch(child)
			continue
		}
		if len(s.Children) == 1 {
			continue
		}
		switch {
		case !reached:
			child.Why = "not reached"
		case child != chosen:
			child.Why = "negative, so the next is tried"
		case child.Outcome == OutcomeBound:
			child.Why = "the first that is not negative"
		default:
			child.Why = string(child.Outcome) + " ends the search"
		}
		reached = reached && child != chosen
	}
}

// whyBranch says what becomes of a branch of a weighted choice.
func (s *Step) whyBranch(child *Step) string {
	switch child.Outcome {
	case OutcomeBound:
		if s.Outcome == OutcomeError {
			return "lost: another branch fails the whole choice"
		}
		return ""
	case OutcomeEmpty:
		if s.Outcome == OutcomeError {
			return "lost: another branch fails the whole choice"
		}
		return "keeps its share, and those requests fail"
	case OutcomeError:
		if s.Outcome == OutcomeError {
			return "fails the whole choice"
		}
	}
	return "dropped: " + string(child.Outcome)
}

// take marks the steps that make the outcome.
func (s *Step) take() {
	s.Taken = true
	if s.Kind != StepUnion {
		if child := s.chosen(); child != nil {
			child.take()
		}
		return
	}
	for _, child := range s.Children {
		kept := child.Outcome == OutcomeBound || child.Outcome == OutcomeEmpty
		if s.Outcome == OutcomeError {
			kept = child.Err == s.Err
		}
		if kept {
			child.take()
		}
	}
}

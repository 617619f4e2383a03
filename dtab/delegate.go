package dtab

// StepKind says what a step of a trace stands for.
type StepKind string

// The kinds of steps.
const (
	StepPath  StepKind = "path"  // a name that was looked up
	StepAlt   StepKind = "alt"   // alternatives; the first that is not negative
	StepUnion StepKind = "union" // a weighted choice
	StepBound StepKind = "bound" // a namer's bound answer
	StepNeg   StepKind = "neg"   // "~" in a rule, or a namer's answer
	StepEmpty StepKind = "empty" // "$"
	StepFail  StepKind = "fail"  // "!"
)

// Outcome says how a binding ended.
type Outcome string

// The outcomes.
const (
	OutcomeBound Outcome = "bound"
	OutcomeNeg   Outcome = "neg"
	OutcomeEmpty Outcome = "empty"
	OutcomeFail  Outcome = "fail"
	OutcomeError Outcome = "error"
)

// OutcomeOf says how a binding ended that Bind answers with tree and err.
func OutcomeOf(tree Tree, err error) Outcome {
	if err != nil {
		return OutcomeError
	}
	switch tree.(type) {
	case Neg:
		return OutcomeNeg
	case Empty:
		return OutcomeEmpty
	case Fail:
		return OutcomeFail
	}
	return OutcomeBound
}

// Step is one node of the trace of a binding. The trace evaluates every
// alternative, also those that the binding does not reach.
type Step struct {
	Kind StepKind
	// Path is the name that was looked up, for StepPath, and the bound id for
	// StepBound.
	Path Path
	// Residual is what was left of the path, for StepBound.
	Residual Path
	// Dentry is the rule whose right side this step is, nil if the step is not
	// the whole right side of a rule.
	Dentry *Dentry
	// Namer is the namer that gave this step, for example "/#/io.l5d.k8s" or
	// "/$/io.buoyant.http.domainToPathPfx"; empty if none did.
	Namer string
	// Weight is the step's weight in the union that it is a branch of; 1
	// elsewhere.
	Weight float64
	// Outcome is what the step comes to, and Tree the same as a bound tree (nil
	// for OutcomeError, whose reason is Err).
	Outcome Outcome
	Tree    Tree
	Err     *BindError
	// Taken says that the whole binding's answer goes through this step.
	Taken bool
	// Why says in a few words what becomes of the step in the one above it;
	// empty where that goes without saying.
	Why string
	// Children are, for StepPath, the right sides of the rules that match, the
	// rule that wins first, or the namer's answer (after a rule that is only
	// "~"); for StepAlt and StepUnion the branches in order.
	Children []*Step

	// thrown: see binder.thrown.
	thrown bool
}

// maxSteps bounds a trace. Real tables need tens of steps.
const maxSteps = 5000

// Delegate gives the trace of a binding, as linkerd's delegator did: it
// evaluates all alternatives. Its outcome is Bind's. Where a trace gets too
// long, a step has its outcome but no children, and Why says so. Visit is not
// called.
func (in *Interpreter) Delegate(path Path) *Step {
	quiet := *in
	quiet.Visit = nil
	t := tracer{Interpreter: &quiet, left: maxSteps}
	t.hidden = binder{Interpreter: &quiet, budget: newBudget(in.MaxWork)}
	root := t.path(path, 0)
	tree, err := quiet.Bind(path)
	if err != nil {
		root.fail(asBindError(err), false)
	} else {
		root.become(tree)
	}
	root.explain()
	root.take()
	return root
}

// tracer is one trace under way.
type tracer struct {
	*Interpreter
	left   int    // steps that may still be made
	hidden binder // evaluates what is too long to show
}

func (t *tracer) path(path Path, depth int) *Step {
	t.left -= 1 + len(path)/64 + len(t.Dtab)/1024
	step := &Step{Kind: StepPath, Path: path.Join(), Weight: 1}
	if t.left < 0 {
		bound, err := t.hidden.path(path, t.top(), depth)
		step.Why = "the trace is too long to show more"
		if err != nil {
			step.fail(err, t.hidden.thrown)
		} else {
			step.become(bound.tree)
		}
		return step
	}
	var matching []*Dentry
	var m matches
	t.match(path, t.top(), &m)
	for d := t.next(path, &m); d.Dentry != nil; d = t.next(path, &m) {
		matching = append(matching, d.Dentry)
	}
	if len(matching) == 1 {
		if _, neg := matching[0].Dst.(Neg); neg {
			step.Children = append(step.Children, t.tree(Neg{}, nil, 0).from(matching[0]))
			matching = nil
		}
	}
	switch {
	case len(matching) == 0:
		t.named(step, depth)
		return step
	case depth+1 > maxDepth:
		step.fail(depthError(), false)
		return step
	}
	for _, d := range matching {
		step.Children = append(step.Children, t.tree(d.Dst, path[len(d.Prefix):], depth+1).from(d))
	}
	step.first()
	step.thrown = false
	return step
}

// named puts the namers' answer below a step.
func (t *tracer) named(step *Step, depth int) {
	var a asker
	tree, name, err := a.ask(t.Namers, step.Path)
	by := ""
	switch {
	case a.by >= 0:
		by = "/#" + t.Namers[a.by].Prefix().String()
	case a.by == byUtility && len(step.Path) > 1:
		by = Path{"$", step.Path[1]}.String()
	}
	switch {
	case err != nil:
		step.Namer = by
		step.fail(err, a.thrown)
		return
	case depth+1 > maxDepth:
		step.fail(depthError(), false)
		return
	}
	var child *Step
	if tree != nil {
		child = t.tree(tree, nil, depth+1)
	} else {
		child = t.path(name, depth+1)
	}
	child.Namer = by
	step.Children = append(step.Children, child)
	step.as(child)
	step.thrown = false
}

// tree traces a tree with rest appended to its leaves.
func (t *tracer) tree(tree Tree, rest Path, depth int) *Step {
	step := &Step{Weight: 1}
	switch tree := tree.(type) {
	case Leaf:
		return t.path(tree.Path.Join(rest...), depth)
	case Alt:
		step.Kind = StepAlt
		for _, branch := range tree {
			step.Children = append(step.Children, t.tree(branch, rest, depth))
		}
		step.first()
		return step
	case Union:
		step.Kind = StepUnion
		for _, branch := range tree {
			child := t.tree(branch.Tree, rest, depth)
			child.Weight = branch.Weight
			step.Children = append(step.Children, child)
		}
		step.union()
		return step
	case *Bound:
		step.Kind, step.Path, step.Residual = StepBound, tree.ID, tree.Residual
	case Empty:
		step.Kind = StepEmpty
	case Fail:
		step.Kind = StepFail
	default:
		step.Kind = StepNeg
	}
	t.left--
	step.become(tree)
	return step
}

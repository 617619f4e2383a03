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
	// Why says in a few words why the step is taken or not.
	Why string
	// Children are, for StepPath, the right sides of the rules that match, the
	// rule that wins first, or the namer's answer; for StepAlt and StepUnion
	// the branches in order.
	Children []*Step
}

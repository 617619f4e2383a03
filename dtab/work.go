package dtab

const (
	// defaultMaxWork takes some hundredths of a second, mostly.
	defaultMaxWork = 500_000
	// maxSegments is how long a path may get. Only a table that loops makes
	// longer ones.
	maxSegments = 1 << 12
)

// budget bounds the work of one binding, in look-ups. One part is for what is
// really done. The other is for what the original would do, which has no
// memory: a name that it never finishes is an error here too, although we could
// give an answer, of astronomic size maybe.
type budget struct {
	real, original int
}

func newBudget(maxWork int) budget {
	if maxWork <= 0 {
		maxWork = defaultMaxWork
	}
	return budget{real: maxWork, original: maxWork}
}

// spend takes a look-up of a path in a table of given sizes from the budget.
// Unusually long paths and tables count for more.
func (b *budget) spend(segments, dentries int) *BindError {
	b.real -= 1 + segments/16 + dentries/64
	if segments > maxSegments {
		b.real = -1
	}
	return b.repeat(1)
}

// repeat takes look-ups that need not be done again.
func (b *budget) repeat(lookups int) *BindError {
	b.original -= lookups
	if b.exhausted() {
		return workError()
	}
	return nil
}

func (b *budget) exhausted() bool { return b.real < 0 || b.original < 0 }

// BindError says why a binding has no answer at all: neither bound nor
// negative, empty or fail.
type BindError struct {
	// Kind is the class of the original's exception.
	Kind string
	// Message is the original's text.
	Message string
}

// Error gives the message.
func (e *BindError) Error() string { return e.Message }

func workError() *BindError {
	return &BindError{
		Kind:    ErrWork,
		Message: "The table loops, or branches too often: binding the name takes too many look-ups",
	}
}

func depthError() *BindError {
	return &BindError{Kind: ErrDepth, Message: "Max recursion level: 100 reached in Namer lookup"}
}

// The kinds of binding errors.
const (
	ErrDepth        = "NamerExceededMaxDepthException" // too many look-ups in a chain
	ErrUnknownNamer = "UnknownNamer"                   // no such /$/ name
	ErrRequirement  = "IllegalArgumentException"       // a namer made something that is not a path
	ErrUnsupported  = "UnsupportedOperationException"  // io.l5d.rewrite with "*" after the path's end
	ErrWork         = "WorkLimit"                      // ours: the original would not finish
)

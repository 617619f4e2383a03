package dtab

// Interpreter says what names mean: under a table, with namers, in the world
// that the namers know. The zero Interpreter has an empty table and only the
// built-in /$/ namers.
type Interpreter struct {
	Dtab Dtab
	// Namers in the order of the configuration; later ones are asked first.
	Namers []Namer
	// Visit, if not nil, is told every path that is looked up, in the order of
	// the first look-ups; a path may be told more than once. The callee must
	// not keep the path (it may clone it).
	Visit func(Path)
	// MaxWork bounds the effort of one binding, roughly in look-ups; 0 means a
	// default that takes well under a second. It is there for tables that loop
	// with branches, which the original never finishes.
	MaxWork int
}

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

// The kinds of binding errors.
const (
	ErrDepth        = "NamerExceededMaxDepthException"
	ErrUnknownNamer = "UnknownNamer"
	ErrRequirement  = "IllegalArgumentException"
	ErrUnsupported  = "UnsupportedOperationException"
	ErrWork         = "WorkLimit" // ours: the original would not finish
)

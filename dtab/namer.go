package dtab

// Namer answers for the names below one prefix, /#/<prefix>/.
type Namer interface {
	// Prefix is the path after /#, for example /io.l5d.k8s.
	Prefix() Path
	// Lookup is asked for the rest of a path, after /#/<prefix>. It answers
	// Neg (there is no such name, another namer may know it), Leaf (another
	// name, bound again from the top of the table) or Bound. An error is a
	// *BindError and fails the whole binding. Lookup is a function of rest and
	// of what exists; it keeps neither.
	Lookup(rest Path) (Tree, error)
}

// Instance tells what exists. Answers must not change during one binding.
type Instance interface {
	// Has tells whether a bound name exists. The kind says what the id is:
	//   io.l5d.k8s           namespace/port/service[/label value], lower-cased
	//   io.l5d.k8s.external  the same, a service with a load balancer's address
	//   io.l5d.fs            one segment, the name of a file
	// A name exists also when nobody is behind it; see dtab-semantics on which
	// services without endpoints count as existing.
	Has(kind string, id Path) bool
}

// The kinds of configured namers.
const (
	KindK8s         = "io.l5d.k8s"
	KindK8sNS       = "io.l5d.k8s.ns"
	KindK8sExternal = "io.l5d.k8s.external"
	KindRewrite     = "io.l5d.rewrite"
	KindFS          = "io.l5d.fs"
)

// NamerConfig configures one namer.
type NamerConfig struct {
	// Kind is one of the Kind constants.
	Kind string
	// Prefix is the path after /#. It defaults to /<kind>; io.l5d.rewrite needs
	// one.
	Prefix Path
	// LabelSelector, for the Kubernetes kinds, is a label's name: names get one
	// more segment, its value.
	LabelSelector string
	// Namespace is the one that io.l5d.k8s.ns names are in.
	Namespace string
	// Pattern and Name are io.l5d.rewrite's: a path that matches Pattern is
	// replaced by Name.
	Pattern, Name string
}

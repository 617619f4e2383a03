package dtab

import (
	"fmt"
	"strings"
)

// Namer answers for the names below one prefix, /#/<prefix>/.
type Namer interface {
	// Prefix is the path after /#, for example /io.l5d.k8s.
	Prefix() Path
	// Lookup is asked for the rest of a path, after /#/<prefix>. It answers
	// Neg (there is no such name, another namer may know it), Leaf (another
	// name, bound again from the top of the table) or *Bound. An error is a
	// *BindError. Lookup is a function of rest and of what exists. It keeps nothing
	// of rest, which is valid only during the call, nor does its answer.
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
	// Prefix is the path after /#. Nil means /<kind>; io.l5d.rewrite needs one.
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

// NewNamer makes a configured namer. The error says which part of the
// configuration is wrong.
func NewNamer(c NamerConfig, exists Instance) (Namer, error) {
	if c.Prefix == nil && c.Kind != KindRewrite {
		c.Prefix = Path{c.Kind}
	}
	n := &idNamer{prefix: c.Prefix, start: Path{"#"}.Join(c.Prefix...), kind: c.Kind, segments: 3, lower: true, exists: exists}
	n.made.init()
	if c.LabelSelector != "" {
		n.segments++
	}
	switch c.Kind {
	case KindK8s:
	case KindK8sNS:
		n.kind, n.namespace = KindK8s, c.Namespace
		n.segments--
	case KindK8sExternal:
		n.lower = false
	case KindFS:
		n.segments, n.lower = 1, false
	case KindRewrite:
		return newRewriter(c)
	default:
		return nil, fmt.Errorf("unknown namer kind %q: use %s, %s, %s, %s or %s", c.Kind,
			KindK8s, KindK8sNS, KindK8sExternal, KindRewrite, KindFS)
	}
	return n, nil
}

// idNamer binds the first segments of a path as the id of something that exists.
type idNamer struct {
	prefix    Path
	start     Path // of all its ids: "#" and the prefix
	kind      string
	namespace string // put in front of the id that Instance is asked for
	segments  int
	lower     bool // the bound id is lower-cased
	exists    Instance
	made      madeBounds
}

// Prefix is part of Namer.
func (n *idNamer) Prefix() Path { return n.prefix }

// Lookup is part of Namer.
func (n *idNamer) Lookup(rest Path) (Tree, error) {
	if len(rest) < n.segments {
		return Neg{}, nil
	}
	id, residual := rest[:n.segments], rest[n.segments:]
	slot, hash := n.made.slot(rest)
	known := slot.of(len(n.start), id, residual)
	asked := id
	if n.kind != KindFS && (known == nil || !n.lower) { // else it was lowered when it was made
		asked = lowered(id)
	}
	if n.lower {
		id = asked
	}
	if n.namespace != "" {
		asked = Path{strings.ToLower(n.namespace)}.Join(asked...)
	}
	if !n.exists.Has(n.kind, asked) {
		return Neg{}, nil
	}
	if known == nil {
		known = slot.make(hash, n.start, id, residual)
	}
	return known, nil
}

// lowered gives the path in lower case; the path itself where nothing changes.
func lowered(p Path) Path {
	for i, segment := range p {
		if isLower(segment) {
			continue
		}
		if lower := strings.ToLower(javaString(segment)); lower != segment {
			q := p.Join()
			for j := i; j < len(q); j++ {
				q[j] = strings.ToLower(javaString(q[j]))
			}
			return q
		}
	}
	return p
}

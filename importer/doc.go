// Package importer reads the configurations of linkerd 1.x, namerd and nginx,
// and gives Routers, Dtabs and DogfoodPolicies that do the same, with a list of
// findings: what has no counterpart, why, and what to do about it. Nothing is
// left out in silence.
//
// It is pure: bytes in, objects and findings out. What the objects mean to the
// rest of Kibble is for the caller to ask, who reads them back.
//
// page.go knows where texts stand in files, mapping.go notices fields that
// nobody asked for, pool.go tells what kind of file each is, router.go and its
// neighbours make Routers, table.go and namerd.go Dtabs, nginx.go policies, and
// object.go writes YAML.
package importer

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// File is one file to import.
type File struct {
	// Name as findings call it; Dtabs that have no name of their own are named
	// for its last part.
	Name string
	Data []byte
}

// Options of an import.
type Options struct {
	// Namespace of all objects; default: that of the inputs, if they agree, and
	// else none.
	Namespace string
	// ProxyClass of all Routers but edges; default: node where a Router chooses
	// among endpoints by nodes, else sidecar.
	ProxyClass string
	// Name of the Dtab or policy, where the input has one only.
	Name string
	// Router that the policies of nginx are for; default: every untrusted one.
	Router string
}

// Result is what became of the files.
type Result struct {
	// Objects in the order of their kinds: Routers, Dtabs, DogfoodPolicies.
	Objects []*Object
	// Findings in the order of files and lines.
	Findings []dtab.Finding
}

// Codes of the findings.
const (
	// CodeSyntax: a file, or a table in it, cannot be read.
	CodeSyntax = "KB7001"
	// CodeUnknown: not a field or kind that is known here.
	CodeUnknown = "KB7002"
	// CodeLost has no counterpart, and had an effect.
	CodeLost = "KB7003"
	// CodeDiffers is there in Kibble, but not in the same way.
	CodeDiffers = "KB7004"
	// CodeAssumed: the input does not say it, and the guess is to be checked.
	CodeAssumed = "KB7005"
	// CodeMissing: the input refers to what is not among the files.
	CodeMissing = "KB7006"
	// CodeNotNeeded has no counterpart, because nothing would change.
	CodeNotNeeded = "KB7007"
)

// Linkerd imports configurations of linkerd 1.x: as they are, or in the
// ConfigMaps of Kubernetes manifests. Tables of namerd among the files become
// the Dtabs that the Routers refer to.
func Linkerd(files []File, o Options) *Result {
	p := newPool(files, o)
	p.routers()
	p.tables()
	p.namerdOptions(true)
	if len(p.configs) == 0 && len(p.result.Findings) == 0 {
		p.nothing("there is no configuration of linkerd in these files",
			"give the file with routers:, or the manifest of the ConfigMap that holds it")
	}
	return p.finish()
}

// Namerd imports the tables of namerd: DTab objects, what its HTTP API or
// namerctl print, namerd's own configuration, or tables as text.
func Namerd(files []File, o Options) *Result {
	p := newPool(files, o)
	p.tables()
	p.namerdOptions(false)
	for _, c := range p.configs {
		p.find(c.place(), dtab.Warning, CodeNotNeeded, "this is a configuration of linkerd: only tables are imported here",
			"kibble import linkerd takes it, and the tables with it")
	}
	if len(p.found) == 0 && len(p.result.Findings) == 0 {
		p.nothing("there is no table in these files",
			"give DTab objects, what namerctl dtab get or the HTTP API print, or tables as text")
	}
	return p.finish()
}

func (p *pool) nothing(message, hint string) {
	p.find(p.start(), dtab.Error, CodeUnknown, message, hint)
}

// start is the beginning of the first file.
func (p *pool) start() dtab.Pos {
	if len(p.files) == 0 {
		return dtab.Pos{}
	}
	return dtab.Pos{Source: p.files[0].Name, Line: 1, Col: 1}
}

// finish sorts what was made.
func (p *pool) finish() *Result {
	r := p.result
	if len(p.namespaces) > 1 && p.options.Namespace == "" {
		p.find(p.start(), dtab.Info, CodeAssumed, "the inputs name several namespaces ("+
			strings.Join(slices.Sorted(maps.Keys(p.namespaces)), ", ")+"): the objects have none", "a Router and its Dtab are of the same one; --namespace sets it")
	}
	order := []string{v1alpha1.KindRouter, v1alpha1.KindDtab, v1alpha1.KindDogfoodPolicy}
	slices.SortStableFunc(r.Objects, func(a, b *Object) int {
		return cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind))
	})
	rank := func(name string) int {
		return slices.IndexFunc(p.files, func(f File) bool { return f.Name == name })
	}
	r.Findings = dtab.SortFindings(r.Findings)
	slices.SortStableFunc(r.Findings, func(a, b dtab.Finding) int {
		return cmp.Compare(rank(a.Pos.Source), rank(b.Pos.Source))
	})
	for _, o := range r.Objects {
		o.namespace = p.namespace()
	}
	return r
}

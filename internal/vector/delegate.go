package vector

import (
	"errors"
	"fmt"
	"slices"

	"kibble.dev/dtab"
)

// Expected is how a binding ends.
type Expected struct {
	// Outcome is bound, neg, empty, fail, error or parse-error.
	Outcome string  `json:"outcome"`
	Tree    string  `json:"tree,omitempty"`
	Leaves  *[]Leaf `json:"leaves,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// Leaf is one part of the requests: to a bound name, or to nobody.
type Leaf struct {
	ID       string  `json:"id,omitempty"`
	Residual string  `json:"residual,omitempty"`
	Empty    bool    `json:"empty,omitempty"`
	Share    float64 `json:"share"`
}

// Merged gives the table with the override behind it, and the path. An error is
// a *dtab.SyntaxError, wrapped with the name of the part.
func (in *Input) Merged() (dtab.Dtab, dtab.Path, error) {
	base, err := dtab.Parse(dtab.Source{}, in.Dtab)
	if err != nil {
		return nil, nil, fmt.Errorf("dtab: %w", err)
	}
	override, err := dtab.Parse(dtab.Source{}, in.Override)
	if err != nil {
		return nil, nil, fmt.Errorf("override: %w", err)
	}
	path, err := dtab.ParsePath(*in.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("path: %w", err)
	}
	return append(slices.Clip(base), override...), path, nil
}

// Delegate binds a delegate vector's path. An error says that the namers or
// services are malformed.
func (in *Input) Delegate() (Expected, error) {
	namers, err := in.namers()
	if err != nil {
		return Expected{}, err
	}
	table, path, err := in.Merged()
	if syntax := (*dtab.SyntaxError)(nil); errors.As(err, &syntax) {
		part := err.Error()[:len(err.Error())-len(syntax.Error())]
		return Expected{Outcome: "parse-error", Error: part + upstream(syntax)}, nil
	}
	tree, err := (&dtab.Interpreter{Dtab: table, Namers: namers}).Bind(path)
	if bind := (*dtab.BindError)(nil); errors.As(err, &bind) {
		return Expected{Outcome: "error", Error: bind.Kind + ": " + bind.Message}, nil
	}
	e := Expected{Outcome: string(dtab.OutcomeOf(tree, nil)), Tree: tree.String(), Leaves: &[]Leaf{}}
	if e.Outcome != "bound" {
		return e, nil
	}
	for _, s := range dtab.Shares(tree) {
		leaf := Leaf{Empty: s.Empty, Share: s.Share}
		if !s.Empty {
			leaf.ID, leaf.Residual = s.Bound.ID.String(), s.Bound.Residual.String()
		}
		*e.Leaves = append(*e.Leaves, leaf)
	}
	return e, nil
}

// namers makes the configured namers, each of which knows the services below
// its prefix.
func (in *Input) namers() ([]dtab.Namer, error) {
	configured := []Namer{
		{Kind: dtab.KindK8s}, {Kind: dtab.KindK8sNS}, {Kind: dtab.KindK8sExternal}, {Kind: dtab.KindFS},
	}
	if in.Namers != nil {
		configured = *in.Namers
	}
	services := map[string]bool{}
	for _, text := range in.Services {
		path, err := dtab.ParsePath(text)
		if err != nil {
			return nil, fmt.Errorf("service %q: %w", text, err)
		}
		services[path.String()] = true
	}
	namers := make([]dtab.Namer, len(configured))
	for i, c := range configured {
		prefix := dtab.Path{c.Kind}
		if c.Kind == dtab.KindRewrite {
			prefix = nil
		}
		if c.Prefix != nil {
			path, err := dtab.ParsePath(*c.Prefix)
			if err != nil {
				return nil, fmt.Errorf("prefix %q of a namer: %w", *c.Prefix, err)
			}
			prefix = append(dtab.Path{}, path...) // not nil: "/" is not the default
		}
		namer, err := dtab.NewNamer(dtab.NamerConfig{
			Kind: c.Kind, Prefix: prefix, LabelSelector: c.LabelSelector, Pattern: c.Pattern, Name: c.Name,
		}, below{prefix: dtab.Path{"#"}.Join(prefix...), services: services})
		if err != nil {
			return nil, err
		}
		namers[i] = namer
	}
	return namers, nil
}

// below is the world of one namer.
type below struct {
	prefix   dtab.Path
	services map[string]bool
}

// Has tells whether the vector lists the id below the namer's prefix.
func (b below) Has(_ string, id dtab.Path) bool { return b.services[b.prefix.Join(id...).String()] }

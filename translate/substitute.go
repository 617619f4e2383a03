package translate

import (
	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// substitutions takes a router's transformers apart: those up to the last that
// puts a fixed path in place of what was bound, and those after it, which are
// the ones that matter to the addresses of what stands there in the end.
func (r *router) substitutions() (until, after []v1alpha1.Transformer) {
	all := r.spec.Transformers
	for i := len(all) - 1; i >= 0; i-- {
		if substitutes(all[i]) {
			return all[:i+1], all[i+1:]
		}
	}
	return nil, all
}

func substitutes(t v1alpha1.Transformer) bool {
	return t.Kind == transformReplace || t.Kind == transformConst
}

// substitute puts fixed paths in place of what was bound, as io.l5d.replace
// (each name that is bound) and io.l5d.const (the whole answer, also a negative
// one) say. A fixed path is bound by the namers alone: no table stands above
// what an operator has fixed.
func (r *router) substitute(in *dtab.Interpreter, tree dtab.Tree) (dtab.Tree, error) {
	until, _ := r.substitutions()
	for _, t := range until {
		if !substitutes(t) {
			continue
		}
		path, err := dtab.ParsePath(t.Path)
		if err != nil {
			return nil, err // checkTransformer has said so
		}
		fixed, err := (&dtab.Interpreter{Namers: in.Namers, MaxWork: in.MaxWork}).Bind(path)
		if err != nil {
			return nil, err
		}
		if t.Kind == transformConst {
			tree = fixed
		} else {
			tree = replaceBound(tree, fixed)
		}
	}
	return tree, nil
}

// replaceBound puts a tree in place of each bound name of another.
func replaceBound(tree, fixed dtab.Tree) dtab.Tree {
	switch t := tree.(type) {
	case *dtab.Bound:
		return fixed
	case dtab.Alt:
		all := make(dtab.Alt, len(t))
		for i, b := range t {
			all[i] = replaceBound(b, fixed)
		}
		return all
	case dtab.Union:
		all := make(dtab.Union, len(t))
		for i, w := range t {
			all[i] = dtab.Weighted{Weight: w.Weight, Tree: replaceBound(w.Tree, fixed)}
		}
		return all
	}
	return tree
}

package main

import (
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// explained is an explanation with its trace, as JSON.
type explained struct {
	*translate.Explanation
	Trace *step `json:"trace,omitempty"`
}

// step is a step of a trace, as JSON.
type step struct {
	Kind     dtab.StepKind `json:"kind"`
	Path     string        `json:"path,omitempty"`
	Residual string        `json:"residual,omitempty"`
	Rule     string        `json:"rule,omitempty"`
	Source   string        `json:"source,omitempty"`
	Origin   string        `json:"origin,omitempty"`
	Namer    string        `json:"namer,omitempty"`
	Weight   float64       `json:"weight"`
	Outcome  dtab.Outcome  `json:"outcome"`
	Tree     string        `json:"tree,omitempty"`
	Error    string        `json:"error,omitempty"`
	Taken    bool          `json:"taken"`
	Why      string        `json:"why,omitempty"`
	Children []*step       `json:"children,omitempty"`
}

func stepJSON(s *dtab.Step) *step {
	if s == nil {
		return nil
	}
	j := &step{
		Kind: s.Kind, Namer: s.Namer, Weight: s.Weight, Outcome: s.Outcome, Taken: s.Taken, Why: s.Why,
	}
	if s.Kind == dtab.StepPath || s.Kind == dtab.StepBound {
		j.Path = s.Path.String()
	}
	if len(s.Residual) > 0 {
		j.Residual = s.Residual.String()
	}
	if s.Dentry != nil {
		j.Rule = s.Dentry.Prefix.String() + " => " + s.Dentry.Dst.String()
		j.Source, j.Origin = s.Dentry.Pos.String(), s.Dentry.Origin
	}
	if s.Tree != nil {
		j.Tree = s.Tree.String()
	}
	if s.Err != nil {
		j.Error = s.Err.Error()
	}
	for _, c := range s.Children {
		j.Children = append(j.Children, stepJSON(c))
	}
	return j
}

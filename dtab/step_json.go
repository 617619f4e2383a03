package dtab

import (
	"bytes"
	"encoding/json"
)

// stepJSON is a Step for machines: paths and trees as canonical text.
type stepJSON struct {
	Kind     StepKind  `json:"kind"`
	Path     string    `json:"path,omitempty"`
	Residual string    `json:"residual,omitempty"`
	Rule     *ruleJSON `json:"rule,omitempty"`
	Namer    string    `json:"namer,omitempty"`
	Weight   *float64  `json:"weight,omitempty"`
	Outcome  Outcome   `json:"outcome"`
	Tree     string    `json:"tree,omitempty"`
	Error    string    `json:"error,omitempty"`
	Taken    bool      `json:"taken"`
	Why      string    `json:"why,omitempty"`
	Children []*Step   `json:"steps,omitempty"`
}

type ruleJSON struct {
	Prefix string `json:"prefix"`
	Dst    string `json:"dst"`
	Pos    Pos    `json:"pos,omitzero"`
	Origin string `json:"origin,omitempty"`
}

// MarshalJSON gives the step as an object with the members kind, path,
// residual, rule (prefix, dst, pos, origin), namer, weight (if it is not 1),
// outcome, tree, error, taken, why and steps.
func (s *Step) MarshalJSON() ([]byte, error) {
	out := stepJSON{
		Kind: s.Kind, Namer: s.Namer, Outcome: s.Outcome, Taken: s.Taken, Why: s.Why, Children: s.Children,
	}
	if s.Kind == StepPath || s.Kind == StepBound {
		out.Path = s.Path.String()
	}
	if len(s.Residual) > 0 {
		out.Residual = s.Residual.String()
	}
	if d := s.Dentry; d != nil {
		out.Rule = &ruleJSON{Prefix: d.Prefix.String(), Dst: d.Dst.String(), Pos: d.Pos, Origin: d.Origin}
	}
	if s.Weight != 1 {
		out.Weight = &s.Weight
	}
	if s.Tree != nil {
		out.Tree = s.Tree.String()
	}
	if s.Err != nil {
		out.Error = s.Err.Message
	}
	// json.Marshal would write & as an escape, whoever asks.
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(out)
	return b.Bytes(), err
}

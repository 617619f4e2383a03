package dogfood

import "strings"

// Why says in one line what decided: of a condition that does not hold, the
// parts that kept it from it.
func (v Verdict) Why() string {
	switch {
	case v.Text == textNot && len(v.Parts) == 1:
		return "not (" + v.Parts[0].Why() + ")"
	case len(v.Parts) == 0:
		if v.Found == "" {
			return v.Text
		}
		return v.Text + ": " + v.Found
	}
	// A part that agrees with the whole is a reason for it.
	var reasons []string
	for _, p := range v.Parts {
		if p.Holds == v.Holds {
			reasons = append(reasons, p.Why())
		}
	}
	// One part is enough to break "all of", and to satisfy "any of".
	if (v.Text == textAny) == v.Holds {
		reasons = reasons[:min(1, len(reasons))]
	}
	return strings.Join(reasons, "; ")
}

package dogfood

import (
	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// Codes of the findings of this package.
const (
	codeField     = "invalid-field"    // a field of the object
	codeRegex     = "policy-regex"     // a regular expression
	codeCondition = "policy-condition" // a condition that cannot be decided, or never holds
	codeKeys      = "policy-keys"      // the keys of tokens
	codeOverride  = "policy-override"  // an override that does nothing, or the wrong thing
	codeFamily    = "policy-family"    // forEach
	codeExpired   = "policy-expired"   // it ended
	codeJoin      = "policy-join"      // links that could not let anybody in
	codeGrant     = "policy-grant"     // a grant that anybody can get
	codeIDTaken   = "policy-id-taken"  // two policies with one id
)

// report collects findings about one object.
type report struct {
	source   func(field string) dtab.Source
	findings []dtab.Finding
}

func (r *report) add(severity dtab.Severity, code, field, message, hint string) {
	r.findings = append(r.findings, dtab.Finding{
		Code: code, Severity: severity, Pos: r.source(field).At(1, 1), Message: message, Hint: hint,
	})
}

func (r *report) fields(errs []v1alpha1.FieldError) {
	for _, e := range errs {
		r.add(dtab.Error, codeField, e.Path, e.Message, e.Hint)
	}
}

// failed tells whether there is a finding that keeps the policy from being active.
func (r *report) failed() bool {
	for _, f := range r.findings {
		if f.Severity == dtab.Error {
			return true
		}
	}
	return false
}

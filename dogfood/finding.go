package dogfood

import (
	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// Codes of the findings of this package.
const (
	codeRegex     = "KB2001" // a regular expression
	codeCondition = "KB2002" // a condition that cannot be decided, or never holds
	codeKeys      = "KB2003" // the keys of tokens
	codeOverride  = "KB2004" // an override that does nothing, or the wrong thing
	codeFamily    = "KB2005" // forEach
	codeExpired   = "KB2006" // it ended
	codeJoin      = "KB2009" // links that could not let anybody in
	codeGrant     = "KB2007" // a grant that anybody can get
	codeIDTaken   = "KB2008" // two policies with one id
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
		r.add(dtab.Error, v1alpha1.CodeField, e.Path, e.Message, e.Hint)
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

package translate

import (
	"errors"
	"strconv"

	"kibble.dev/dtab"
)

// Codes of the findings of this package.
const (
	codeRef         = "KB1101" // an object that is referred to is not there
	codeNamer       = "KB1102" // a namer's configuration
	codeTransformer = "KB1103" // a transformer's configuration
	codeConflict    = "KB1105" // two objects that cannot both be served
	codeKept        = "KB1106" // a broken object whose last good form is served
	codeIngress     = "KB1107" // an Ingress that cannot be served as it is written
	codeTLS         = "KB1108" // a certificate that cannot be served as it is written
	codeTooMany     = "KB1201" // a table or a set of policies too large to enumerate
	codeUnroutable  = "KB1202" // a name that Envoy cannot be told
)

// Codes of the findings of Lint.
const (
	codeMissing     = "KB3101" // a service or port that does not exist
	codeScaledDown  = "KB3102" // a port's name that does not exist while nobody is behind it
	codeNobodyReady = "KB3103" // a service that exists with nobody ready hides what stands behind it
	codeNoFallback  = "KB3201" // an override that never falls back
	codeFallsBack   = "KB3202" // an override that changes nothing, since it always falls back
	codeNotMet      = "KB3203" // an override that no name comes to
	codeAnybody     = "KB3204" // a policy that anybody can satisfy
	codeCompete     = "KB3205" // two policies that lead the same names elsewhere
	codeBelieves    = "KB3206" // a router at the edge that believes its callers
)

// Codes that an object's conditions tell apart.
const (
	// CodeRef: an object that is referred to is not there.
	CodeRef = codeRef
	// CodeKept: the last good form of a broken object is served.
	CodeKept = codeKept
)

// field gives the path of an element of a list field.
func field(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// syntaxFinding turns a parse error into a finding.
func syntaxFinding(err error) dtab.Finding {
	if syntax, ok := errors.AsType[*dtab.SyntaxError](err); ok {
		return syntax.Finding()
	}
	return dtab.Finding{Code: dtab.CodeSyntax, Severity: dtab.Error, Message: err.Error()}
}

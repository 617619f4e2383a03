package dogfood

import (
	"regexp"
	"strings"
)

// Op is how a Text compares.
type Op string

// The comparisons. OpRegex finds a regular expression (RE2 syntax) anywhere in
// the value.
const (
	OpExact    Op = "exact"
	OpPrefix   Op = "prefix"
	OpSuffix   Op = "suffix"
	OpContains Op = "contains"
	OpRegex    Op = "regex"
)

// Text compares a value, byte by byte, with what a person wrote.
type Text struct {
	Op   Op
	Want string
	// IgnoreCase takes ASCII letters of either case for equal.
	IgnoreCase bool
	// Pattern is, for OpRegex, the expression that Envoy must match in full.
	Pattern string

	search *regexp.Regexp
}

// AnyText matches every value: what is compared is there.
func AnyText() Text {
	return Text{Op: OpRegex, Want: ".*", Pattern: `\C*`, search: regexp.MustCompile("")}
}

// Matches compares a value.
func (t Text) Matches(value string) bool {
	if t.Op == OpRegex {
		return searchBytes(t.search, value)
	}
	want := t.Want
	if t.IgnoreCase {
		value, want = lower(value), lower(want)
	}
	switch t.Op {
	case OpPrefix:
		return strings.HasPrefix(value, want)
	case OpSuffix:
		return strings.HasSuffix(value, want)
	case OpContains:
		return strings.Contains(value, want)
	}
	return value == want
}

// String says it in words: `contains "dog"`.
func (t Text) String() string {
	verb := map[Op]string{
		OpExact: "is ", OpPrefix: "begins with ", OpSuffix: "ends with ", OpContains: "contains ", OpRegex: "matches ",
	}[t.Op]
	if t.Op == OpRegex {
		verb += t.Want
	} else {
		verb += quote(t.Want)
	}
	if t.IgnoreCase {
		verb += " in any case"
	}
	return verb
}

// lower is strings.ToLower for ASCII letters only, which leaves all other bytes alone.
func lower(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 'A' && r <= 'Z' }) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

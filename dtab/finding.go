package dtab

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Source says where a text begins, so that positions inside it can be told in
// terms of the file or object that a person edits.
type Source struct {
	// Name is the file or object, for example "routers.yaml" or
	// "Router/default/ingress spec.dtab". It may be empty.
	Name string
	// Line and Col are the place of the text's first character in Name,
	// counted from 1; 0 means 1.
	Line int
	// Col is the indent, counted from 0, that is added to the column of every
	// line of the text (a YAML block scalar is indented as a whole).
	Col int
}

// At gives the position of a place in the text: line and column counted from 1.
func (s Source) At(line, col int) Pos {
	if s.Line > 0 {
		line += s.Line - 1
	}
	return Pos{Source: s.Name, Line: line, Col: col + s.Col}
}

// Pos is a place that a person can go to. Line and Col count from 1, columns in
// characters; a zero part is not known.
type Pos struct {
	Source string `json:"source,omitempty"`
	Line   int    `json:"line,omitempty"`
	Col    int    `json:"col,omitempty"`
}

// String gives "source:line:col" without the parts that are not known.
func (p Pos) String() string {
	var parts []string
	if p.Source != "" {
		parts = append(parts, p.Source)
	}
	if p.Line > 0 {
		parts = append(parts, strconv.Itoa(p.Line))
		if p.Col > 0 {
			parts = append(parts, strconv.Itoa(p.Col))
		}
	}
	return strings.Join(parts, ":")
}

// In says where in an object something is written. An object in a cluster has the
// name of its places in front already: it is not said twice.
func In(object, at string) string {
	if object == "" || at == object || strings.HasPrefix(at, object+" ") || strings.HasPrefix(at, object+":") {
		return at
	}
	return strings.TrimSpace(object + " " + at)
}

// Compare orders places: by source, then line, then column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(strings.Compare(p.Source, q.Source), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Severity says how bad a finding is.
type Severity string

// The severities, worst first.
const (
	Error   Severity = "error"   // it cannot work
	Warning Severity = "warning" // it works, but hardly as it is meant to
	Info    Severity = "info"    // worth knowing
)

// CodeSyntax is the code where a dtab, path or prefix does not parse.
const CodeSyntax = "KB1001"

// Finding is a user's mistake, or a remark on something that a user wrote. It
// is shown the same way by the commands, in an object's status and in pages.
type Finding struct {
	// Code names the kind of finding, for machines: KB and four digits. Each has a
	// section in docs/reference/findings.md.
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Pos      Pos      `json:"pos,omitzero"`
	// Message says what is wrong; Hint, if not empty, what to do about it.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String gives one line: "a.yaml:3:7: error: message (hint) [code]".
func (f Finding) String() string {
	var b strings.Builder
	if pos := f.Pos.String(); pos != "" {
		b.WriteString(pos + ": ")
	}
	b.WriteString(string(f.Severity) + ": " + f.Message)
	if f.Hint != "" {
		b.WriteString("; " + f.Hint)
	}
	if f.Code != "" {
		b.WriteString(" [" + f.Code + "]")
	}
	return b.String()
}

// SortFindings gives findings by place, then code and message, each once. What it
// is given stays as it is.
func SortFindings(found []Finding) []Finding {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(a.Pos.Compare(b.Pos), strings.Compare(a.Code, b.Code), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(found)
}

package dtab

import (
	"strconv"
	"strings"
)

// SyntaxError says where a text stops being what it should be. Nothing of the
// text is accepted.
type SyntaxError struct {
	// Pos is where the unexpected character stands.
	Pos Pos
	// Expected and Found are as in the original's message: "simple",
	// "label char", "'/'", "end of input".
	Expected, Found string
	// Input is the whole text, and Offset the place in it, in bytes, of the
	// unexpected character.
	Input  string
	Offset int
	// Hint says what to do; it may be empty.
	Hint string
}

// Error gives one line for people: what was found and expected, where, and what
// to do.
func (e *SyntaxError) Error() string {
	text := "expected " + plainExpected(e.Expected) + ", found " + plainFound(e.Found)
	if pos := e.Pos.String(); pos != "" {
		text = pos + ": " + text
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}

// Upstream gives the original's message, for example
// "simple expected but 'b' found at '/a => [b]'".
func (e *SyntaxError) Upstream() string {
	rest := e.Input[e.Offset:]
	found := firstRune(rest)
	return e.Expected + " expected but " + e.Found + " found at '" +
		e.Input[:e.Offset] + "[" + found + "]" + rest[len(found):] + "'"
}

// Finding gives the error as a finding with code CodeSyntax.
func (e *SyntaxError) Finding() Finding {
	return Finding{
		Code:     CodeSyntax,
		Severity: Error,
		Pos:      e.Pos,
		Message:  "expected " + plainExpected(e.Expected) + ", found " + plainFound(e.Found),
		Hint:     e.Hint,
	}
}

// plainExpected says in plain words what the original's parser calls by the
// names of its own rules.
func plainExpected(expected string) string {
	switch expected {
	case "simple":
		return `a path, "!", "~", "$" or "("`
	case "label char":
		return "a path segment"
	case "hex char":
		return "two hex digits"
	case "number char", "weight":
		return "a weight such as 1 or 0.5"
	case "end of input":
		return "the end"
	}
	return quoteLike(expected)
}

func plainFound(found string) string {
	if found == "end of input" {
		return "the end"
	}
	return quoteLike(found)
}

// quoteLike turns 'x' into "x", with escapes for what cannot be seen.
func quoteLike(text string) string {
	if inner, ok := strings.CutPrefix(text, "'"); ok {
		return strconv.Quote(strings.TrimSuffix(inner, "'"))
	}
	return text
}

package dtab

import "strings"

// hint says what to do about the character that comes next, where expected was
// expected.
func (p *parser) hint(expected string) string {
	switch expected {
	case "label char":
		return p.hintLabel()
	case "hex char", "'x'":
		return `write a byte as \x and two hex digits, for example \x2f`
	case "number char", "weight":
		return "a weight is digits with at most one dot"
	case "'*'":
		return `write a weight before its tree with "*" between: 0.5 * /path`
	case "'='", "'>'":
		return p.hintArrow()
	case "'/'":
		return p.hintStart()
	case "')'":
		return "close the parenthesis"
	case "simple":
		return p.hintSimple()
	case "end of input":
		return p.hintEnd()
	}
	return ""
}

func (p *parser) hintLabel() string {
	switch c := p.peek(); {
	case c == '/':
		return "a path has no empty segments: remove a slash"
	case c == '*':
		return `"*" stands for a whole segment, and only left of "=>"`
	case p.atEnd() || strings.IndexByte(" \t\r\n;=|&)", c) >= 0:
		return "a path does not end in a slash: remove it"
	}
	return `letters, digits and _:.#$%- are written as they are, other bytes as \xNN`
}

func (p *parser) hintArrow() string {
	switch c := p.peek(); {
	case c == '*':
		return `"*" stands for a whole segment: /a/*/b`
	case c == ' ' || c == '\t' || c == '>':
		return `the arrow is "=>", without a blank inside`
	case c == '-':
		return `the arrow is "=>"`
	case c == '/':
		return "a path has no empty segments: remove a slash"
	case c == ';' || p.atEnd():
		return `a rule is "/prefix => /destination"`
	case c >= 0x80:
		return `a rule is "/prefix => /destination"; other than ASCII letters are written as \xNN`
	}
	return `a rule is "/prefix => /destination"; unusual bytes in a path are written as \xNN`
}

func (p *parser) hintStart() string {
	switch c := p.peek(); c {
	case ';':
		return `remove the ";": it separates rules and may end the last one`
	case '[', '{':
		return `this looks like JSON or YAML; a table is written "/prefix => /destination ; ..."`
	case '"', '\'':
		return "paths are written without quotes"
	}
	return `a path begins with "/"`
}

func (p *parser) hintSimple() string {
	switch c := p.peek(); {
	case c == '"' || c == '\'':
		return "paths are written without quotes"
	case c == '-' || c == '+':
		return "a weight has no sign and is not negative"
	case c == '*':
		return `"*" stands for a segment only left of "=>"; a weight comes before it: 0.5 * /path`
	case c == ';' || c == '|' || c == '&' || c == ')' || p.atEnd():
		return `something is missing here: a path, or "~" (no such name), "$" (empty), "!" (fail)`
	}
	return `a path begins with "/"`
}

func (p *parser) hintEnd() string {
	before := strings.TrimRight(p.text[:p.at], " \t\r\n")
	switch c := p.peek(); {
	case p.at > 0 && strings.IndexByte("~$!", p.text[p.at-1]) >= 0 && !inPath(before):
		return `"~", "$" and "!" stand alone: put "|", "&" or ";" between this and the next`
	case c == '/' && strings.HasSuffix(before, "/"):
		return "a path has no empty segments: remove a slash"
	case c == '/' && strings.Contains(before, "=>"):
		return `rules are separated by ";"`
	case c == '*':
		return `"*" stands for a whole segment, and only left of "=>"`
	case c == '=':
		return `a rule has one "=>"; rules are separated by ";"`
	case c == ')':
		return "there is no parenthesis to close"
	case c >= 0x80 || strings.IndexByte(`"'!?@+,~^[]{}<>`, c) >= 0:
		return `in a path this character is written as \xNN`
	}
	return "remove the rest"
}

// inPath tells whether a text ends inside a path.
func inPath(text string) bool {
	return strings.Contains(text[strings.LastIndexAny(text, " \t\r\n;|&*(>")+1:], "/")
}

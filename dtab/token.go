package dtab

import "strings"

type tokenKind int

const (
	wordToken tokenKind = iota // a path, a weight or an operator
	arrowToken
	openToken
	closeToken
	endToken // ";"
	commentToken
)

// token is a piece of a table's text, for the formatter.
type token struct {
	kind  tokenKind
	text  string
	lines int // line feeds since the token before
}

// tokenize cuts a text that is known to be a table.
func tokenize(text string) []token {
	p := parser{text: text}
	var tokens []token
	left := true // of the arrow, where "*" is part of a path
	for {
		lines := p.blanks()
		if p.atEnd() {
			return tokens
		}
		start := p.at
		t := token{lines: lines}
		switch c := p.peek(); {
		case c == '#':
			p.comment()
			t.kind = commentToken
		case c == '/':
			for p.atLabel() || p.peek() == '/' || left && p.peek() == '*' {
				p.at++
			}
		case isNumberChar(c):
			for isNumberChar(p.peek()) {
				p.at++
			}
		case c == '=':
			p.at += len("=>")
			t.kind, left = arrowToken, false
		case c == ';':
			p.at++
			t.kind, left = endToken, true
		default:
			p.at++
			switch c {
			case '(':
				t.kind = openToken
			case ')':
				t.kind = closeToken
			}
		}
		t.text = strings.TrimRightFunc(text[start:p.at], isSpace)
		tokens = append(tokens, t)
	}
}

// blanks skips white space, but not comments, and counts the line feeds.
func (p *parser) blanks() int {
	rest := strings.TrimLeftFunc(p.text[p.at:], isSpace)
	skipped := p.text[p.at : len(p.text)-len(rest)]
	p.at += len(skipped)
	return strings.Count(skipped, "\n")
}

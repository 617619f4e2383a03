package dtab

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// atEnd tells whether the whole text is read.
func (p *parser) atEnd() bool { return p.at >= len(p.text) }

// peek gives the next byte, 0 at the end. All characters that mean something
// are ASCII; 0 is never one of them.
func (p *parser) peek() byte {
	if p.atEnd() {
		return 0
	}
	return p.text[p.at]
}

// accept reads c if it comes next.
func (p *parser) accept(c byte) bool {
	if p.peek() != c || p.atEnd() {
		return false
	}
	p.at++
	return true
}

// expect reads c or fails.
func (p *parser) expect(c byte) error {
	if p.accept(c) {
		return nil
	}
	return p.unexpected("'" + string(c) + "'")
}

// end fails unless only white space and comments are left.
func (p *parser) end() error {
	p.space()
	if p.atEnd() {
		return nil
	}
	return p.unexpected("end of input")
}

// space skips white space and comments.
func (p *parser) space() {
	for !p.atEnd() {
		c := p.text[p.at]
		switch {
		case c == '#':
			p.comment()
		case c < utf8.RuneSelf:
			if !isSpace(rune(c)) {
				return
			}
			p.at++
		default:
			r, size := utf8.DecodeRuneInString(p.text[p.at:])
			if !isSpace(r) {
				return
			}
			p.at += size
		}
	}
}

// comment skips to the end of the line, which only a line feed ends.
func (p *parser) comment() {
	for !p.atEnd() && p.text[p.at] != '\n' {
		p.at++
	}
}

// isSpace is Java's Character.isWhitespace: Unicode's separators but for the
// non-breaking ones, and some control characters.
func isSpace(r rune) bool {
	switch {
	case '\t' <= r && r <= '\r', 0x1c <= r && r <= ' ':
		return true
	case r < utf8.RuneSelf, r == 0xa0, r == 0x2007, r == 0x202f:
		return false
	}
	return unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp)
}

// pos gives the position of a place in the text. Places must be asked for in
// rising order for this to be cheap, as the parser does.
func (p *parser) pos(at int) Pos {
	if at < p.seen {
		p.seen, p.line, p.col = 0, 0, 0
	}
	between := p.text[p.seen:at]
	if last := strings.LastIndexByte(between, '\n'); last >= 0 {
		p.line += strings.Count(between, "\n")
		p.col, between = 0, between[last+1:]
	}
	p.col += utf8.RuneCountInString(between)
	p.seen = at
	return p.src.At(p.line+1, p.col+1)
}

// unexpected says that something else than expected comes next.
func (p *parser) unexpected(expected string) *SyntaxError {
	found := "end of input"
	if c := firstRune(p.text[p.at:]); c != "" {
		found = "'" + c + "'"
	}
	return &SyntaxError{
		Pos:      p.pos(p.at),
		Expected: expected,
		Found:    found,
		Input:    p.text,
		Offset:   p.at,
		Hint:     p.hint(expected),
	}
}

// firstRune gives the first character of text, or the first byte if that is
// not UTF-8, or "".
func firstRune(text string) string {
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

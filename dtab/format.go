package dtab

import (
	"strings"
	"unicode/utf8"
)

// Format lays a table's text out for people: one rule a line, each ended by
// " ;", "=>" aligned between blank lines, at most one blank line in a row. It
// keeps comments, and writes paths, weights and parentheses as they were
// written. The meaning does not change, and formatting again changes nothing.
// The error is a *SyntaxError.
func Format(text string) (string, error) {
	if _, err := Parse(Source{}, text); err != nil {
		return "", err
	}
	f := formatter{tokens: tokenize(text)}
	var block []line
	var b strings.Builder
	for len(f.tokens) > 0 {
		l := f.line()
		if l.blank && b.Len()+len(block) > 0 {
			writeBlock(&b, block)
			block = block[:0]
			b.WriteByte('\n')
		}
		block = append(block, l)
	}
	writeBlock(&b, block)
	return b.String(), nil
}

// line is a rule with its comments, or a comment of its own.
type line struct {
	blank  bool   // a blank line stands before it
	prefix string // left of the arrow; empty if nothing is to be aligned
	rest   string
}

func writeBlock(b *strings.Builder, block []line) {
	width := 0
	for _, l := range block {
		width = max(width, utf8.RuneCountInString(l.prefix))
	}
	for _, l := range block {
		if l.prefix != "" {
			b.WriteString(l.prefix + strings.Repeat(" ", width-utf8.RuneCountInString(l.prefix)) + " ")
		}
		b.WriteString(l.rest + "\n")
	}
}

type formatter struct{ tokens []token }

func (f *formatter) next() token {
	t := f.tokens[0]
	f.tokens = f.tokens[1:]
	return t
}

// line reads the next rule up to its ";" and the comment behind that, or the
// next comment.
func (f *formatter) line() line {
	first := f.next()
	l := line{blank: first.lines > 1}
	if first.kind == commentToken {
		l.rest = first.text
		return l
	}
	rule := f.rule()
	if len(f.tokens) > 0 && f.tokens[0].kind == arrowToken {
		l.prefix = first.text
	} else {
		// A comment stands before the arrow.
		l.rest = first.text
	}
	var w ruleWriter
	w.b.WriteString(l.rest)
	w.fresh = l.rest == ""
	for range rule {
		w.add(f.next())
	}
	w.b.WriteString(" ;")
	f.end(&w)
	l.rest = w.b.String()
	return l
}

// rule gives the number of tokens up to the last one of the rule's tree.
func (f *formatter) rule() int {
	n := 0
	for i, t := range f.tokens {
		switch t.kind {
		case endToken:
			return n
		case commentToken:
		default:
			n = i + 1
		}
	}
	return n
}

// end drops the ";" of a rule and takes the comment on the same line. Comments
// before the ";" that are on lines of their own stay for the lines to come.
func (f *formatter) end(w *ruleWriter) {
	taken := false
	for i := 0; i < len(f.tokens); i++ {
		switch t := f.tokens[i]; t.kind {
		case commentToken:
			if i == 0 && !taken && t.lines == 0 {
				w.b.WriteString(" " + t.text)
				f.next()
				taken = true
				i--
			}
			continue
		case endToken:
			after := f.tokens[i+1:]
			if i == 0 && !taken && len(after) > 0 && after[0].kind == commentToken && after[0].lines == 0 {
				w.b.WriteString(" " + after[0].text)
				after = after[1:]
			} else if i == 0 && taken && len(after) > 0 && after[0].kind == commentToken {
				after[0].lines = max(after[0].lines, 1)
			}
			f.tokens = append(f.tokens[:i:i], after...)
			return
		default:
			return
		}
	}
}

// ruleWriter writes the tokens of a rule with blanks between them. After a
// comment it goes on in a new, indented line.
type ruleWriter struct {
	b       strings.Builder
	fresh   bool // nothing stands left of the next token
	comment bool // a comment ends the line
}

func (w *ruleWriter) add(t token) {
	switch {
	case w.comment:
		w.b.WriteString("\n    ")
	case w.fresh, t.kind == closeToken:
		if t.kind == commentToken {
			w.b.WriteByte(' ')
		}
	default:
		w.b.WriteByte(' ')
	}
	w.b.WriteString(t.text)
	w.comment = t.kind == commentToken
	w.fresh = t.kind == openToken
}

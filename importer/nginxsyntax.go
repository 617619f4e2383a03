package importer

import (
	"strings"
	"unicode/utf8"

	"kibble.dev/dtab"
)

// directive is one of nginx's configuration: a name, arguments, and perhaps
// directives in braces.
type directive struct {
	name  string
	args  []string
	block []*directive
	pos   dtab.Pos
}

// nginxReader reads the grammar of nginx's configuration files: words, quoted
// or not, that end in ";" or in a block of braces.
type nginxReader struct {
	page      *page
	rest      string
	line, col int
	bad       *dtab.Finding
	depth     int
}

// maxBlocks bounds blocks in blocks.
const maxBlocks = 50

func readNginx(p *page) ([]*directive, *dtab.Finding) {
	r := &nginxReader{page: p, rest: p.text, line: 1, col: 1}
	all := r.directives()
	if r.bad == nil && r.rest != "" {
		r.fail("there is no { for this }")
	}
	return all, r.bad
}

func (r *nginxReader) pos() dtab.Pos { return r.page.place(r.line, r.col) }

func (r *nginxReader) fail(message string) {
	if r.bad == nil {
		r.bad = &dtab.Finding{Code: CodeSyntax, Severity: dtab.Error, Pos: r.pos(), Message: "this is not nginx's configuration: " + message}
	}
}

// take consumes n bytes.
func (r *nginxReader) take(n int) string {
	text := r.rest[:n]
	r.rest = r.rest[n:]
	if lines := strings.Count(text, "\n"); lines > 0 {
		r.line += lines
		r.col = 1
	}
	r.col += utf8.RuneCountInString(text[strings.LastIndexByte(text, '\n')+1:])
	return text
}

// space skips blanks and comments.
func (r *nginxReader) space() {
	for r.rest != "" {
		switch c := r.rest[0]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			r.take(1)
		case c == '#':
			end := strings.IndexByte(r.rest, '\n')
			if end < 0 {
				end = len(r.rest)
			}
			r.take(end)
		default:
			return
		}
	}
}

// directives reads up to the end or a closing brace.
func (r *nginxReader) directives() []*directive {
	var all []*directive
	for {
		r.space()
		if r.bad != nil || r.rest == "" || r.rest[0] == '}' {
			return all
		}
		if d := r.directive(); d != nil {
			all = append(all, d)
		}
	}
}

func (r *nginxReader) directive() *directive {
	d := &directive{pos: r.pos()}
	for r.bad == nil {
		r.space()
		switch {
		case r.rest == "":
			r.fail("the end comes before a ;")
		case r.rest[0] == ';':
			r.take(1)
			return d.named()
		case r.rest[0] == '{':
			r.take(1)
			if r.depth++; r.depth > maxBlocks {
				r.fail("too many blocks in blocks")
				return nil
			}
			d.block = r.directives()
			r.depth--
			if r.rest == "" {
				r.fail("a } is missing")
				return nil
			}
			r.take(1)
			return d.named()
		case r.rest[0] == '}':
			r.fail("a ; is missing before this }")
		default:
			d.args = append(d.args, r.word())
		}
	}
	return nil
}

// named takes the first word as the name.
func (d *directive) named() *directive {
	if len(d.args) > 0 {
		d.name, d.args = d.args[0], d.args[1:]
	}
	return d
}

// word reads one word, with quotes and without.
func (r *nginxReader) word() string {
	if q := r.rest[0]; q == '"' || q == '\'' {
		r.take(1)
		b := strings.Builder{}
		for r.rest != "" && r.rest[0] != q {
			if r.rest[0] == '\\' && len(r.rest) > 1 && (r.rest[1] == q || r.rest[1] == '\\') {
				r.take(1)
			}
			b.WriteString(r.take(1))
		}
		if r.rest == "" {
			r.fail("a " + string(q) + " is missing")
			return ""
		}
		r.take(1)
		return b.String()
	}
	end := 0
	for end < len(r.rest) && strings.IndexByte(" \t\r\n;{}", r.rest[end]) < 0 {
		switch {
		case r.rest[end] == '\\' && end+1 < len(r.rest):
			end++
		case strings.HasPrefix(r.rest[end:], "${"):
			if brace := strings.IndexByte(r.rest[end:], '}'); brace > 0 {
				end += brace
			}
		}
		end++
	}
	return r.take(max(end, 1))
}

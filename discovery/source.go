package discovery

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
	"kibble.dev/internal/bounds"
)

// page is the text of one file, for telling places in it.
type page struct {
	name string
	text []byte
	// lines are cut when they are first asked for.
	lines [][]byte
	// bounds are those of objects.
	bounds *bounds.Bounds
}

// line gives a line, counted from 1.
func (p *page) line(n int) string {
	if p.lines == nil {
		p.lines = bytes.Split(p.text, []byte("\n"))
	}
	if n < 1 || n > len(p.lines) {
		return ""
	}
	return strings.TrimSuffix(string(p.lines[n-1]), "\r")
}

// last gives the number of the last line that has something on it.
func (p *page) last() int {
	return 1 + bytes.Count(bytes.TrimRight(p.text, " \t\r\n"), []byte("\n"))
}

// at gives a node's place.
func (p *page) at(n *yaml.Node) dtab.Pos {
	return dtab.Pos{Source: p.name, Line: n.Line, Col: n.Column}
}

// fields gives where the text of every field below a node begins.
func (p *page) fields(path string, n *yaml.Node, into map[string]dtab.Source) {
	n = follow(n)
	if _, seen := into[path]; seen || len(into) > maxFields {
		return
	}
	into[path] = p.source(n)
	switch n.Kind {
	case yaml.MappingNode:
		for _, c := range pairs(n) {
			p.fields(path+"."+c.key.Value, c.value, into)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			p.fields(path+"["+strconv.Itoa(i)+"]", c, into)
		}
	}
}

// maxFields bounds what is remembered of one object: enough for a table of
// thousands of dentries.
const maxFields = 100_000

// source says where the text of a node begins. It is exact for every line of a
// literal block (|) and for text on one line without escapes; in other texts
// the line breaks of the file are gone, and only the beginning is exact.
func (p *page) source(n *yaml.Node) dtab.Source {
	line, col := p.start(n)
	switch {
	case n.Kind != yaml.ScalarNode:
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return dtab.Source{Name: p.name, Line: line + 1, Col: p.indent(n, line+1)}
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		col++
	}
	return dtab.Source{Name: p.name, Line: line, Col: col - 1}
}

// start gives the place of a node behind its anchor and tag.
func (p *page) start(n *yaml.Node) (line, col int) {
	line, col = n.Line, n.Column
	if n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 {
		return line, col
	}
	for {
		rest := skip(p.line(line), col-1)
		trimmed := strings.TrimLeft(rest, " \t")
		col += len(rest) - len(trimmed)
		switch {
		case trimmed == "" && line-n.Line < 3 && line < len(p.lines):
			line, col = line+1, 1
		case strings.HasPrefix(trimmed, "&"), strings.HasPrefix(trimmed, "!"):
			end := strings.IndexAny(trimmed+" ", " \t")
			col += utf8.RuneCountInString(trimmed[:end])
		case trimmed == "":
			return n.Line, n.Column
		default:
			return line, col
		}
	}
}

// skip drops the first characters of a line.
func skip(line string, characters int) string {
	for i := range line {
		if characters == 0 {
			return line[i:]
		}
		characters--
	}
	return ""
}

// indent gives by how much a block is indented whose text begins on a line.
func (p *page) indent(n *yaml.Node, line int) int {
	for i, text := range strings.Split(n.Value, "\n") {
		if trimmed := strings.TrimLeft(text, " "); trimmed != "" {
			written := p.line(line + i)
			return len(written) - len(strings.TrimLeft(written, " ")) - (len(text) - len(trimmed))
		}
	}
	return 0
}

package importer

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// page is a text in a file: the whole file, or one that is a value in another
// text, such as a configuration in a ConfigMap.
type page struct {
	text  string
	lines []string
	// src is where the text begins.
	src dtab.Source
	// pinned says that its line breaks are none of the file's, as in JSON: all
	// of it stands where it begins.
	pinned bool
}

func newPage(src dtab.Source, text string) *page {
	return &page{text: text, lines: strings.Split(text, "\n"), src: src}
}

// at gives the place of a node.
func (p *page) at(n *yaml.Node) dtab.Pos { return p.place(n.Line, n.Column) }

// place gives the place in the file of a line and column of the text.
func (p *page) place(line, col int) dtab.Pos {
	if p.pinned {
		line, col = 1, 1
	}
	return p.src.At(max(line, 1), max(col, 1))
}

// documents gives the YAML documents of the text (JSON is YAML too).
func (p *page) documents() ([]*yaml.Node, *dtab.Finding) {
	var all []*yaml.Node
	d := yaml.NewDecoder(bytes.NewReader([]byte(p.text)))
	for {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, p.syntaxError(err)
		}
		if len(doc.Content) > 0 && doc.Content[0].ShortTag() != "!!null" {
			all = append(all, doc.Content[0])
		}
	}
}

func (p *page) syntaxError(err error) *dtab.Finding {
	message, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	return &dtab.Finding{Code: CodeSyntax, Severity: dtab.Error, Pos: p.place(line, 1), Message: "this is not YAML: " + message,
		Hint: cmp.Or(fillIn(p.text), tabbed(message, p.lines))}
}

// source says where the text of a value begins. It is exact for literal blocks
// and for text on one line; of others only the beginning is.
func (p *page) source(n *yaml.Node) dtab.Source {
	line, col := max(n.Line, 1), max(n.Column, 1)
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		line, col = line+1, p.indent(n.Value, line+1)+1
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		col++
	}
	at := p.place(line, col)
	return dtab.Source{Name: at.Source, Line: at.Line, Col: at.Col - 1}
}

// indent gives by how much a block is indented whose text begins on a line.
func (p *page) indent(value string, line int) int {
	for i, text := range strings.Split(value, "\n") {
		trimmed := strings.TrimLeft(text, " ")
		if trimmed == "" || line-1+i >= len(p.lines) {
			continue
		}
		written := p.lines[line-1+i]
		return max(len(written)-len(strings.TrimLeft(written, " "))-(len(text)-len(trimmed)), 0)
	}
	return 0
}

// inner is the text of a value as a page of its own.
func (p *page) inner(n *yaml.Node) *page {
	in := newPage(p.source(n), n.Value)
	in.pinned = p.pinned || folded(n)
	return in
}

// folded tells whether a text's line breaks are not where the file's are.
func folded(n *yaml.Node) bool {
	return n.Style&yaml.LiteralStyle == 0 && strings.Contains(n.Value, "\n")
}

// comments are those at nodes, without repetition.
func comments(nodes ...*yaml.Node) string {
	var all []string
	seen := map[string]bool{}
	for _, n := range nodes {
		if n == nil {
			continue
		}
		for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
			if c = strings.TrimSpace(c); c != "" && !seen[c] {
				seen[c] = true
				all = append(all, c)
			}
		}
	}
	return strings.Join(all, "\n")
}

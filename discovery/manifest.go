package discovery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// parse reads the objects of a file of YAML documents (JSON is YAML too), and
// of the lists in them, in their order. What has an error is left out.
func (d *directory) parse(name string, data []byte) ([]object, []dtab.Finding) {
	var objects []object
	documents, found := cut(&page{name: name, text: data, bounds: &d.bounds})
	for _, w := range documents {
		o, f := w.expand("", "", false)
		objects, found = append(objects, o...), append(found, f...)
	}
	return objects, found
}

// cut gives the documents of a file that are not empty, as far as it is YAML.
func cut(p *page) (documents []written, found []dtab.Finding) {
	decoder := yaml.NewDecoder(bytes.NewReader(p.text))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return documents, []dtab.Finding{p.syntaxError(err)}
		}
		if len(doc.Content) > 0 && doc.Content[0].ShortTag() != "!!null" {
			documents = append(documents, written{p, follow(doc.Content[0])})
		}
	}
}

// expand reads one object, or all of a list. Elements of a list that has a kind
// of its own, such as PodList, may lack kind and version.
func (w written) expand(kind, version string, listed bool) ([]object, []dtab.Finding) {
	if w.node.Kind != yaml.MappingNode {
		return nil, []dtab.Finding{w.finding(codeKind, w.node, "this is not an object, but "+looks(w.node),
			"every object begins with apiVersion and kind; keep other YAML out of this directory")}
	}
	if k := text(w.node, "kind"); k != "" {
		kind = k
	}
	if v := text(w.node, "apiVersion"); v != "" {
		version = v
	}
	element, isList := strings.CutSuffix(kind, "List")
	if !isList || element != "" && knownVersion(element) == "" {
		o, f := w.read(kind, version)
		if o == nil {
			return nil, f
		}
		return []object{*o}, f
	}
	if listed {
		return nil, []dtab.Finding{w.finding(codeKind, w.node, "a list in a list is not read", "put its items into the outer list")}
	}
	if element == "" {
		version = ""
	}
	return w.list(element, version)
}

func (w written) list(kind, version string) (objects []object, found []dtab.Finding) {
	for _, p := range pairs(w.node) {
		switch p.key.Value {
		case "apiVersion", "kind", "metadata":
		case "items":
			items := follow(p.value)
			if items.Kind != yaml.SequenceNode && items.ShortTag() != "!!null" {
				found = append(found, w.finding(codeType, items, "a list wanted, this is "+looks(items), ""))
			}
			for _, item := range items.Content {
				o, f := written{w.page, follow(item)}.expand(kind, version, true)
				objects, found = append(objects, o...), append(found, f...)
			}
		default:
			found = append(found, w.finding(codeUnknownField, p.key, fmt.Sprintf("there is no field %q in a list", p.key.Value),
				didYouMean(p.key.Value, []string{"apiVersion", "items", "kind", "metadata"})))
		}
	}
	return objects, found
}

// syntaxError makes a finding of what the YAML parser says.
func (p *page) syntaxError(err error) dtab.Finding {
	f := dtab.Finding{Code: codeSyntax, Severity: dtab.Error, Pos: dtab.Pos{Source: p.name}}
	if line, col := p.badCharacter(); line > 0 {
		f.Pos.Line, f.Pos.Col = line, col
		f.Message, f.Hint = "YAML cannot hold this character", "save the file as UTF-8 text"
		return f
	}
	if line := p.conflict(); line > 0 {
		f.Pos.Line, f.Pos.Col = line, 1
		f.Message, f.Hint = "this is not YAML: git could not merge here", "choose what is right, and take the lines of <<<, === and >>> away"
		return f
	}
	f.Message = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(f.Message); m != nil {
		f.Message = f.Message[len(m[0]):]
		f.Pos.Line, _ = strconv.Atoi(m[1])
	}
	if m := regexp.MustCompile(`^unknown anchor '(.*)'`).FindStringSubmatch(f.Message); m != nil {
		before, _, _ := strings.Cut(string(p.text), "*"+m[1])
		f.Pos.Line, f.Hint = 1+strings.Count(before, "\n"), "text that begins with * needs quotes"
	}
	// The parser counts the lines of its own errors, unlike those of its
	// scanner, from 0, and leaves line 0 out.
	if f.Pos.Line == 0 || strings.HasPrefix(f.Message, "did not find expected") {
		f.Pos.Line++
	}
	f.Pos.Line = min(f.Pos.Line, p.last())
	if strings.Contains(f.Message, "tab character") { // told of the text that it breaks off
		for f.Pos.Line < p.last() && !strings.HasPrefix(strings.TrimLeft(p.line(f.Pos.Line), " "), "\t") {
			f.Pos.Line++
		}
	}
	switch line := p.line(f.Pos.Line); {
	case strings.Contains(line, "\t") && (strings.Contains(f.Message, "cannot start any token") || strings.Contains(f.Message, "tab character")):
		f.Hint = "indent with blanks, not with tabs"
	case isTemplate(line):
		f.Hint = templateHint
	}
	f.Message = "this is not YAML: " + f.Message
	return f
}

// templateHint is for what a tool is still to put something into.
const templateHint = "this is a template: give what helm template, or whatever fills it in, makes of it"

func isTemplate(text string) bool {
	return strings.Contains(text, "{{") && strings.Contains(text, "}}")
}

// conflict gives the line where git's marks of a conflict begin, or 0.
func (p *page) conflict() int {
	for n := range p.last() {
		if line := p.line(n + 1); strings.HasPrefix(line, "<<<<<<< ") {
			return n + 1
		}
	}
	return 0
}

// badCharacter finds the first character that YAML forbids.
func (p *page) badCharacter() (line, col int) {
	line, col = 1, 1
	for rest := p.text; len(rest) > 0; col++ {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f {
			return line, col
		}
		if r == '\n' {
			line, col = line+1, 0
		}
		rest = rest[n:]
	}
	return 0, 0
}

package importer

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/api/v1alpha1"
)

// Object is one of ours.
type Object struct {
	Kind, Name string

	namespace string
	comment   string
	spec      *yaml.Node
}

func newObject(kind, name, comment string) *Object {
	return &Object{Kind: kind, Name: name, comment: comment, spec: block()}
}

// YAML gives the object's document, without a mark between documents.
func (o *Object) YAML() ([]byte, error) {
	meta := block()
	set(meta, "name", text(o.Name))
	if o.namespace != "" {
		set(meta, "namespace", text(o.namespace))
	}
	meta.Style = yaml.FlowStyle
	root := block()
	set(root, "apiVersion", text(v1alpha1.APIVersion))
	set(root, "kind", text(o.Kind))
	set(root, "metadata", meta)
	set(root, "spec", o.spec)
	var b bytes.Buffer
	for line := range strings.Lines(o.comment) {
		b.WriteString(strings.TrimRight(line, "\n") + "\n")
	}
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	e.CompactSeqIndent()
	if err := e.Encode(root); err != nil {
		return nil, fmt.Errorf("write %s %s: %w", o.Kind, o.Name, err)
	}
	return b.Bytes(), e.Close()
}

func block() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode} }

func sequence() *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode} }

// set adds a field, with comments in front of it.
func set(m *yaml.Node, key string, v *yaml.Node, comment ...string) {
	k := &yaml.Node{Kind: yaml.ScalarNode, Value: key, HeadComment: strings.Join(comment, "\n")}
	m.Content = append(m.Content, k, v)
}

// text is a scalar that is read back as exactly this text. Tables go into
// literal blocks where YAML can hold them so.
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if word.MatchString(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	if strings.Contains(s, "\n") {
		n.Style = yaml.DoubleQuotedStyle
		if literal(s) {
			n.Style = yaml.LiteralStyle
		}
	}
	return n
}

// tableText is a table's text in a literal block, wherever blanks at the ends of
// its lines are all that is in the way.
func tableText(s string) *yaml.Node {
	if literal(s) {
		return text(s)
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	if tidy := strings.Join(lines, "\n"); literal(tidy) {
		s = tidy
	}
	return text(s)
}

// word is a text that some readers of YAML take for something else than text.
var word = regexp.MustCompile(`^(?i:[-+.0-9_].*|y|n|yes|no|on|off|true|false|null|~|=|<<)?$`)

// literal tells whether a text stands in a literal block as it is: no
// characters that need escapes, no blanks where they could not be seen, and no
// indent in its first line.
func literal(s string) bool {
	if strings.HasPrefix(s, " ") || strings.HasPrefix(s, "\n") || strings.ContainsAny(s, "\r\u0085\u2028\u2029\ufeff") {
		return false
	}
	for line := range strings.SplitSeq(s, "\n") {
		if strings.TrimRight(line, " \t") != line || strings.HasPrefix(line, "\t") {
			return false
		}
	}
	for _, r := range s {
		if r != '\n' && r != '\t' && !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

func number(n int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(n)}
}

func yes() *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"} }

// flow writes a mapping on one line.
func flow(m *yaml.Node) *yaml.Node {
	m.Style = yaml.FlowStyle
	return m
}

// nameOf makes the name of an object of a label.
func nameOf(label string) string {
	name := strings.ToLower(label)
	name = regexp.MustCompile(`[^a-z0-9.-]+`).ReplaceAllString(name, "-")
	name = regexp.MustCompile(`[-.]*\.[-.]*`).ReplaceAllString(name, ".")
	name = strings.Trim(name, "-.")
	if len(name) > 200 {
		name = strings.Trim(name[:200], "-.")
	}
	if name == "" {
		return "imported"
	}
	return name
}

package discovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"

	"kibble.dev/dtab"
)

// Codes of the findings of this package.
const (
	codeFile           = "KB1014"
	codeEmpty          = "KB1015"
	codeWatch          = "KB1016"
	codeKept           = "KB1017"
	codeSyntax         = "KB1002"
	codeUnknownField   = "KB1003"
	codeDuplicateField = "KB1004"
	codeType           = "KB1005"
	codeKind           = "KB1007"
	codeVersion        = "KB1008"
	codeIgnored        = "KB1009"
	codeDuplicate      = "KB1010"
	codeEndpointLine   = "KB1011"
	codeRootDir        = "KB1012"
	codeForbidden      = "KB1013"
	codeUninstalled    = "KB1019"
)

// written is one object as it stands in a file.
type written struct {
	page *page
	node *yaml.Node
}

// finding tells of a mistake at a node.
func (w written) finding(code string, n *yaml.Node, message, hint string) dtab.Finding {
	return dtab.Finding{Code: code, Severity: dtab.Error, Pos: w.page.at(n), Message: message, Hint: hint}
}

// unused tells of something at a node that is not used.
func (w written) unused(n *yaml.Node, message, hint string) dtab.Finding {
	f := w.finding(codeIgnored, n, message, hint)
	f.Severity = dtab.Warning
	return f
}

// value gives the node of a field of the object, or the object if it has none.
func (w written) value(name string) *yaml.Node {
	if p, ok := child(w.node, name); ok {
		return follow(p.value)
	}
	return w.node
}

// decode reads the object into a struct with JSON tags. Fields that the struct
// does not have, fields that stand there twice and values of another type are
// findings.
func (w written) decode(into any) []dtab.Finding {
	j := toJSON(w.node)
	if len(j.problems) > 0 {
		var found []dtab.Finding
		for _, p := range j.problems {
			found = append(found, w.finding(p.code, p.node, p.message, p.hint))
		}
		return found
	}
	strict, err := kjson.UnmarshalStrict(j.text, into)
	if err != nil {
		return []dtab.Finding{w.wrongType(err, j)}
	}
	var found []dtab.Finding
	for _, s := range strict {
		if f, ok := errors.AsType[kjson.FieldError](s); ok && !w.holdsAnchors(f.FieldPath()) {
			found = append(found, w.unknownField(f.FieldPath(), into))
		}
	}
	return found
}

func (w written) unknownField(path string, into any) dtab.Finding {
	place, _ := locate(w.node, path)
	parent, name := "", path
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
		parent, name = path[:dot], path[dot+1:]
	}
	whole := "here"
	if parent != "" {
		whole = "in " + parent
	}
	return w.finding(codeUnknownField, place.key, fmt.Sprintf("there is no field %q %s", name, whole),
		didYouMean(name, fieldsAt(reflect.TypeOf(into), parent)))
}

// wrongType explains an error of encoding/json.
func (w written) wrongType(err error, j *jsonText) dtab.Finding {
	mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return w.badValue(err)
	}
	n := j.node(mismatch.Offset)
	if n == nil {
		place, _ := locate(w.node, mismatch.Field)
		n = place.value
	}
	want, hint := inWords(mismatch.Type), ""
	switch {
	case mismatch.Type.Kind() == reflect.String && n.Kind == yaml.ScalarNode:
		hint = fmt.Sprintf("put it in quotes: %q", n.Value)
	case strings.HasPrefix(mismatch.Value, "number ") && n.ShortTag() == "!!int":
		return w.finding(codeType, n, fmt.Sprintf("the number %s is too large, or too small", n.Value), "")
	case n.Kind == yaml.ScalarNode && plainly(n.Value) == mismatch.Type.Kind():
		hint = "take the quotes away"
	}
	return w.finding(codeType, n, fmt.Sprintf("%s wanted, this is %s", want, looks(n)), hint)
}

// badValue explains the error of a type that reads its own text, such as a
// time. Such errors quote the text but do not say where it stands.
func (w written) badValue(err error) dtab.Finding {
	n := w.node
	if bad := quoted(w.node, err.Error()); bad != nil {
		n = bad
	}
	hint := ""
	if strings.Contains(err.Error(), "parsing time") {
		hint = "write it as 2027-01-31T00:00:00Z"
	}
	return w.finding(codeType, n, fmt.Sprintf("%q cannot be read: %s", n.Value, err), hint)
}

// quoted finds the first text below a node that a message quotes.
func quoted(n *yaml.Node, message string) *yaml.Node {
	if n.Kind == yaml.ScalarNode && n.Value != "" && strings.Contains(message, `"`+n.Value+`"`) {
		return n
	}
	for _, c := range n.Content {
		if hit := quoted(c, message); hit != nil {
			return hit
		}
	}
	return nil
}

// plainly tells what a text would be without its quotes.
func plainly(text string) reflect.Kind {
	n := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	_, word := yesOrNo(n)
	switch {
	case word || n.ShortTag() == "!!bool":
		return reflect.Bool
	case n.ShortTag() == "!!int":
		return reflect.Int32
	}
	return reflect.String
}

// inWords says what a Go type looks like in YAML.
func inWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return inWords(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

// looks says what a node looks like.
func looks(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return n.Value
	}
	if _, word := yesOrNo(n); word {
		return n.Value + ", which in YAML means true or false"
	}
	return fmt.Sprintf("the text %q", n.Value)
}

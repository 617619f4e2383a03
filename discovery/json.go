package discovery

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// jsonText is a YAML node written as JSON, with the way back from a place in
// the JSON to the node that stands there. YAML is read as kubectl reads it:
// merge keys are followed and the words of YAML 1.1 (yes, off) are booleans.
type jsonText struct {
	text     []byte
	marks    []mark
	problems []problem
	// aliased counts the nodes that aliases have multiplied.
	aliased, depth int
}

// mark says that a node's JSON ends (scalar) or has just begun (collection) at
// an offset: where encoding/json says that a value has the wrong type.
type mark struct {
	offset int
	node   *yaml.Node
}

// problem is a mistake at a node.
type problem struct {
	code          string
	node          *yaml.Node
	message, hint string
}

// maxAliased bounds what aliases can make of a small file.
const maxAliased = 20_000

func toJSON(n *yaml.Node) *jsonText {
	j := &jsonText{}
	j.value(n)
	return j
}

// node gives the node at an offset that encoding/json complained about, or nil.
func (j *jsonText) node(offset int64) *yaml.Node {
	i := sort.Search(len(j.marks), func(i int) bool { return j.marks[i].offset >= int(offset) })
	if i < len(j.marks) && j.marks[i].offset == int(offset) {
		return j.marks[i].node
	}
	return nil
}

func (j *jsonText) problem(n *yaml.Node, message, hint string) {
	j.problems = append(j.problems, problem{codeSyntax, n, message, hint})
}

func (j *jsonText) mark(n *yaml.Node) {
	j.marks = append(j.marks, mark{len(j.text), n})
}

func (j *jsonText) value(n *yaml.Node) {
	if j.depth > 0 {
		j.aliased++
	}
	switch n.Kind {
	case yaml.AliasNode:
		j.alias(n)
	case yaml.MappingNode:
		j.mapping(n)
	case yaml.SequenceNode:
		j.text = append(j.text, '[')
		j.mark(n)
		for i, c := range n.Content {
			if i > 0 {
				j.text = append(j.text, ',')
			}
			j.value(c)
		}
		j.text = append(j.text, ']')
	default:
		j.text = append(j.text, j.scalar(n)...)
		j.mark(n)
	}
}

func (j *jsonText) alias(n *yaml.Node) {
	if j.aliased > maxAliased {
		j.text = append(j.text, "null"...)
		if len(j.problems) == 0 {
			j.problem(n, "the aliases of this object never end, or make it too large", "write the values out")
		}
		return
	}
	j.depth++
	j.value(n.Alias)
	j.depth--
}

func (j *jsonText) mapping(n *yaml.Node) {
	j.text = append(j.text, '{')
	j.mark(n)
	first := map[string]*yaml.Node{}
	for _, p := range pairs(n) {
		if p.key.Kind != yaml.ScalarNode {
			hint := "take the brackets away, or put the key in quotes"
			if p.key.Kind == yaml.MappingNode {
				hint = templateHint
			}
			j.problem(p.key, "a key must be a word", hint)
			continue
		}
		if f := first[p.key.Value]; f != nil {
			j.problems = append(j.problems, problem{codeDuplicateField, p.key,
				fmt.Sprintf("%q is there already, on line %d", p.key.Value, f.Line), "keep one of them"})
			continue
		}
		first[p.key.Value] = p.key
		if len(first) > 1 {
			j.text = append(j.text, ',')
		}
		j.text = append(append(j.text, quote(p.key.Value)...), ':')
		j.value(p.value)
	}
	j.text = append(j.text, '}')
}

func (j *jsonText) scalar(n *yaml.Node) []byte {
	switch n.ShortTag() {
	case "!!null":
		return []byte("null")
	case "!!bool", "!!int", "!!float":
		var v any
		err := n.Decode(&v)
		if text, jsonErr := json.Marshal(v); err == nil && jsonErr == nil {
			return text
		}
		j.problem(n, n.Value+" is not a number that can be used", "write an ordinary number, or put it in quotes if it is text")
		return []byte("null")
	case "!!binary":
		data, err := base64.StdEncoding.DecodeString(n.Value)
		if err != nil {
			j.problem(n, "this is not base64", "take !!binary away if it is plain text")
		}
		return quote(string(data))
	}
	if yes, word := yesOrNo(n); word {
		return strconv.AppendBool(nil, yes)
	}
	return quote(n.Value)
}

// yesOrNo reads the words that were booleans in YAML 1.1, and are for kubectl.
func yesOrNo(n *yaml.Node) (yes, word bool) {
	if n.Kind != yaml.ScalarNode || n.Style != 0 {
		return false, false
	}
	switch n.Value {
	case "y", "Y", "yes", "Yes", "YES", "on", "On", "ON":
		return true, true
	case "n", "N", "no", "No", "NO", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}

func quote(s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`)
	}
	return text
}

// Package bounds checks objects of ours against what their definitions say of
// each field by itself: how long, how many, which letters. The API server
// refuses what is beyond; who has none learns it here. What rules in CEL say,
// the Validate methods of the types check.
package bounds

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"kibble.dev/api/v1alpha1"
)

// made is what `make generate` takes from the definitions.
//
//go:embed bounds.json
var made []byte

// Bounds are those of spec of every kind. The zero value is ready; it is for one
// goroutine at a time.
type Bounds struct {
	kinds    map[string]*schema
	patterns map[string]*regexp.Regexp
}

// schema is what a definition says of a value; of one that it leaves open,
// nothing.
type schema struct {
	Type                 string             `json:"type"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties *schema            `json:"additionalProperties"`
	Required             []string           `json:"required"`
	MaxProperties        *int               `json:"maxProperties"`
	Items                *schema            `json:"items"`
	MinItems             int                `json:"minItems"`
	MaxItems             *int               `json:"maxItems"`
	Set                  bool               `json:"set"`
	Enum                 []any              `json:"enum"`
	MinLength            int                `json:"minLength"`
	MaxLength            *int               `json:"maxLength"`
	Pattern              string             `json:"pattern"`
	Minimum              *float64           `json:"minimum"`
	Maximum              *float64           `json:"maximum"`
	Int32                bool               `json:"int32"`
}

// Check gives what is beyond the bounds in spec of an object, as encoding/json
// reads it, in the order of its fields' names. Values are taken to be of the
// type that is wanted, or null. Of a kind that is not ours there is nothing to
// say.
func (b *Bounds) Check(kind string, spec any) []v1alpha1.FieldError {
	if b.kinds == nil {
		b.load()
	}
	c := checker{bounds: b}
	if s := b.kinds[kind]; s != nil {
		c.value("spec", s, spec)
	}
	return c.errs
}

// load reads what this program was built with.
func (b *Bounds) load() {
	b.patterns = map[string]*regexp.Regexp{}
	if err := json.Unmarshal(made, &b.kinds); err != nil {
		panic(fmt.Errorf("bounds.json: %w", err))
	}
}

type checker struct {
	bounds *Bounds
	errs   []v1alpha1.FieldError
}

// add says what the value at a path is, and what would be taken.
func (c *checker) add(path, what, wanted string, a ...any) {
	name := path[strings.LastIndexByte(path, '.')+1:]
	c.errs = append(c.errs, v1alpha1.FieldError{Path: path, Message: name + " " + what, Hint: "the API server wants " + fmt.Sprintf(wanted, a...)})
}

func (c *checker) value(path string, s *schema, v any) {
	switch {
	case v == nil && s.Type != "":
		c.add(path, "has no value", "one, or that it is taken away")
		return
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, v):
		c.add(path, fmt.Sprintf("cannot be %#v", v), "one of %s", list(s.Enum))
		return
	}
	switch v := v.(type) {
	case map[string]any:
		c.object(path, s, v)
	case []any:
		c.list(path, s, v)
	case string:
		c.text(path, s, v)
	case float64:
		c.number(path, s, v)
	}
}

func (c *checker) object(path string, s *schema, o map[string]any) {
	if s.MaxProperties != nil && len(o) > *s.MaxProperties {
		c.add(path, fmt.Sprintf("has %d members", len(o)), "at most %d", *s.MaxProperties)
	}
	for _, name := range s.Required {
		if _, there := o[name]; !there {
			c.add(path+"."+name, "is missing", "it in every such object")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		p := s.AdditionalProperties
		if s.Properties[name] != nil {
			p = s.Properties[name]
		}
		// The API server takes a field without a value for an absent one.
		if p != nil && o[name] != nil {
			c.value(path+"."+name, p, o[name])
		}
	}
}

func (c *checker) list(path string, s *schema, members []any) {
	switch n := len(members); {
	case s.MaxItems != nil && n > *s.MaxItems:
		c.add(path, fmt.Sprintf("has %d members", n), "at most %d", *s.MaxItems)
		return
	case n < s.MinItems:
		c.add(path, fmt.Sprintf("has %d members", n), "at least %d", s.MinItems)
	}
	for i, m := range members {
		at := fmt.Sprintf("%s[%d]", path, i)
		if s.Set && slices.ContainsFunc(members[:i], func(before any) bool { return reflect.DeepEqual(before, m) }) {
			c.add(at, "is there already", "each member once")
		}
		if s.Items != nil {
			c.value(at, s.Items, m)
		}
	}
}

func (c *checker) text(path string, s *schema, text string) {
	switch n := utf8.RuneCountInString(text); {
	case s.MaxLength != nil && n > *s.MaxLength:
		c.add(path, fmt.Sprintf("has %d characters", n), "at most %d", *s.MaxLength)
	case n < s.MinLength:
		c.add(path, fmt.Sprintf("has %d characters", n), "at least %d", s.MinLength)
	case s.Pattern != "" && !c.bounds.pattern(s.Pattern).MatchString(text):
		c.add(path, fmt.Sprintf("cannot be %q", text), "text that fits %s", s.Pattern)
	}
}

func (c *checker) number(path string, s *schema, n float64) {
	low, high := math.Inf(-1), math.Inf(1)
	if s.Int32 {
		low, high = math.MinInt32, math.MaxInt32
	}
	if s.Minimum != nil {
		low = max(low, *s.Minimum)
	}
	if s.Maximum != nil {
		high = min(high, *s.Maximum)
	}
	if n < low || n > high {
		c.add(path, fmt.Sprintf("cannot be %.0f", n), "a number from %.0f to %.0f", low, high)
	}
}

// pattern gives a regular expression, which is compiled once.
func (b *Bounds) pattern(text string) *regexp.Regexp {
	if b.patterns[text] == nil {
		b.patterns[text] = regexp.MustCompile(text)
	}
	return b.patterns[text]
}

// list gives the values that a user would write.
func list(values []any) string {
	var all []string
	for _, v := range values {
		if v != "" {
			all = append(all, fmt.Sprint(v))
		}
	}
	return strings.Join(all, ", ")
}

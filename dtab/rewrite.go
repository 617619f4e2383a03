package dtab

import (
	"fmt"
	"regexp"
	"strings"
)

// rewriter replaces paths that match a pattern by a name (io.l5d.rewrite;
// linkerd, PathMatcher). What is left of the path after the pattern is dropped.
type rewriter struct {
	prefix   Path
	segments []rewriteSegment
	name     string
}

// rewriteSegment matches one segment of a path, in its canonical text.
type rewriteSegment struct {
	text string // "*" is any
	// search, if not nil, is searched for instead; its groups are the values of
	// captures, in order.
	search   *regexp.Regexp
	captures []string
}

// maxRewritten bounds the text that a rewrite makes: one that repeats a capture
// could double it with every look-up.
const maxRewritten = 1 << 16

// captureSyntax is the original's: the range from ":" to "_" is meant as it is.
const captureSyntax = `\{([a-zA-Z0-9.:-_]+)\}`

func newRewriter(c NamerConfig) (Namer, error) {
	switch {
	case c.Prefix == nil:
		return nil, fmt.Errorf("the namer %s needs a prefix", c.Kind)
	case c.Pattern == "":
		return nil, fmt.Errorf("the namer %s needs a pattern, for example /{port}/{service}", c.Kind)
	case c.Name == "":
		return nil, fmt.Errorf("the namer %s needs a name, for example /k8s/default/{port}/{service}", c.Kind)
	}
	n := rewriter{prefix: c.Prefix, name: c.Name}
	capture := regexp.MustCompile(captureSyntax)
	texts := strings.Split(strings.Trim(c.Pattern, "/"), "/")
	if texts[0] == "" {
		texts = nil
	}
	for _, text := range texts {
		s := rewriteSegment{text: text}
		keys := capture.FindAllString(text, -1)
		expr := strings.ReplaceAll(text, ".", `\.`)
		for _, key := range keys {
			expr = strings.ReplaceAll(expr, key, "(.*)")
			s.captures = append(s.captures, key)
		}
		if keys != nil {
			search, err := regexp.Compile(expr)
			if err != nil {
				return nil, fmt.Errorf("the segment %q in the pattern of %s: %w", text, c.Kind, err)
			}
			if strings.Contains(expr, "{") || search.NumSubexp() < len(keys) {
				return nil, fmt.Errorf("the segment %q in the pattern of %s: "+
					"a capture is {name}, of letters, digits, %q and %q", text, c.Kind, ":", "_")
			}
			s.search = search
		}
		n.segments = append(n.segments, s)
	}
	return n, nil
}

// Prefix is part of Namer.
func (n rewriter) Prefix() Path { return n.prefix }

// Lookup is part of Namer.
func (n rewriter) Lookup(rest Path) (Tree, error) {
	values, ok, err := n.match(rest)
	if err != nil || !ok {
		return Neg{}, err
	}
	name := n.name
	for i := len(values) - 1; i >= 0; i-- {
		name = strings.ReplaceAll(name, values[i].key, values[i].value)
		if len(name) > maxRewritten {
			return nil, &BindError{Kind: ErrWork, Message: "The rewritten name is too long"}
		}
	}
	path, parseErr := ParsePath(name)
	if parseErr != nil {
		return nil, notAPath(parseErr)
	}
	return Leaf{Path: path}, nil
}

// captured is the value of one capture. The key has its braces.
type captured struct{ key, value string }

// match gives the captures, in the order of their first places.
func (n rewriter) match(rest Path) (values []captured, ok bool, err error) {
	for i, s := range n.segments {
		switch {
		case s.text == "*":
			if i >= len(rest) {
				return nil, false, &BindError{Kind: ErrUnsupported, Message: "empty.tail"}
			}
			continue
		case i >= len(rest):
			return nil, false, nil
		}
		text := Path{rest[i]}.String()[1:]
		if s.search == nil {
			if text != s.text {
				return nil, false, nil
			}
			continue
		}
		groups := s.search.FindStringSubmatch(text)
		if groups == nil {
			return nil, false, nil
		}
		for j, key := range s.captures {
			values = capture(values, key, groups[j+1])
		}
	}
	return values, true, nil
}

// capture sets a value; one set before gives way to it and keeps its place.
func capture(values []captured, key, value string) []captured {
	for i := range values {
		if values[i].key == key {
			values[i].value = value
			return values
		}
	}
	return append(values, captured{key: key, value: value})
}

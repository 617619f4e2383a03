package dtab

import (
	"fmt"
	"regexp"
	"strings"
)

// rewriteNamer replaces paths that match a pattern by a name (io.l5d.rewrite).
// The rest of the path, beyond the pattern, is dropped.
type rewriteNamer struct {
	prefix  Path
	pattern []rewriteSegment
	name    string
}

// rewriteSegment matches one segment: any, or a regular expression that is
// searched, whose groups are captured.
type rewriteSegment struct {
	any      bool
	literal  string
	search   *regexp.Regexp
	captures []string
}

var capture = regexp.MustCompile(`\{([^{}]*)\}`)

func newRewriter(c NamerConfig) (Namer, error) {
	if c.Pattern == "" || c.Name == "" {
		return nil, fmt.Errorf("the namer %s needs a pattern and a name", c.Kind)
	}
	n := rewriteNamer{prefix: c.Prefix, name: c.Name}
	for _, text := range strings.Split(strings.TrimLeft(c.Pattern, "/"), "/") {
		s := rewriteSegment{any: text == "*", literal: text}
		var expr strings.Builder
		last := 0
		for _, at := range capture.FindAllStringSubmatchIndex(text, -1) {
			expr.WriteString(regexp.QuoteMeta(text[last:at[0]]) + "(.+)")
			s.captures = append(s.captures, text[at[2]:at[3]])
			last = at[1]
		}
		if s.captures != nil {
			expr.WriteString(regexp.QuoteMeta(text[last:]))
			re, err := regexp.Compile(expr.String())
			if err != nil {
				return nil, fmt.Errorf("the pattern %q of %s: %w", c.Pattern, c.Kind, err)
			}
			s.search = re
		}
		n.pattern = append(n.pattern, s)
	}
	return n, nil
}

func (n rewriteNamer) Prefix() Path { return n.prefix }

func (n rewriteNamer) Lookup(rest Path) (Tree, error) {
	values := map[string]string{}
	for i, s := range n.pattern {
		if i >= len(rest) {
			if s.any {
				// The original takes the tail of what is not there.
				return nil, &BindError{Kind: ErrUnsupported, Message: "empty.tail"}
			}
			return Neg{}, nil
		}
		switch segment := rest[i]; {
		case s.any:
		case s.search == nil:
			if segment != s.literal {
				return Neg{}, nil
			}
		default:
			m := s.search.FindStringSubmatch(segment)
			if m == nil {
				return Neg{}, nil
			}
			for j, key := range s.captures {
				values[key] = m[j+1]
			}
		}
	}
	text := capture.ReplaceAllStringFunc(n.name, func(v string) string {
		if value, ok := values[v[1:len(v)-1]]; ok {
			return Path{value}.String()[1:]
		}
		return v
	})
	path, err := ParsePath(text)
	if err != nil {
		return nil, &BindError{Kind: ErrRequirement, Message: err.Error()}
	}
	return Leaf{Path: path}, nil
}

package discovery

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pair is one field of a mapping.
type pair struct{ key, value *yaml.Node }

// pairs gives the fields of a mapping, the merged ones (<<) last: those that
// the mapping has itself beat them. Keys that the mapping repeats stay.
func pairs(n *yaml.Node) []pair {
	left := maxMerges
	return mergedPairs(n, &left)
}

// maxMerges bounds merges that lead to themselves, or multiply.
const maxMerges = 1000

func mergedPairs(n *yaml.Node, left *int) []pair {
	var own []pair
	var bases []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := follow(n.Content[i]), n.Content[i+1]
		if key.ShortTag() != "!!merge" {
			own = append(own, pair{key, value})
			continue
		}
		if base := follow(value); base.Kind == yaml.SequenceNode {
			bases = append(bases, base.Content...)
		} else {
			bases = append(bases, base)
		}
	}
	if len(bases) == 0 {
		return own
	}
	known := map[string]bool{}
	for _, p := range own {
		known[p.key.Value] = true
	}
	for _, base := range bases {
		if base = follow(base); base.Kind != yaml.MappingNode || *left == 0 {
			continue
		}
		*left--
		for _, p := range mergedPairs(base, left) {
			if !known[p.key.Value] {
				known[p.key.Value] = true
				own = append(own, p)
			}
		}
	}
	return own
}

// follow gives the node that an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// child gives a field of a mapping.
func child(n *yaml.Node, name string) (pair, bool) {
	if n.Kind == yaml.MappingNode {
		for _, p := range pairs(n) {
			if p.key.Value == name {
				return p, true
			}
		}
	}
	return pair{}, false
}

// text gives a field's text, or "" if it has none.
func text(n *yaml.Node, name string) string {
	if p, ok := child(n, name); ok {
		if v := follow(p.value); v.Kind == yaml.ScalarNode {
			return v.Value
		}
	}
	return ""
}

// locate goes down a path such as "spec.ports[0].name" as far as it is written,
// and tells whether that was all the way. The key of a list's element is the
// element itself. Keys may have dots in them.
func locate(n *yaml.Node, path string) (p pair, all bool) {
	p = pair{n, n}
	for path != "" {
		next, rest, ok := step(follow(p.value), path)
		if !ok {
			return p, false
		}
		p, path = next, rest
	}
	return p, true
}

func step(n *yaml.Node, path string) (next pair, rest string, ok bool) {
	switch n.Kind {
	case yaml.SequenceNode:
		number, after, found := strings.Cut(strings.TrimPrefix(path, "["), "]")
		i, err := strconv.Atoi(number)
		if !found || err != nil || i < 0 || i >= len(n.Content) {
			return pair{}, "", false
		}
		return pair{n.Content[i], n.Content[i]}, after, true
	case yaml.MappingNode:
		path = strings.TrimPrefix(path, ".")
		best := -1
		for _, p := range pairs(n) {
			after, has := strings.CutPrefix(path, p.key.Value)
			if has && (after == "" || after[0] == '.' || after[0] == '[') && len(p.key.Value) > best {
				best, next, rest = len(p.key.Value), p, after
			}
		}
		return next, rest, best >= 0
	}
	return pair{}, "", false
}

// holdsAnchors tells that a field of the object itself is only where what the
// object uses elsewhere is written: its value holds an anchor, and an alias that
// stands outside of it refers to it.
func (w written) holdsAnchors(field string) bool {
	if strings.ContainsAny(field, ".[") {
		return false
	}
	p, ok := child(w.node, field)
	if !ok {
		return false
	}
	within := map[*yaml.Node]bool{}
	walk(p.value, func(n *yaml.Node) bool { within[n] = true; return true })
	used := false
	walk(w.node, func(n *yaml.Node) bool {
		used = used || n.Kind == yaml.AliasNode && within[n.Alias]
		return n != p.value
	})
	return used
}

// walk visits a node and those that are written below it, which are not those of
// aliases; below those for which visit gives false it does not go.
func walk(n *yaml.Node, visit func(*yaml.Node) bool) {
	if !visit(n) {
		return
	}
	for _, c := range n.Content {
		walk(c, visit)
	}
}

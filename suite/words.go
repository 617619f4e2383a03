package suite

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// asks says a question in words.
func (t Test) asks(e entry) string {
	var b strings.Builder
	if e.Lookup != "" {
		b.WriteString("the name " + e.Lookup)
	} else {
		scheme := "http"
		if e.HTTPS {
			scheme = "https"
		}
		b.WriteString(t.question.Request.Method + " " + scheme + "://" + e.Host + t.question.Request.Path)
	}
	b.WriteString(" at router " + t.question.Router)
	if len(t.in) > 0 {
		b.WriteString(", in " + strings.Join(t.in, " and "))
	}
	for _, name := range slices.Sorted(maps.Keys(t.question.Request.Header)) {
		for _, line := range t.question.Request.Header[name] {
			b.WriteString(", " + name + ": " + line)
		}
	}
	if e.From != "" {
		b.WriteString(", from " + e.From)
	}
	if e.Peer != "" {
		b.WriteString(", from the peer " + e.Peer)
	}
	if len(t.world.without) > 0 {
		b.WriteString(", without " + list(t.world.without))
	}
	if len(t.world.empty) > 0 {
		b.WriteString(", with nobody behind " + list(t.world.empty))
	}
	return b.String()
}

func list(all []service) string {
	var words []string
	for _, s := range all {
		words = append(words, s.String())
	}
	return strings.Join(words, " and ")
}

// syntax notes a mistake in a table.
func (r *reader) syntax(err error) {
	if s, ok := errors.AsType[*dtab.SyntaxError](err); ok {
		r.found = append(r.found, s.Finding())
	}
}

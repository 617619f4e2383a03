package dogfood

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Verdict is a condition decided for one request.
type Verdict struct {
	// Text is the condition in words; for All, Any and Not the word alone.
	Text string `json:"text"`
	// Found says what the request had; it is empty where Parts says it all.
	Found string    `json:"found,omitempty"`
	Holds bool      `json:"holds"`
	Parts []Verdict `json:"parts,omitempty"`
}

// The words that join parts.
const (
	textAll = "all of"
	textAny = "any of"
	textNot = "not"
)

// String gives one line for each part, indented below the whole.
func (v Verdict) String() string {
	var b strings.Builder
	v.print(&b, "")
	return b.String()
}

func (v Verdict) print(b *strings.Builder, indent string) {
	mark := "no "
	if v.Holds {
		mark = "yes"
	}
	b.WriteString(indent + mark + " " + v.Text)
	if v.Found != "" {
		b.WriteString(": " + v.Found)
	}
	b.WriteByte('\n')
	for _, p := range v.Parts {
		p.print(b, indent+"  ")
	}
}

// Explain of All.
func (a All) Explain(r Request, verify Verify) Verdict {
	parts := explainEach(a, r, verify)
	return Verdict{Text: textAll, Parts: parts, Holds: !slices.ContainsFunc(parts, func(v Verdict) bool { return !v.Holds })}
}

// Explain of Any.
func (a Any) Explain(r Request, verify Verify) Verdict {
	parts := explainEach(a, r, verify)
	return Verdict{Text: textAny, Parts: parts, Holds: slices.ContainsFunc(parts, func(v Verdict) bool { return v.Holds })}
}

func explainEach(members []Condition, r Request, verify Verify) []Verdict {
	parts := make([]Verdict, len(members))
	for i, m := range members {
		parts[i] = m.Explain(r, verify)
	}
	return parts
}

// Explain of Not.
func (n Not) Explain(r Request, verify Verify) Verdict {
	part := n.Condition.Explain(r, verify)
	return Verdict{Text: textNot, Parts: []Verdict{part}, Holds: !part.Holds}
}

// Explain of Cookie.
func (c Cookie) Explain(r Request, _ Verify) Verdict {
	value, ok := r.cookie(c.Name)
	return Verdict{Text: c.String(), Found: foundCookie(value, ok), Holds: ok && c.Is.Matches(value)}
}

func foundCookie(value string, ok bool) string {
	switch {
	case ok:
		return shown(value)
	case value != "":
		return "the cookie is too long to be looked at"
	}
	return "no such cookie, or an empty one"
}

// Explain of Header.
func (h Header) Explain(r Request, _ Verify) Verdict {
	value, ok := r.header(h.Name)
	found := "no such header"
	if ok {
		found = shown(value)
	}
	return Verdict{Text: h.String(), Found: found, Holds: ok && h.Is.Matches(value)}
}

// Explain of Source. An IPv4 range does not hold an IPv4 address that is
// written as IPv6, nor the other way round.
func (s Source) Explain(r Request, _ Verify) Verdict {
	v := Verdict{Text: s.String(), Found: "the client's address is not known"}
	if !r.Source.IsValid() {
		return v
	}
	v.Found = r.Source.String()
	v.Holds = slices.ContainsFunc(s.Ranges, func(p netip.Prefix) bool { return p.Contains(r.Source.WithZone("")) })
	return v
}

// Explain of Percent.
func (p Percent) Explain(r Request, verify Verify) Verdict {
	v := Verdict{Text: p.String()}
	value, ok, found := p.person(r, verify)
	if !ok {
		v.Found = found
		return v
	}
	place := p.place(value)
	v.Found = fmt.Sprintf("%s stands at %s of 100", shown(value), percentText(place))
	v.Holds = place < p.Millionths
	return v
}

// person gives what tells the sender of a request apart, or says what is found
// in its place.
func (p Percent) person(r Request, verify Verify) (value string, ok bool, found string) {
	switch {
	case p.Cookie != "":
		value, ok = r.cookie(p.Cookie)
		return value, ok, foundCookie(value, ok)
	case p.Token != nil:
		return p.Token.text(r, verify, p.Claim)
	}
	value, ok = r.header(p.Header)
	return value, ok && value != "", "no such header, or an empty one"
}

// shown quotes a value and cuts a long one.
func shown(value string) string {
	if most := 200; len(value) > most {
		return quote(value[:most]) + fmt.Sprintf(" and %d bytes more", len(value)-most)
	}
	return quote(value)
}

package translate

import (
	"regexp"
	"slices"
	"strings"
)

// A variable is a part of a request that the name of the request is made of.
type variable int

const (
	hostVar    variable = iota // the Host or :authority, one segment of the name
	tokenVar                   // the value of another header, one segment
	methodVar                  // the request's method, one segment
	segmentVar                 // one of the first segments of the URL's path
	urlVar                     // all segments of the URL's path
	valueVar                   // the segments of a header's value, read as a path
)

// dotted tells that the atoms of a variable are its labels between dots, from
// the right, so that a suffix of a host is a prefix of its atoms.
func (v variable) dotted() bool { return v == hostVar || v == tokenVar || v == segmentVar }

// An atom is one label of a host, or one segment of a path: a literal, or any
// with the given text around it.
type atom struct {
	lit       string // "" for any
	pre, post string // text around, for any
	fold      bool   // the literal is compared without regard to case
}

func (a atom) any() bool { return a.lit == "" }

// A pattern is a set of values of one variable: those that begin with the
// atoms (for hosts: end with the labels), and have no more, or, where open, at
// least one more.
type pattern struct {
	atoms []atom
	open  bool
	// port of a host: nil for hosts without a port.
	port *atom
}

// literal tells that exactly one value is in the pattern, or, where open, that
// the pattern is a plain suffix or prefix.
func (p pattern) literal() bool {
	for _, a := range p.atoms {
		if a.any() || a.fold {
			return false
		}
	}
	return true
}

// exact tells that the pattern holds a single value.
func (p pattern) exact() bool {
	return !p.open && p.literal() && (p.port == nil || !p.port.any())
}

func (p pattern) key() string {
	var b strings.Builder
	for _, a := range p.atoms {
		switch {
		case a.any():
			b.WriteString("\x02" + a.pre + "\x03" + a.post)
		case a.fold:
			b.WriteString("\x04" + a.lit)
		default:
			b.WriteString(a.lit)
		}
		b.WriteByte(1)
	}
	if p.open {
		b.WriteByte(5)
	}
	if p.port != nil {
		b.WriteString("\x06" + p.port.lit)
	}
	return b.String()
}

// text gives the path that a pattern of paths stands for, if it is a single
// one but for upper and lower case.
func (p pattern) text() (string, bool) {
	if p.open || len(p.atoms) == 0 {
		return "", false
	}
	for _, a := range p.atoms {
		if a.any() {
			return "", false
		}
	}
	return "/" + joinAtoms(p), true
}

// describe gives a pattern of paths for people: * is any segment, /... is more.
func (p pattern) describe() string {
	var b strings.Builder
	for _, a := range p.atoms {
		if b.WriteByte('/'); a.any() {
			b.WriteString(a.pre + "*" + a.post)
		} else {
			b.WriteString(a.lit)
		}
	}
	if p.open {
		b.WriteString("/...")
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// describeToken gives a dotted pattern for people: * is any label, *. in front
// is one or more.
func (p pattern) describeToken() string {
	var labels []string
	for _, a := range p.atoms {
		if a.any() {
			labels = append(labels, a.pre+"*"+a.post)
		} else {
			labels = append(labels, a.lit)
		}
	}
	if p.open {
		labels = append(labels, "*")
	}
	slices.Reverse(labels)
	text := strings.Join(labels, ".")
	switch {
	case p.port == nil:
		return text
	case p.port.any():
		return text + ":*"
	}
	return text + ":" + p.port.lit
}

// score grows with every constraint: a pattern that is part of another one has
// the higher score.
func (p pattern) score() int {
	n := 0
	for _, a := range p.atoms {
		switch {
		case !a.any() && !a.fold:
			n += 5
		case !a.any():
			n += 4
		case a.pre != "" || a.post != "":
			n += 3
		default:
			n += 2
		}
	}
	if !p.open {
		n++
	}
	switch {
	case p.port == nil:
	case p.port.any():
		n++ // a token with a port is a token too
	default:
		n += 5
	}
	return n
}

// overlaps tells whether a value may be in both patterns. It may say yes where
// the truth is no.
func (p pattern) overlaps(q pattern) bool {
	if (p.port == nil) != (q.port == nil) {
		return false
	}
	if p.port != nil && !p.port.any() && !q.port.any() && p.port.lit != q.port.lit {
		return false
	}
	n := min(len(p.atoms), len(q.atoms))
	if len(p.atoms) > n && !q.open || len(q.atoms) > n && !p.open ||
		len(p.atoms) == len(q.atoms) && p.open != q.open {
		return false
	}
	for i := range n {
		if !p.atoms[i].overlaps(q.atoms[i]) {
			return false
		}
	}
	return true
}

func (a atom) overlaps(b atom) bool {
	switch {
	case a.any() && b.any():
		return true
	case a.any():
		return b.overlaps(a)
	case b.any():
		return len(a.lit) > len(b.pre)+len(b.post) &&
			strings.HasPrefix(a.lit, b.pre) && strings.HasSuffix(a.lit, b.post)
	case a.fold || b.fold:
		return strings.EqualFold(a.lit, b.lit)
	}
	return a.lit == b.lit
}

// contains tells whether every value of q is in p.
func (p pattern) contains(q pattern) bool {
	if (p.port == nil) != (q.port == nil) {
		return false
	}
	if p.port != nil && !p.port.any() && (q.port.any() || p.port.lit != q.port.lit) {
		return false
	}
	if len(p.atoms) > len(q.atoms) ||
		!p.open && (q.open || len(q.atoms) != len(p.atoms)) ||
		p.open && !q.open && len(q.atoms) == len(p.atoms) {
		return false
	}
	for i, a := range p.atoms {
		b := q.atoms[i]
		switch {
		case a.any() && a.pre == "" && a.post == "":
		case a.any():
			if b.any() && (b.pre != a.pre || b.post != a.post) || !b.any() && !a.overlaps(b) {
				return false
			}
		case b.any():
			return false
		case a.fold:
			if !strings.EqualFold(a.lit, b.lit) {
				return false
			}
		case b.fold || a.lit != b.lit:
			return false
		}
	}
	return true
}

// regex gives an RE2 expression, to be matched in full, for the hosts of a
// pattern. Unless ports count, a host may be followed by one.
func (p pattern) regex(portsCount bool) string {
	var parts []string
	for _, a := range p.atoms {
		switch {
		case !a.any():
			parts = append(parts, regexp.QuoteMeta(a.lit))
		case a.pre == "[":
			parts = append(parts, `\[[^\]]+\]`)
		default:
			parts = append(parts, regexp.QuoteMeta(a.pre)+`[^.:]+`+regexp.QuoteMeta(a.post))
		}
	}
	slices.Reverse(parts)
	rx := strings.Join(parts, `\.`)
	if p.open {
		rest := `[^:]+`
		if rx != "" {
			rest += `\.`
		}
		rx = rest + rx
	}
	rx = "(?i)" + rx
	switch {
	case !portsCount:
		return rx + followedBy(portsCount)
	case p.port == nil:
		return rx
	case p.port.any():
		return rx + `:[0-9]+`
	}
	return rx + ":" + regexp.QuoteMeta(p.port.lit)
}

package dtab

import "strings"

// Elem is one element of a dentry's prefix.
type Elem struct {
	// Any is the wildcard "*": exactly one segment of any content.
	Any bool
	// Label is the segment to match; it is empty for a wildcard.
	Label string
}

// Prefix is the left side of a dentry. An empty Prefix is "/" and matches every
// path.
type Prefix []Elem

// Matches tells whether the first segments of path are as prefix says.
func (prefix Prefix) Matches(path Path) bool {
	if len(prefix) > len(path) {
		return false
	}
	for i := range prefix {
		if !prefix[i].Any && prefix[i].Label != path[i] {
			return false
		}
	}
	return true
}

// String gives the canonical text.
func (prefix Prefix) String() string { return string(appendPrefix(nil, prefix)) }

// ParsePrefix reads the left side of a dentry. The error is a *SyntaxError.
func ParsePrefix(text string) (Prefix, error) {
	return whole(parser{text: text}, (*parser).prefix)
}

// Dentry is one rule: a path that starts with Prefix is replaced by Dst, to
// each leaf of which the rest of the path is appended.
type Dentry struct {
	Prefix Prefix
	Dst    Tree
	// Pos is where the rule was written.
	Pos Pos
	// Origin is the object or policy that the rule came from. Parse leaves it
	// empty; whoever puts tables together sets it.
	Origin string
}

// ParseDentry reads one rule, without ";". The error is a *SyntaxError.
func ParseDentry(src Source, text string) (Dentry, error) {
	return whole(parser{src: src, text: text}, (*parser).dentry)
}

// String gives the canonical text, "/svc=>/srv".
func (d Dentry) String() string { return string(appendDentry(nil, d)) }

// Dtab is a delegation table. Later entries win over earlier ones.
type Dtab []Dentry

// Parse reads a delegation table. A single mistake rejects the whole text, as
// with the original. Positions are told by src. The error is a *SyntaxError.
func Parse(src Source, text string) (Dtab, error) {
	p := parser{src: src, text: text}
	table, _, err := p.entries(func(int) bool { return false })
	if err != nil {
		return nil, err
	}
	return table, nil
}

// String gives the canonical text: dentries joined by ";", without blanks.
func (d Dtab) String() string {
	var b []byte
	for i, dentry := range d {
		if i > 0 {
			b = append(b, ';')
		}
		b = appendDentry(b, dentry)
	}
	return string(b)
}

// ParseTree reads the right side of a dentry. The error is a *SyntaxError.
func ParseTree(text string) (Tree, error) {
	return whole(parser{text: text}, (*parser).tree)
}

// Indented gives one line per dentry, "  /svc => /srv", for people.
func (d Dtab) Indented(indent string) string {
	var b strings.Builder
	for _, dentry := range d {
		b.WriteString(indent + dentry.Prefix.String() + " => " + dentry.Dst.String() + "\n")
	}
	return b.String()
}

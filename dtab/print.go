package dtab

import (
	"math"
	"strconv"
	"strings"
)

// String gives "~".
func (Neg) String() string { return "~" }

// String gives "$".
func (Empty) String() string { return "$" }

// String gives "!".
func (Fail) String() string { return "!" }

// String gives the path's canonical text.
func (l Leaf) String() string { return l.Path.String() }

// String gives the canonical text.
func (a Alt) String() string { return string(appendTree(nil, a, looseLevel)) }

// String gives the canonical text.
func (u Union) String() string { return string(appendTree(nil, u, looseLevel)) }

// String gives the id followed by the residual.
func (b Bound) String() string { return string(appendTree(nil, &b, looseLevel)) }

// level says what may stand somewhere in a text without parentheses.
type level int

const (
	looseLevel  level = iota // anything
	unionLevel               // anything but an alternation
	simpleLevel              // neither an alternation nor a union
)

func appendTree(b []byte, tree Tree, at level) []byte {
	switch t := tree.(type) {
	case Neg:
		return append(b, '~')
	case Empty:
		return append(b, '$')
	case Fail:
		return append(b, '!')
	case Leaf:
		return appendPath(b, t.Path)
	case *Bound:
		if len(t.ID)+len(t.Residual) == 0 {
			return append(b, '/')
		}
		for _, path := range [2]Path{t.ID, t.Residual} {
			if len(path) > 0 {
				b = appendPath(b, path)
			}
		}
		return b
	case Alt:
		return appendAlt(b, t, at)
	case Union:
		return appendUnion(b, t, at)
	}
	return b
}

func appendAlt(b []byte, alt Alt, at level) []byte {
	switch {
	case len(alt) == 0:
		return append(b, '~')
	case len(alt) == 1:
		return appendTree(b, alt[0], at)
	case at > looseLevel:
		return append(appendAlt(append(b, '('), alt, looseLevel), ')')
	}
	for i, branch := range alt {
		if i > 0 {
			b = append(b, " | "...)
		}
		b = appendTree(b, branch, unionLevel)
	}
	return b
}

func appendUnion(b []byte, union Union, at level) []byte {
	switch {
	case len(union) == 0:
		return append(b, '~')
	case len(union) == 1:
		return appendTree(b, union[0].Tree, at)
	case at > unionLevel:
		return append(appendUnion(append(b, '('), union, looseLevel), ')')
	}
	for i, branch := range union {
		if i > 0 {
			b = append(b, " & "...)
		}
		if branch.Weight != 1 {
			b = append(appendWeight(b, branch.Weight), '*')
		}
		b = appendTree(b, branch.Tree, simpleLevel)
	}
	return b
}

// appendWeight writes two decimals, rounded half up on the shortest decimal
// form of the number, as Java's %.2f does; Go's rounds the exact binary value.
func appendWeight(b []byte, weight float64) []byte {
	if math.IsInf(weight, 1) {
		return append(b, "Infinity"...)
	}
	digits := strconv.FormatFloat(weight, 'f', -1, 64)
	whole, fraction, _ := strings.Cut(digits, ".")
	if len(fraction) <= 2 {
		b = append(b, whole...)
		b = append(b, '.')
		b = append(b, fraction...)
		return append(b, "00"[:2-len(fraction)]...)
	}
	kept := []byte(whole + fraction[:2])
	if fraction[2] >= '5' {
		kept = increment(kept)
	}
	b = append(b, kept[:len(kept)-2]...)
	b = append(b, '.')
	return append(b, kept[len(kept)-2:]...)
}

// increment adds one to a decimal number.
func increment(digits []byte) []byte {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] < '9' {
			digits[i]++
			return digits
		}
		digits[i] = '0'
	}
	return append([]byte{'1'}, digits...)
}

func appendPrefix(b []byte, prefix Prefix) []byte {
	if len(prefix) == 0 {
		return append(b, '/')
	}
	for _, elem := range prefix {
		b = append(b, '/')
		if elem.Any {
			b = append(b, '*')
		} else {
			b = appendLabel(b, elem.Label)
		}
	}
	return b
}

func appendDentry(b []byte, d Dentry) []byte {
	b = appendPrefix(b, d.Prefix)
	b = append(b, "=>"...)
	return appendTree(b, d.Dst, looseLevel)
}

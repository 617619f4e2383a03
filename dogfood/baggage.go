package dogfood

import (
	"slices"
	"strconv"
	"strings"
)

// BaggageHeader is the header of W3C Baggage (https://www.w3.org/TR/baggage/),
// and baggageKey the member of it that is ours: dogfood=<id>_<id>.
const (
	BaggageHeader = "baggage"
	baggageKey    = "dogfood"
)

// Limits of the W3C text up to which everybody must pass baggage on. Beyond
// them ours is not added, and nothing passes the border.
const (
	maxBaggageMembers = 64
	maxBaggageBytes   = 8192
)

// baggageJoint stands between ids. No id holds it, and no percent-encoder
// touches it (RFC 3986 leaves it unreserved), so that it survives libraries
// that decode values and encode them again. A comma would end the member.
const baggageJoint = "_"

// Baggage is the values of all baggage headers of a request, line by line. The
// members of others are kept byte for byte by all that is done to it.
//
// The filters of package translate do the same on Envoy, in Lua: a change here
// needs one there.
type Baggage []string

// Context gives the ids of our member: of the last one if there are several, as
// libraries that keep baggage in a map have it. Properties are no part of it.
// What cannot be an id is left out, as ParseContext does.
func (b Baggage) Context() Context {
	var ids Context
	for _, line := range b {
		for element := range strings.SplitSeq(line, ",") {
			if value, ok := ownValue(element); ok {
				ids = idsIn(unescape(value), ",_")
			}
		}
	}
	return ids
}

// ownValue gives the value of a member that is ours, as it was written.
func ownValue(element string) (string, bool) {
	pair, _, _ := strings.Cut(element, ";")
	key, value, ok := strings.Cut(pair, "=")
	return trimBlanks(value), ok && trimBlanks(key) == baggageKey
}

// With gives the baggage with our member saying the context, which is not
// empty: at the end of the last line. Where that goes beyond the limits of the
// W3C text, what others wrote stays, and ours is left out: none is better than
// one that says something else.
func (b Baggage) With(c Context) Baggage {
	lines := b.without(isOwn)
	ours := baggageKey + "=" + strings.Join(c, baggageJoint)
	bytes, members := len(lines)+len(ours), 1
	for _, line := range lines {
		bytes += len(line)
		for element := range strings.SplitSeq(line, ",") {
			if trimBlanks(element) != "" {
				members++
			}
		}
	}
	switch last := len(lines) - 1; {
	case bytes > maxBaggageBytes || members > maxBaggageMembers:
	case last < 0:
		lines = Baggage{ours}
	default:
		lines[last] += "," + ours
	}
	return lines
}

// Stripped gives the baggage without what is ours or could become ours in an
// application that reads it and writes it again: at the border nothing of that
// passes, in neither direction. Nor does baggage that is TooMuch: to look through it
// takes long, and costs its sender next to nothing.
func (b Baggage) Stripped() Baggage {
	if b.TooMuch() {
		return nil
	}
	return b.without(couldBeOwn)
}

// TooMuch tells that there is more than anybody has to pass on. Empty members count.
func (b Baggage) TooMuch() bool {
	bytes, members := len(b)-1, 0
	for _, line := range b {
		bytes += len(line)
		members += strings.Count(line, ",") + 1
	}
	return bytes > maxBaggageBytes || members > maxBaggageMembers
}

// without takes members out, together with one comma each. A line that has
// nothing left is taken out.
func (b Baggage) without(ours func(element string) bool) Baggage {
	var lines Baggage
	for _, line := range b {
		elements := strings.Split(line, ",")
		before := len(elements)
		if elements = slices.DeleteFunc(elements, ours); len(elements) < before {
			line = trimBlanks(strings.Join(elements, ","))
			if strings.Trim(line, ", \t") == "" {
				continue
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func isOwn(element string) bool { return trimBlanks(keyOf(element)) == baggageKey }

// decodings is how many libraries in a row may decode a member, and not encode
// it again, before what they make of it is not seen any more.
const decodings = 4

// couldBeOwn tells a member that is ours by some reading of it: some libraries
// decode keys as well as values, take a plus for a blank and drop blanks of
// any kind; some write what they decoded as it is, so that a value with an
// encoded comma becomes two members.
func couldBeOwn(element string) bool {
	for range decodings + 1 {
		for piece := range strings.SplitSeq(element, ",") {
			key := strings.TrimFunc(keyOf(piece), func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '+' })
			if strings.EqualFold(key, baggageKey) {
				return true
			}
		}
		if !strings.Contains(element, "%") {
			break
		}
		element = unescape(element)
	}
	return false
}

func keyOf(element string) string {
	if i := strings.IndexAny(element, "=;"); i >= 0 {
		return element[:i]
	}
	return element
}

func trimBlanks(s string) string { return strings.Trim(s, " \t") }

// unescape decodes %XX and leaves alone what only looks like it.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

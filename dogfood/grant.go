package dogfood

import "slices"

// AnybodyCan tells whether a client that may send any header and cookie, and
// nothing else, can make the condition hold: what is in a request can be
// written by anybody, where it comes from and who signed a token cannot.
func AnybodyCan(c Condition) bool {
	switch c := c.(type) {
	case All:
		return !slices.ContainsFunc(c, func(member Condition) bool { return !AnybodyCan(member) })
	case Any:
		return slices.ContainsFunc(c, AnybodyCan)
	case Source, JWT:
		return false
	}
	return true // a cookie, a header, a share of those, or the lack of something
}

// Travels tells that the policy's id goes into the context of a request. One
// that only grants has nothing to say to later hops.
func (p Policy) Travels() bool { return len(p.Override) > 0 || !p.Grant }

// Exclusive tells that two conditions never hold for one request, as far as
// that shows: both want one header or cookie to be exactly something else, or
// one wants what the other wants not to be.
func Exclusive(a, b Condition) bool {
	for _, x := range wants(a) {
		for _, y := range wants(b) {
			if not, ok := x.(Not); ok && not.Condition.String() == y.String() {
				return true
			}
			if not, ok := y.(Not); ok && not.Condition.String() == x.String() {
				return true
			}
			nameX, isX, okX := exactly(x)
			nameY, isY, okY := exactly(y)
			if okX && okY && nameX == nameY && isX != isY {
				return true
			}
		}
	}
	return false
}

// wants gives the parts of a condition that all must hold.
func wants(c Condition) []Condition {
	all, ok := c.(All)
	if !ok {
		return []Condition{c}
	}
	var parts []Condition
	for _, member := range all {
		parts = append(parts, wants(member)...)
	}
	return parts
}

func exactly(c Condition) (name, value string, ok bool) {
	switch c := c.(type) {
	case Cookie:
		return "cookie " + c.Name, c.Is.Want, c.Is.Op == OpExact && !c.Is.IgnoreCase
	case Header:
		return "header " + c.Name, c.Is.Want, c.Is.Op == OpExact && !c.Is.IgnoreCase
	}
	return "", "", false
}

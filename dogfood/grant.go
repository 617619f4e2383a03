package dogfood

import "slices"

// anybodyCan tells whether a client that may send any header and cookie, and
// nothing else, can make the condition hold: what is in a request can be
// written by anybody, where it comes from and who signed a token cannot.
func anybodyCan(c Condition) bool {
	switch c := c.(type) {
	case All:
		return !slices.ContainsFunc(c, func(member Condition) bool { return !anybodyCan(member) })
	case Any:
		return slices.ContainsFunc(c, anybodyCan)
	case Source, JWT:
		return false
	}
	return true // a cookie, a header, a share of those, or the lack of something
}

// Travels tells that the policy's id goes into the context of a request. One
// that only grants has nothing to say to later hops.
func (p Policy) Travels() bool { return len(p.Override) > 0 || !p.Grant }

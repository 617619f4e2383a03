package dogfood

import "slices"

// Carried is what a request has of the two carriers of the decision: the values
// of the header l5d-ctx-dogfood, and of the header baggage.
type Carried struct {
	Header  []string
	Baggage Baggage
}

// Context gives the ids by which a router that trusts its callers routes: those
// of l5d-ctx-dogfood, and of baggage where that holds no id at all. So if the
// two disagree, l5d-ctx-dogfood wins.
func (c Carried) Context() Context {
	if ids := ParseContext(c.Header); len(ids) > 0 {
		return ids
	}
	return c.Baggage.Context()
}

// Read gives the carriers as routes see them: with the header written from
// baggage if it said nothing.
func (c Carried) Read() Carried {
	if len(ParseContext(c.Header)) == 0 {
		if ids := c.Baggage.Context(); len(ids) > 0 {
			c.Header = []string{ids.String()}
		}
	}
	return c
}

// Passed gives the carriers as they are sent on. Baggage says the decision if
// it is to carry it; and where it has a member of ours that says something
// else, that is made to agree, so that no service later on takes the other one.
// The header goes if it is not to carry the decision.
func (c Carried) Passed(header, baggage bool) Carried {
	out := c.Read()
	ids := ParseContext(out.Header)
	in := c.Baggage.Context()
	if len(ids) > 0 && (baggage || len(in) > 0) && !slices.Equal(ids, in) {
		out.Baggage = c.Baggage.With(ids)
	}
	if !header {
		out.Header = nil
	}
	return out
}

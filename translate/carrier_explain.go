package translate

import (
	"maps"
	"slices"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
)

// carriersOf gives what a request has of the carriers of the decision.
func carriersOf(req Request) dogfood.Carried {
	return dogfood.Carried{Header: req.Header[headerDogfood], Baggage: req.Header[dogfood.BaggageHeader]}
}

// readCarriers gives a request of somebody inside as it is routed: the decision
// stands in the header, whichever carrier brought it.
func (m *Model) readCarriers(r *router, req Request, x *Explanation) Request {
	in := carriersOf(req)
	if !m.readsBaggage() {
		if len(in.Baggage.Context()) > 0 {
			x.Notes = append(x.Notes, "the member dogfood of baggage does not count: no Router has baggage among its carriers")
		}
		in.Baggage = nil
	}
	x.Context = in.Context()
	switch member := in.Baggage.Context(); {
	case len(member) == 0:
	case len(dogfood.ParseContext(in.Header)) == 0:
		x.Notes = append(x.Notes, "the context comes from the member dogfood of baggage")
	case !slices.Equal(member, x.Context):
		x.Notes = append(x.Notes, "baggage says dogfood="+member.String()+"; the header "+headerDogfood+" wins")
	}
	r.passOn(in, x)
	return withHeader(req, headerDogfood, in.Read().Header)
}

// passOn says in which form the context leaves.
func (r *router) passOn(in dogfood.Carried, x *Explanation) {
	if len(x.Context) == 0 {
		return
	}
	out := in.Passed(r.carries(v1alpha1.CarrierL5dCtx), r.carries(v1alpha1.CarrierBaggage))
	x.PassedOn = map[string][]string{}
	if len(out.Header) > 0 {
		x.PassedOn[headerDogfood] = out.Header
	}
	if len(out.Baggage) > 0 {
		x.PassedOn[dogfood.BaggageHeader] = out.Baggage
	}
}

// strip gives a request from outside without our member of baggage.
func (r *router) strip(req Request, x *Explanation) Request {
	lines := req.Header[dogfood.BaggageHeader]
	kept := dogfood.Baggage(lines).Stripped()
	switch {
	case dogfood.Baggage(lines).TooMuch():
		x.Notes = append(x.Notes, "baggage is removed: it has more than 64 members or 8192 bytes, and the router is untrusted")
	case !slices.Equal(lines, []string(kept)):
		x.Notes = append(x.Notes, "the member dogfood of baggage is removed: the router is untrusted")
	}
	return withHeader(req, dogfood.BaggageHeader, kept)
}

// withHeader gives the request with other values of a header; without values
// the header is not there.
func withHeader(req Request, name string, values []string) Request {
	req.Header = maps.Clone(req.Header)
	if req.Header == nil {
		req.Header = map[string][]string{}
	}
	if delete(req.Header, name); len(values) > 0 {
		req.Header[name] = values
	}
	return req
}

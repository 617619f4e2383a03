package publish

import (
	"slices"
	"strings"
	"time"

	"kibble.dev/translate"
)

// All gives what the proxy has of a type once it accepts this response, which
// must be the newest of Next, sorted by name: what a response in state of the
// world says of a type of which every response is complete.
func (p *Proxy) All(r *Response) []*translate.Resource {
	if r.whole != nil {
		return r.whole
	}
	k := p.kinds[r.Type]
	all := make(byName, k.has.size+len(r.Resources))
	for name, res := range k.has.all() {
		if res.Body != nil {
			all[name] = res
		}
	}
	for _, sent := range k.flights { // r is the last of them
		for _, f := range sent.items {
			if f.res == nil {
				delete(all, f.name)
			} else {
				all[f.name] = f.res
			}
		}
	}
	out := make([]*translate.Resource, 0, len(all))
	for _, name := range unionKeys(all, nil) {
		out = append(out, all[name])
	}
	return out
}

// settleWhole takes an accepted response that is complete at its word: also of
// what was not the reason to send it the proxy has exactly what it says. So
// what came back in it, after a refusal, need not be sent once more.
func (p *Proxy) settleWhole(now time.Time, k *kind, r *Response) {
	if r.whole == nil {
		return
	}
	for name, it := range k.open {
		if it.flying > 0 || r.holds(name) {
			continue
		}
		i, there := slices.BinarySearchFunc(r.whole, name, byNameOf)
		switch {
		case !there && k.has.get(name) == nil:
		case there && equal(r.whole[i], k.has.get(name)):
			it.again = false
		default:
			continue // another answer came in between
		}
		if it.trouble != nil {
			it.trouble.maybe = nil
		}
		p.refreshType(now, k.typ, name)
		p.settled(k, name, it)
	}
}

func byNameOf(r *translate.Resource, name string) int { return strings.Compare(r.Name, name) }

// holds says that a response is about a name.
func (r *Response) holds(name string) bool {
	_, found := slices.BinarySearchFunc(r.items, name, func(f flown, name string) int { return strings.Compare(f.name, name) })
	return found
}

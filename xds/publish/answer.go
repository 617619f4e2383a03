package publish

import (
	"slices"
	"time"

	"kibble.dev/translate"
)

// Refusal is a version that a proxy refused, or is not given because of a refusal.
type Refusal struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Words are the proxy's own, cut to a bound.
	Words string `json:"words"`
	// Source is the resource's.
	Source string    `json:"source,omitempty"`
	Since  time.Time `json:"since"`
	// Elsewhere says that not this proxy refused it, but another one, or an Envoy
	// on which it was tried.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// badBound is how many refused versions of a name are remembered while it is
// not settled.
const badBound = 8

// wordsBound is how many bytes of a proxy's words are kept.
const wordsBound = 2 << 10

// cut bounds a proxy's words.
func cut(words string) string { return words[:min(len(words), wordsBound)] }

// Ack tells that the proxy accepted the response of a nonce. It gives the
// response, nil if the nonce is not known.
func (p *Proxy) Ack(now time.Time, typ, nonce string) *Response {
	k := p.hear(typ)
	if k == nil {
		return nil
	}
	before, r := k.take(nonce)
	if r == nil {
		return p.ackLate(now, k, nonce)
	}
	for _, b := range append(before, r) {
		p.settle(now, k, b, false)
	}
	p.settleWhole(now, k, r)
	p.moveOn(now)
	return r
}

// ackLate tells that the proxy accepted a response that was taken for accepted
// already: now others may rely on it.
func (p *Proxy) ackLate(now time.Time, k *kind, nonce string) *Response {
	r := k.takeLate(nonce)
	if r == nil {
		return nil
	}
	for _, f := range r.items {
		if f.res != nil && f.res.Version != standIn {
			want, scope := p.look(k.typ, f.name)
			p.accepted(now, key{k.typ, f.name, scope}, f.res, want)
		}
	}
	return r
}

// Nack tells that the proxy refused the response of a nonce, in its words. It
// gives the response, nil if the nonce is not known.
func (p *Proxy) Nack(now time.Time, typ, nonce, words string) *Response {
	k := p.hear(typ)
	if k == nil {
		return nil
	}
	before, r := k.take(nonce)
	for _, b := range before {
		p.settle(now, k, b, false)
	}
	if r != nil {
		p.land(k, r)
	} else if r = k.takeLate(nonce); r != nil {
		p.unassume(now, k, r)
	} else {
		return nil
	}
	p.reject(now, k, r, words)
	p.moveOn(now)
	return r
}

func (p *Proxy) hear(typ string) *kind {
	p.answers++
	k := p.kinds[typ]
	if k != nil {
		k.silent = time.Time{}
		p.mark()
	}
	return k
}

// land ends the flight of a response.
func (p *Proxy) land(k *kind, r *Response) {
	for _, f := range r.items {
		if it := k.open[f.name]; it != nil {
			it.flying--
		}
	}
}

// settle takes the response's content for what the proxy has; assumed when
// that is not by its own word.
func (p *Proxy) settle(now time.Time, k *kind, r *Response, assumed bool) {
	p.land(k, r)
	for i := range r.items {
		p.settleName(now, k, r, &r.items[i], assumed)
	}
	switch {
	case k.typ == translate.VirtualHostType && p.tablesWait:
		p.tablesWait, p.woken = false, true
	case k.typ == translate.ListenerType:
		p.woken = true // an address may be free now: see makeWay
	}
}

// settleName is settle for one name.
func (p *Proxy) settleName(now time.Time, k *kind, r *Response, f *flown, assumed bool) {
	it := k.item(now, f.name)
	want, scope := p.look(k.typ, f.name)
	if f.res != nil && f.res.Version != standIn && !assumed {
		p.accepted(now, key{k.typ, f.name, scope}, f.res, want)
	}
	switch {
	case f.undone:
		// It was accepted, but taken back since: it goes alone the next time.
		it.own().slow = f.res.Version
		k.look(now, f.name)
		return
	case !k.subscribed(f.name):
	case f.res != nil && f.lost:
		it.mayBe(f.res)
		k.look(now, f.name).again = true
		return
	case f.res == nil:
		f.prev = k.has.get(f.name)
		k.has.drop(f.name)
		if e := p.kinds[translate.EndpointType]; k.typ == translate.ClusterType && e.subscribed(f.name) {
			e.look(now, f.name) // they went with their cluster
		}
	default:
		old := k.has.get(f.name)
		f.prev = old
		k.has.set(f.name, f.res)
		p.woken = p.woken || old != nil && old.Body == nil // see cannotWarm
	}
	if t := it.trouble; t != nil {
		if t.maybe = nil; !r.undo {
			t.slow = ""
		}
		if f.res != nil && !assumed {
			t.took(f.res.Version)
		}
	}
	if !equal(k.has.get(f.name), want) {
		k.look(now, f.name)
	}
	if !assumed && mayHelp(k.typ, f.prev, f.res) {
		p.retry(now, true)
	}
	p.refreshType(now, k.typ, f.name)
	p.settled(k, f.name, it)
}

// unassume takes back that the proxy has what a response brought. What later ones
// came after is then what was there before: else one of them that is refused too
// would bring back what this one was refused for.
func (p *Proxy) unassume(now time.Time, k *kind, r *Response) {
	for _, f := range r.items {
		for _, later := range k.late {
			for i := range later.items {
				if l := &later.items[i]; l.name == f.name && l.prev != nil && l.prev == f.res {
					l.prev = f.prev
				}
			}
		}
		if k.has.get(f.name) == f.res && k.subscribed(f.name) {
			if f.prev == nil {
				k.has.drop(f.name)
			} else {
				k.has.set(f.name, f.prev)
			}
			k.look(now, f.name)
			p.refreshType(now, k.typ, f.name)
		}
	}
}

// unassumeOne takes back that the proxy has a version that it now refuses, and
// that an unanswered response had brought before.
func (p *Proxy) unassumeOne(now time.Time, k *kind, f flown) {
	k.has.drop(f.name)
	for _, r := range k.late {
		for _, i := range r.items {
			if i.name == f.name && equal(i.res, f.res) && i.prev != nil && !equal(i.prev, f.res) {
				k.has.set(f.name, i.prev)
			}
		}
	}
	p.refreshType(now, k.typ, f.name)
}

// reject finds whom a refusal is about. Everything else of the response is
// sent again, because none of it counts as there.
func (p *Proxy) reject(now time.Time, k *kind, r *Response, words string) {
	p.woken = p.woken || k.typ == translate.ListenerType || k.typ == translate.VirtualHostType && p.tablesWait
	var suspects []flown
	for _, f := range r.items {
		it := k.look(now, f.name)
		// The answer to a later response that brings the name anew will tell.
		it.again = it.again || it.flying == 0 || k.typ == translate.ClusterType
		if f.res != nil {
			suspects = append(suspects, f)
			if k.typ == translate.VirtualHostType && k.has.get(f.name) == nil {
				p.holdIf(now, f.name, true, true) // until it is tried again
			}
			if !slices.Contains(it.rare().maybe, f.res) {
				it.mayBe(f.res)
			}
		}
	}
	for _, f := range r.items {
		switch {
		case f.res != nil || !k.subscribed(f.name):
		case len(suspects) == 0: // a removal cannot be refused
			k.has.drop(f.name)
		case k.has.get(f.name) == nil:
			k.open[f.name].asked = true
		default: // it may have been removed, or not
			it := k.open[f.name]
			it.mayBe(k.has.get(f.name))
			k.has.drop(f.name)
		}
		p.refreshType(now, k.typ, f.name)
	}
	if r.undo {
		return
	}
	culprits := blamed(words, suspects)
	if len(suspects) == 1 && !r.mixed {
		culprits = suspects
	}
	if len(culprits) > 0 {
		for _, f := range culprits {
			p.refuse(now, k, f, words)
		}
		return
	}
	k.trials = append(halves(words, suspects), k.trials...)
}

// halves splits what was refused in company: what the words mention from the
// rest, or else in the middle.
func halves(words string, suspects []flown) [][]string {
	var a, b []string
	for _, f := range suspects {
		if mentions(words, f.name) {
			a = append(a, f.name)
		} else {
			b = append(b, f.name)
		}
	}
	if len(a) == 0 || len(b) == 0 {
		all := slices.Concat(a, b)
		a, b = all[:len(all)/2], all[len(all)/2:]
	}
	return slices.DeleteFunc([][]string{a, b}, func(g []string) bool { return len(g) == 0 })
}

// refuse keeps a version from the proxy, and has it get back what it accepted last.
func (p *Proxy) refuse(now time.Time, k *kind, f flown, words string) {
	it := k.look(now, f.name)
	if equal(k.has.get(f.name), f.res) {
		p.unassumeOne(now, k, f)
	}
	t := it.own()
	t.maybe = slices.DeleteFunc(t.maybe, func(r *translate.Resource) bool { return equal(r, f.res) })
	if len(t.maybe) == 0 {
		t.maybe = nil
	}
	if t.bad = append(t.bad, f.res.Version); len(t.bad) > badBound {
		t.bad = t.bad[1:]
	}
	t.refusedAgain(now, f.res.Version)
	t.refused = &Refusal{Name: f.name, Version: f.res.Version, Words: cut(words), Source: f.res.Source, Since: now}
	want, scope := p.look(k.typ, f.name)
	if equal(want, f.res) && p.class.memory.refuse(key{k.typ, f.name, scope}, refusal{Refusal: *t.refused}) {
		p.class.touch(now, k.typ, f.name) // others that wait for it may take older content
	}
	t.slow = ""
	switch k.typ {
	case translate.ListenerType:
		p.lookAtRefused(now, k)
	case translate.ClusterType:
		p.woken = true // see inVain
	}
	if k.typ == translate.VirtualHostType && domain(f.name) == everyHost {
		p.needAll(now, translate.TableOf(f.name))
	}
}

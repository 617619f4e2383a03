package publish

import (
	"slices"
	"strings"
	"time"

	"kibble.dev/translate"
)

// Response is what a proxy is to be sent next of one type. It must not be changed.
type Response struct {
	Type string
	// Resources are those that are new or changed, sorted by name. They come
	// first; no name is in both lists.
	Resources []*translate.Resource
	// Removed are names that the proxy is to give up, or that it asked for and
	// that are not there; sorted.
	Removed []string

	nonce   string
	sent    time.Time
	answers int // the proxy's until then
	items   []flown
	// undo says that the response takes back unanswered clusters; undone that
	// it was taken back; slow that its clusters were once accepted, but late.
	undo, undone, slow bool
	// mixed says that it also holds what an unanswered one before it brought.
	mixed bool
	// whole is all that the response says, where it is complete.
	whole []*translate.Resource
}

// flown is a name in a response.
type flown struct {
	name string
	res  *translate.Resource // nil for a removal
	prev *translate.Resource // what the proxy had, once the response is given up
	// undone says that it was taken back before it was answered; lost that the
	// proxy may have dropped it, because it did not have its table.
	undone, lost bool
}

// Next gives the next response of a type, nil if there is nothing to say now.
// It counts as sent: it must be sent, after all that were given before it and
// with what Sent names, or handed back to Unsent.
func (p *Proxy) Next(now time.Time, typ string) *Response {
	k := p.kinds[typ]
	if k == nil || p.class.target == nil || p.waits {
		return nil
	}
	if len(k.takeBack) > 0 {
		return p.undo(now, k)
	}
	if len(k.queue) == 0 && len(k.trials) == 0 && !k.greet && !p.woken {
		return nil
	}
	if typ == translate.ClusterType {
		p.reviewRetiring(now)
	}
	for p.mayGo(k) {
		batch, trial := k.batch()
		r := &Response{Type: typ, sent: now, answers: p.answers}
		switch typ {
		case translate.VirtualHostType:
			p.arrange(now, k, batch)
		case translate.ListenerType:
			p.removedFirst(k, batch)
		}
		for _, name := range batch {
			if it := k.open[name]; it != nil {
				p.put(now, k, r, name, it, len(batch))
			}
		}
		switch {
		case len(r.items) > 0:
			k.greet = false
			r.sort()
			p.warmAll(now, k)
			r.mixed = p.full && (k.waiting() || !k.silent.IsZero())
			k.flights = append(k.flights, r)
			if p.full && fullState(typ) {
				r.whole = p.All(r)
			}
			return r
		case len(k.trials) > 0 || trial:
		case p.woken && typ == translate.VirtualHostType:
			p.moveOn(now) // one that others wait for is no longer waited for
		case k.greet && !p.heldBack(k) && !p.class.gone && !p.class.provisional:
			k.greet = false
			k.flights = append(k.flights, r)
			return r
		default:
			return nil
		}
	}
	return nil
}

// mayGo says whether one more unanswered response of the type is allowed.
func (p *Proxy) mayGo(k *kind) bool {
	switch {
	case !k.waiting():
		return true
	case !k.silent.IsZero():
		return true
	case len(k.trials) > 0:
		return false
	}
	return k.typ == translate.EndpointType && !p.full && len(k.flights) < p.class.opts.Window
}

// batch takes the names of the next response: a group on trial, else all that
// are queued.
func (k *kind) batch() (names []string, trial bool) {
	if trial = len(k.trials) > 0; trial {
		names, k.trials = k.trials[0], k.trials[1:]
	} else {
		names, k.queue = k.queue, nil
		for _, name := range names {
			if it := k.open[name]; it != nil {
				it.queued = false
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), trial
}

// put decides about a name, one of a batch, and adds it to the response.
func (p *Proxy) put(now time.Time, k *kind, r *Response, name string, it *item, batch int) {
	act, res := p.decide(now, k, name, it)
	switch act {
	case nothing:
		p.settled(k, name, it)
		return
	case give:
		_, scope := p.look(k.typ, name)
		suspect := p.class.memory.bad(key{k.typ, name, scope}, res.Version)
		late := it.rare().slow
		slow := late == res.Version && late != ""
		if batch > 1 && (suspect || slow || goesAlone(k.typ)) {
			k.trials = append(k.trials, []string{name})
			return
		}
		if r.Resources == nil {
			r.Resources = make([]*translate.Resource, 0, batch)
		}
		r.Resources = append(r.Resources, res)
		r.slow = slow
		if k.typ == translate.ClusterType {
			p.warmAgain(now, name)
		}
	case remove:
		if p.full && !fullState(k.typ) { // there is no way to tell
			p.forget(now, k, name)
			return
		}
		r.Removed = append(r.Removed, name)
	}
	it.again, it.asked = false, false
	if r.items == nil {
		r.items = make([]flown, 0, batch)
	}
	r.items = append(r.items, flown{name: name, res: res})
	it.sent = res
	it.flying++
	p.refreshType(now, k.typ, name)
}

// goesAlone says that a refusal must leave no doubt whom it is about. Envoy 1.40 takes an
// extension that it has refused for the one that it has, and accepts it without using it
// when it is given it again: so it cannot be asked a second time which of several it was.
func goesAlone(typ string) bool { return typ == translate.ExtensionType }

// warmAgain sends the endpoints of a cluster after the cluster: Envoy makes a
// changed cluster anew and waits for its endpoints, without asking for them.
func (p *Proxy) warmAgain(now time.Time, name string) {
	k := p.kinds[translate.EndpointType]
	switch {
	case k == nil:
		p.rewarm[name] = struct{}{}
	case k.subscribed(name):
		k.look(now, name).again = true
		p.mark()
	}
}

// warmAll is warmAgain for those clusters of a complete response that are in
// it unchanged, but which the proxy may have changed when it refused a response.
func (p *Proxy) warmAll(now time.Time, k *kind) {
	if !p.full || k.typ != translate.ClusterType {
		return
	}
	for name, it := range k.open {
		if it.rare().maybe != nil {
			p.warmAgain(now, name)
		}
	}
}

// settled closes a name that needs nothing any more.
func (p *Proxy) settled(k *kind, name string, it *item) {
	if it.flying > 0 || it.queued || it.missing != nil {
		return
	}
	want, _ := p.look(k.typ, name)
	t := it.rare()
	if t.refused != nil && (want == nil || t.refused.Version != want.Version) {
		it.trouble.refused, t.refused = nil, nil
	}
	if !k.subscribed(name) || t.refused == nil && t.maybe == nil && equal(k.has.get(name), want) {
		k.close(name)
		if want == nil && k.typ == translate.ClusterType {
			delete(p.retiring, name)
			delete(p.extra, name)
		}
		if want == nil {
			p.unwant(k, name)
		}
	}
}

// sort puts what was decided about in another order back into that of names.
func (r *Response) sort() {
	slices.SortFunc(r.Resources, func(a, b *translate.Resource) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(r.Removed)
	slices.SortFunc(r.items, func(a, b flown) int { return strings.Compare(a.name, b.name) })
}

// heldBack says that something of the type is there for the proxy but may not be
// given yet, so that the answer "nothing" would be wrong.
func (p *Proxy) heldBack(k *kind) bool {
	if k.typ == translate.VirtualHostType && p.awaitsTables() {
		return true
	}
	for _, it := range k.open {
		if it.missing != nil {
			return true
		}
	}
	return false
}

// undo takes back clusters that stay unanswered.
func (p *Proxy) undo(now time.Time, k *kind) *Response {
	r := &Response{Type: k.typ, sent: now, answers: p.answers, undo: true}
	slices.Sort(k.takeBack)
	for _, name := range slices.Compact(k.takeBack) {
		p.upgrade(now, k, name)
		it, has := k.open[name], k.has.get(name)
		if it == nil || has != nil && has.Body == nil {
			continue
		}
		k.markUndone(name)
		if has == nil {
			r.Removed = append(r.Removed, name)
		} else {
			r.Resources = append(r.Resources, has)
			p.warmAgain(now, name)
		}
		r.items = append(r.items, flown{name: name, res: has})
		it.sent = has
		it.flying++
		p.refreshType(now, k.typ, name)
	}
	k.takeBack = nil
	if len(r.items) == 0 {
		return nil
	}
	k.flights = append(k.flights, r)
	return r
}

func (k *kind) markUndone(name string) {
	for _, r := range k.flights {
		for i := range r.items {
			if f := &r.items[i]; f.name == name && f.res != nil {
				f.undone = true
			}
		}
	}
}

// Sent tells the nonce that a response was sent with.
func (p *Proxy) Sent(r *Response, nonce string) { r.nonce = nonce }

// Unsent hands back a response that was not sent.
func (p *Proxy) Unsent(now time.Time, r *Response) {
	k := p.kinds[r.Type]
	i := slices.Index(k.flights, r)
	if i < 0 {
		return
	}
	k.flights = slices.Delete(k.flights, i, i+1)
	k.greet = k.greet || len(r.items) == 0
	for _, f := range r.items {
		it := k.look(now, f.name)
		it.flying--
		it.again = it.again || equal(k.has.get(f.name), f.res)
		it.asked = it.asked || f.res == nil || f.res.Version == standIn
	}
	p.mark()
}

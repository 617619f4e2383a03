package publish

import (
	"slices"
	"time"

	"kibble.dev/translate"
)

// A listener may be refused for what is not in it: a port that somebody else has.
// Nobody tells when that is free, and Envoy does not try again. So who refused one
// is given it again after a while, ever more rarely, and when another listener left
// its place. That costs the others nothing: a listener that was refused goes alone.

// firstRetry is how long it takes until the first time, lastRetry the longest
// from one time to the next, and otherRetry how long it takes until a proxy tries
// what was refused by others that are no longer there.
const (
	firstRetry = time.Minute
	lastRetry  = 16 * time.Minute
	otherRetry = 5 * time.Minute
)

// refusedAgain notes that a version of a listener was refused.
func (t *trouble) refusedAgain(now time.Time, version string) {
	if t.refused == nil || t.refused.Version != version {
		t.tries = 0
	}
	t.next = now.Add(min(firstRetry<<min(t.tries, 10), lastRetry))
	t.tries++
	t.once = ""
}

// retry has the proxy given again the listeners that it refused and that are
// still wanted so: those whose time has come, or all of them.
func (p *Proxy) retry(now time.Time, all bool) {
	k := p.kinds[translate.ListenerType]
	if k == nil {
		return
	}
	for name, it := range k.open {
		if t := it.trouble; t != nil && t.refused != nil && (all || !now.Before(t.next)) {
			p.tryOnce(now, k, name, t.refused.Version)
		}
	}
}

// mayHelp says that what a proxy took now may be why it refused a listener before.
func mayHelp(typ string, was, is *translate.Resource) bool {
	return typ == translate.ListenerType && was != nil && (is == nil || !slices.Equal(was.Binds, is.Binds))
}

// tryOnce has the proxy given a refused version of a listener again, if that is
// what is wanted and not known to be bad whatever is around it.
func (p *Proxy) tryOnce(now time.Time, k *kind, name, version string) {
	want, scope := p.look(k.typ, name)
	if want == nil || want.Version != version || p.class.memory.hopeless(key{k.typ, name, scope}, version) {
		return
	}
	k.look(now, name).own().once = version
	p.mark()
}

// triesAgain says that what the proxy is to have of a listener was refused before.
func (p *Proxy) triesAgain(k *kind, name string) bool {
	want, _ := p.look(k.typ, name)
	it := k.open[name]
	return want != nil && it != nil && it.rare().once == want.Version
}

// retryOthers has one proxy try a listener that is refused by none of those that
// are connected: by one that has left, or in the time of an earlier control plane.
func (c *Class) retryOthers(now time.Time) {
	for id, r := range c.memory.refused {
		if id.typ != translate.ListenerType || r.certain {
			continue
		}
		switch {
		case r.next.IsZero():
			r.next = now.Add(otherRetry)
		case now.Before(r.next):
			continue
		default:
			r.next = now.Add(otherRetry)
			c.tryAnywhere(now, id, r.Version)
		}
		c.memory.refused[id] = r
	}
}

func (c *Class) tryAnywhere(now time.Time, id key, version string) {
	var first *Proxy
	for p := range c.proxies {
		k := p.kinds[id.typ]
		if k == nil || k.open[id.name] == nil {
			continue
		}
		if r := k.open[id.name].rare().refused; r != nil && r.Version == version {
			return // it tries by itself
		}
		if _, scope := p.look(id.typ, id.name); scope == id.scope && (first == nil || p.serial < first.serial) {
			first = p
		}
	}
	if first != nil {
		first.tryOnce(now, first.kinds[id.typ], id.name, version)
	}
}

// took notes that the proxy accepted a version that it had refused before.
func (t *trouble) took(version string) {
	if t.refused != nil && t.refused.Version == version {
		t.refused, t.once, t.tries = nil, "", 0
		t.bad = slices.DeleteFunc(t.bad, func(v string) bool { return v == version })
	}
}

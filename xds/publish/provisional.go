package publish

import (
	"time"

	"kibble.dev/translate"
)

// Provisional sets what the class's proxies were to have at an earlier time,
// until the first Publish says what they are to have now. Proxies may have been
// told newer things since, by whoever was there. So what a proxy has is let be,
// whatever it is: nothing is replaced and nothing removed. A proxy that begins
// anew is given all; one that comes back is given what it asks for by name and
// lacks, and in state of the world, where it cannot say what it has, nothing.
// After a Publish it has no effect.
func (c *Class) Provisional(now time.Time, snap *translate.ClassSnapshot) {
	if c.Waits() && snap != nil {
		c.provisional = true
		c.retarget(now, &target{snap: snap})
	}
}

// Waits says that there was no Publish yet.
func (c *Class) Waits() bool { return c.target == nil || c.provisional }

// letBe says that a name is none that a class of an earlier time may tell the
// proxy about.
func (p *Proxy) letBe(k *kind, name string) bool {
	t := p.class.target
	if t.extra != nil && t.extra.Resources[k.typ][name] != nil {
		return false // somebody needs it now
	}
	want, _ := p.look(k.typ, name)
	cur := k.given(name)
	switch {
	case want == nil:
		return true
	case cur != nil:
		return !equal(cur, want) || !equal(k.has.get(name), cur)
	case p.returning && p.full:
		return true
	case k.typ == translate.VirtualHostType: // which is asked for with its table
		return p.returning && k.someOf(p.class.tables.hosts[translate.TableOf(name)])
	}
	return p.returning && !k.names.has(name)
}

// catchUp has the proxy look at all that was let be.
func (p *Proxy) catchUp(now time.Time) {
	for _, k := range p.kinds {
		for name := range k.names.all() {
			if k.given(name) == nil {
				k.look(now, name).asked = true
			}
		}
	}
	p.lookAgain(now)
}

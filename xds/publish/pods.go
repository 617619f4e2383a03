package publish

import (
	"time"

	"kibble.dev/translate"
)

// Listeners at pods are wanted at a place for as long as a proxy is there. What
// was tried of them is a sample: see translate.SamplePod.

// comeToPod notes that a proxy is at a place. What is known to be bad of listeners
// at pods is bad there.
func (c *Class) comeToPod(now time.Time, s translate.Scope) {
	if c.target == nil {
		return
	}
	for name, at := range c.target.snap.AtPods {
		is := at.At(s)
		if is == nil {
			continue
		}
		id := key{translate.ListenerType, name, s}
		c.memory.changed(now, id, is)
		if r, ok := c.memory.refused[key{translate.ListenerType, name, translate.SampleOf(s)}]; ok && r.certain {
			c.refuse(now, id, is, r.Words)
		}
	}
}

// leavePod notes that a proxy is no longer at a place.
func (c *Class) leavePod(now time.Time, s translate.Scope) {
	if c.target == nil || len(c.demand.at[s]) > 0 {
		return
	}
	for name, at := range c.target.snap.AtPods {
		if at.At(s) != nil {
			c.memory.changed(now, key{translate.ListenerType, name, s}, nil)
			at.Forget(s)
		}
	}
}

// refuseAtPods says that the listeners of all pods are bad that are like a sample.
func (c *Class) refuseAtPods(now time.Time, v Version, words string) {
	at := c.target.snap.AtPods[v.Name]
	if v.Type != translate.ListenerType || at == nil {
		return
	}
	for s := range c.demand.at {
		if r := at.At(s); r != nil && translate.SampleOf(s) == v.Scope {
			c.refuse(now, key{v.Type, v.Name, s}, r, words)
		}
	}
}

// placesOf are the scopes at which a listener at pods is looked at: where proxies
// are, and where there are samples of it.
func (c *Class) placesOf(name string, targets ...*target) map[translate.Scope]bool {
	all := map[translate.Scope]bool{}
	for s := range c.demand.at {
		all[s] = true
	}
	for _, t := range targets {
		if at := t.snap.AtPods[name]; at != nil {
			for _, s := range at.Samples() {
				all[s] = true
			}
		}
	}
	return all
}

// diffPods calls f with the name of each listener at pods that is another now.
func diffPods(was, is map[string]*translate.PodListener, f func(name string)) {
	for _, name := range unionKeys(was, is) {
		if was[name] != is[name] {
			f(name)
		}
	}
}

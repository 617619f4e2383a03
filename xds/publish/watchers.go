package publish

import (
	"cmp"
	"slices"
)

// watchers are the proxies that asked for resources of one type.
type watchers struct {
	*index
	kinds int // proxies that asked for the type, if only once
	wild  map[*Proxy]struct{}
	named [][]*Proxy // by the number of the name, in the order of their connecting
}

func (c *Class) watchersOf(typ string) *watchers {
	w := c.watch[typ]
	if w == nil {
		w = &watchers{index: newIndex(), wild: map[*Proxy]struct{}{}}
		c.watch[typ] = w
	}
	return w
}

// leave forgets a proxy that asked for the type.
func (c *Class) leave(k *kind, p *Proxy) {
	w := c.watch[k.typ]
	delete(w.wild, p)
	for name := range k.names.all() {
		w.drop(name, p)
	}
	k.names.clear()
	k.has.clear()
	if w.kinds--; w.kinds == 0 {
		delete(c.watch, k.typ)
	}
}

// asking gives the proxies that asked for a name. The list must not be changed.
func (w *watchers) asking(name string) []*Proxy {
	if n := w.find(name); n >= 0 && n < len(w.named) {
		return w.named[n]
	}
	return nil
}

// add notes that a proxy asked for a name, which it holds.
func (w *watchers) add(name string, p *Proxy) {
	n := w.find(name)
	for n >= len(w.named) {
		w.named = append(w.named, nil)
	}
	if at, there := place(w.named[n], p); !there {
		w.named[n] = slices.Insert(w.named[n], at, p)
	}
}

// drop takes that back, while the proxy still holds the name.
func (w *watchers) drop(name string, p *Proxy) {
	n := w.find(name)
	if n < 0 || n >= len(w.named) {
		return
	}
	if at, there := place(w.named[n], p); there {
		w.named[n] = slices.Delete(w.named[n], at, at+1)
	}
	if len(w.named[n]) == 0 {
		w.named[n] = nil
	}
}

func place(all []*Proxy, p *Proxy) (at int, there bool) {
	return slices.BinarySearchFunc(all, p, func(a, b *Proxy) int { return cmp.Compare(a.serial, b.serial) })
}

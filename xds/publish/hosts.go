package publish

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"kibble.dev/translate"
)

// Virtual hosts of one table depend on each other, because a request goes to the
// narrowest domain that it fits: it must never get to a wider one only because
// the narrower is not there yet, or no longer. So, of each table:
//
//   - The first hosts wait for each other: Envoy opens a listener when it has some.
//   - A host whose domain has a wildcard is added, changed or removed together
//     with the new hosts within that domain, or after them.
//   - A host is removed together with changes of the hosts around it, or after them.
//
// Nothing waits for a host that has waited for clusters for Options.AckLimit, or
// that the proxy refuses, or that waits for a cluster which is not going to be given.

// wait is why a virtual host is held.
type wait struct {
	since time.Time
	// clusters says that it waits for clusters, not for another host.
	clusters bool
}

// decideHost is decide for a virtual host.
func (p *Proxy) decideHost(now time.Time, k *kind, name string, it *item) (action, *translate.Resource) {
	table := translate.TableOf(name)
	if p.kinds[translate.RouteType] == nil {
		it.missing = []string{table} // it came back, and has not said yet which tables it has
		return nothing, nil
	}
	has := p.hasTable(table)
	config, _ := p.class.target.get(translate.RouteType, table, nil)
	if has && (config == nil || !translate.InParts(config.Version)) {
		p.release(name)
		return nothing, nil // it stays until the listener that uses its table has ended, or has the table whole
	}
	act, res := p.decideAbout(now, k, name, it)
	if act == nothing || !has {
		p.holdIf(now, name, it.missing != nil && !p.inVain(it.missing), true)
		return act, res
	}
	it.missing = p.around(now, k, name, res)
	p.holdIf(now, name, it.missing != nil, false)
	if it.missing != nil {
		p.hostsWait = true
		return nothing, nil
	}
	return act, res
}

// holdIf holds a host, or releases it.
func (p *Proxy) holdIf(now time.Time, host string, waits, clusters bool) {
	if !waits {
		p.release(host)
		return
	}
	w, was := p.held[host]
	if !was {
		w.since = now
	}
	w.clusters = clusters
	p.held[host] = w
}

func (p *Proxy) release(host string) {
	if _, was := p.held[host]; was {
		delete(p.held, host)
		p.wakeHosts()
	}
}

// wakeHosts has the hosts looked at again that wait for others.
func (p *Proxy) wakeHosts() {
	p.woken = p.woken || p.hostsWait
	p.hostsWait = false
}

// releaseHosts has the hosts looked at that waited for one which nothing waits
// for any longer.
func (p *Proxy) releaseHosts(now, last time.Time) {
	for _, w := range p.held {
		if end := w.since.Add(p.class.opts.AckLimit); last.Before(end) && !now.Before(end) {
			p.wakeHosts()
			return
		}
	}
}

// arrange puts hosts in the order in which they must be decided about, so that
// one comes after those that it must not go before, and notes which tables are
// fresh and what of them waits.
func (p *Proxy) arrange(now time.Time, k *kind, batch []string) {
	type place struct{ kind, length int }
	places := make(map[string]place, len(batch))
	clear(p.fresh)
	for _, name := range batch {
		it := k.open[name]
		if it == nil {
			continue
		}
		table, at := translate.TableOf(name), place{}
		want, _ := p.look(k.typ, name)
		switch {
		case want == nil && wild(domain(name)):
			at = place{2, len(name)}
		case want == nil:
			at.kind = 3
		case wild(domain(name)):
			at = place{1, -len(name)}
		}
		places[name] = at
		if _, known := p.fresh[table]; !known {
			p.fresh[table] = !k.someOf(p.class.tables.hosts[table])
		}
		if p.fresh[table] && want != nil {
			res, f := p.choose(k, name, it)
			if res != nil && f == older {
				p.fetchAll(now, res)
			}
			var missing []string
			if res != nil {
				missing = p.missing(res)
			}
			if w, was := p.held[name]; missing != nil && !p.inVain(missing) {
				p.holdIf(now, name, true, true)
			} else if was {
				w.clusters = false
				p.held[name] = w
			}
		}
	}
	slices.SortStableFunc(batch, func(a, b string) int {
		x, y := places[a], places[b]
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.length, y.length))
	})
}

// someOf says that the proxy has, or is being given, one of these names.
func (k *kind) someOf(names byName) bool {
	if k.has.size+len(k.open) < len(names) { // on demand it has few of many
		for name := range k.open {
			if names[name] != nil && k.given(name) != nil {
				return true
			}
		}
		for name := range k.has.all() {
			if names[name] != nil && k.given(name) != nil {
				return true
			}
		}
		return false
	}
	for name := range names {
		if k.given(name) != nil {
			return true
		}
	}
	return false
}

// around gives a host that this one must not go before, nil if there is none.
// want is nil for a removal.
func (p *Proxy) around(now time.Time, k *kind, host string, want *translate.Resource) []string {
	if len(p.held) == 0 {
		return nil
	}
	table, own := translate.TableOf(host), domain(host)
	var first string
	for other, w := range p.held {
		if other == host || translate.TableOf(other) != table || first != "" && first < other ||
			!now.Before(w.since.Add(p.class.opts.AckLimit)) {
			continue
		}
		added := k.given(other) == nil
		switch {
		case p.fresh[table] && w.clusters:
		case wild(own) && added && covers(own, domain(other)):
		case want == nil && wild(domain(other)) && covers(domain(other), own):
		default:
			continue
		}
		first = other
	}
	if first == "" {
		return nil
	}
	return []string{first}
}

// domain gives the domain of a virtual host by its name.
func domain(host string) string { return host[strings.LastIndexByte(host, '/')+1:] }

func wild(domain string) bool { return strings.Contains(domain, "*") }

// covers says that every host of a domain is in a wider one too: Envoy knows
// "*", "*suffix" and "prefix*".
func covers(wide, narrow string) bool {
	if suffix, ok := strings.CutPrefix(wide, "*"); ok {
		return len(narrow) >= len(wide) && narrow != wide && strings.HasSuffix(narrow, suffix)
	}
	prefix, ok := strings.CutSuffix(wide, "*")
	return ok && narrow != wide && strings.HasPrefix(narrow, prefix)
}

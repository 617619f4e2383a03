package publish

import (
	"time"

	"kibble.dev/translate"
)

// A route table whose virtual hosts travel one by one is given as such to every
// proxy but two kinds, which are given it whole: those that speak state of the
// world, in which there is no VHDS, and those that have it whole, because they
// got it so from an older Kibble. Such an Envoy would have no host at all from
// when it gets the route configuration to when the hosts come.

// tables are the route tables of a class.
type tables struct {
	// hosts by table, then name.
	hosts map[string]byName
	// whole tables by name; nil as long as no proxy needs one.
	whole byName
}

// wholeScope is the scope under which whole tables are known.
const wholeScope translate.Scope = "whole"

// note keeps the hosts of the tables, and gives the table that a change is of,
// "" if it is of none.
func (ts *tables) note(typ, name string, is *translate.Resource) string {
	table := tableOf(typ, name)
	if typ == translate.VirtualHostType {
		if ts.hosts[table] == nil {
			ts.hosts[table] = byName{}
		}
		if is != nil {
			ts.hosts[table][name] = is
		} else if delete(ts.hosts[table], name); len(ts.hosts[table]) == 0 {
			delete(ts.hosts, table)
		}
	}
	return table
}

// tableOf gives the table that a resource is a part of, "" if it is of none.
func tableOf(typ, name string) string {
	switch typ {
	case translate.RouteType:
		return name
	case translate.VirtualHostType:
		return translate.TableOf(name)
	}
	return ""
}

// renew makes a whole table anew, and tells whether it is another now.
func (c *Class) renew(now time.Time, table string) bool {
	was, is := c.tables.whole[table], c.compose(table)
	if equal(was, is) {
		return false
	}
	if is == nil {
		delete(c.tables.whole, table)
	} else {
		c.tables.whole[table] = is
	}
	id := key{translate.RouteType, table, wholeScope}
	c.memory.changed(now, id, is)
	for k, r := range c.memory.refused {
		if is != nil && k.scope == "" && r.certain && tableOf(k.typ, k.name) == table && !equal(c.at(k), is) {
			bad := r
			bad.Name, bad.Version = table, is.Version
			c.memory.refuse(id, bad)
		}
	}
	return true
}

// compose gives the whole table of a name, nil if there is none.
func (c *Class) compose(table string) *translate.Resource {
	config, _ := c.target.get(translate.RouteType, table, nil)
	if config == nil {
		return nil
	}
	hosts := c.tables.hosts[table]
	sorted := make([]*translate.Resource, 0, len(hosts))
	for _, name := range unionKeys(hosts, nil) {
		sorted = append(sorted, hosts[name])
	}
	return translate.Table(config, sorted)
}

// renewAll makes those whole tables anew that may be others now, and has the
// proxies look that are given them.
func (c *Class) renewAll(now time.Time, stale map[string]struct{}) {
	if c.tables.whole == nil {
		return
	}
	for table := range stale {
		if c.renew(now, table) {
			c.interested(translate.RouteType, table, func(p *Proxy) {
				if p.whole(table) {
					p.touch(now, p.kinds[translate.RouteType], table)
				}
			})
		}
	}
}

// wholeTable gives a whole table, nil if there is none. From the first time on
// all are made, and kept.
func (c *Class) wholeTable(table string) *translate.Resource {
	if c.tables.whole == nil {
		c.tables.whole = byName{}
		c.target.names(translate.RouteType, func(table string) { c.renew(time.Time{}, table) })
	}
	return c.tables.whole[table]
}

// lookWhole is [Proxy.look] for a whole table. One that has no parts has no scope.
func (c *Class) lookWhole(table string) (*translate.Resource, translate.Scope) {
	r := c.wholeTable(table)
	if config, _ := c.target.get(translate.RouteType, table, nil); r != nil && r == config {
		return r, ""
	}
	if r == nil && c.memory.accepted[key{translate.RouteType, table, wholeScope}] == nil {
		return nil, ""
	}
	return r, wholeScope
}

// wants says that r is what is wanted under a key.
func (c *Class) wants(k key, r *translate.Resource) bool {
	return equal(c.at(k), r)
}

// at gives what is wanted under a key, nil for nothing.
func (c *Class) at(k key) *translate.Resource {
	if k.scope == wholeScope {
		return c.wholeTable(k.name)
	}
	return c.target.at(k)
}

// look gives what the class wants the proxy to have of a name, nil for nothing,
// and the scope that it was found under.
func (p *Proxy) look(typ, name string) (*translate.Resource, translate.Scope) {
	switch {
	case typ == translate.RouteType && p.whole(name):
		return p.class.lookWhole(name)
	case typ == translate.VirtualHostType && !p.hasTable(translate.TableOf(name)):
		return nil, ""
	}
	return p.class.target.get(typ, name, p.scopes)
}

// whole says that the proxy is given a table with its hosts in it.
func (p *Proxy) whole(table string) bool {
	if p.full {
		return true
	}
	has := p.kinds[translate.RouteType].has.get(table)
	return has != nil && has.Version != standIn && !translate.InParts(has.Version)
}

// hasTable says that the proxy acknowledged a table whose hosts come one by one.
// Before, Envoy drops what it is told of them.
func (p *Proxy) hasTable(table string) bool {
	_, ok := p.tables[table]
	return ok
}

// refreshTable keeps hasTable. The hosts of a table that came are given to the
// proxy, all of them, and those of one that went count as not there: Envoy has
// dropped them, and does not ask again when the table comes back.
func (p *Proxy) refreshTable(now time.Time, table string) {
	has := p.kinds[translate.RouteType].has.get(table)
	is := has != nil && translate.InParts(has.Version)
	if is == p.hasTable(table) {
		return
	}
	if is {
		p.tables[table] = true
	} else {
		delete(p.tables, table)
	}
	if hosts := p.kinds[translate.VirtualHostType]; hosts != nil && is {
		p.giveHosts(now, hosts, table)
	} else if hosts != nil {
		p.loseHosts(now, hosts, table)
	}
	p.mark()
}

// giveHosts has all hosts of a table given to a proxy that did not have it: what
// it has of them is of an earlier time, and Envoy may have dropped it.
func (p *Proxy) giveHosts(now time.Time, hosts *kind, table string) {
	for name := range hosts.has.all() {
		if translate.TableOf(name) == table {
			it := hosts.look(now, name)
			it.mayBe(hosts.has.get(name))
			hosts.has.drop(name)
		}
	}
	for _, r := range hosts.flights {
		for i, f := range r.items {
			r.items[i].lost = f.lost || translate.TableOf(f.name) == table
		}
	}
	if hosts.uses == nil || !p.class.onDemand() {
		hosts.expect(len(p.class.tables.hosts[table]))
	}
	for name := range p.class.tables.hosts[table] {
		if hosts.subscribed(name) {
			hosts.look(now, name)
		}
	}
}

// loseHosts has the hosts of a table told as removed, so that Envoy does not say
// later that it knows them.
func (p *Proxy) loseHosts(now time.Time, hosts *kind, table string) {
	for name := range hosts.has.all() {
		if translate.TableOf(name) == table {
			hosts.look(now, name).again = true
		}
	}
	for name, it := range hosts.open {
		if it.mayBeThere() && translate.TableOf(name) == table {
			hosts.look(now, name).again = true
		}
	}
}

// oldHosts gives a host that Envoy was told of when it had the table before, nil
// if there is none. It must be gone first: else, if the stream breaks between
// the table and its hosts, Envoy says that it knows both, and lacks the host.
func (p *Proxy) oldHosts(now time.Time, table string) []string {
	hosts := p.kinds[translate.VirtualHostType]
	if hosts == nil {
		if p.returning && !p.full && now.Before(p.connected.Add(repeatAfter)) {
			return []string{table} // it may say in a moment which hosts it has
		}
		return nil
	}
	var first string
	see := func(host string) {
		if translate.TableOf(host) == table && (first == "" || host < first) {
			first = host
		}
	}
	for host := range hosts.has.all() {
		see(host)
	}
	for host, it := range hosts.open {
		if it.mayBeThere() {
			see(host)
		}
	}
	if first == "" {
		return nil
	}
	p.tablesWait = true
	return []string{first}
}

// lookAtHosts has those hosts of a table looked at that are not settled: whether
// one goes that is not wanted depends on whether its table is.
func (p *Proxy) lookAtHosts(now time.Time, table string) {
	hosts := p.kinds[translate.VirtualHostType]
	if hosts == nil || !p.hasTable(table) {
		return
	}
	for name := range hosts.open {
		if translate.TableOf(name) == table {
			hosts.look(now, name)
		}
	}
}

// tableAgain notes that the proxy asks for a table that it was given before: it
// had given it up in between, and with it the hosts.
func (p *Proxy) tableAgain(now time.Time, k *kind, table string) {
	if p.hasTable(table) {
		k.has.drop(table)
		p.refreshTable(now, table)
	}
}

// awaitsTables says that a table which the proxy asked for is not there yet.
func (p *Proxy) awaitsTables() bool {
	k := p.kinds[translate.RouteType]
	if k == nil {
		return false
	}
	for table := range k.names.all() {
		if !p.hasTable(table) && !p.whole(table) {
			return true
		}
	}
	return false
}

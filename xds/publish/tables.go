package publish

import (
	"time"

	"kibble.dev/translate"
)

// tables are the route tables of a class: which virtual hosts each has, and the
// whole tables, for proxies that are given these.
type tables struct {
	// hosts by table, then name.
	hosts map[string]byName
	// whole by name.
	whole byName
}

// wholeScope is the scope under which whole tables are known.
const wholeScope translate.Scope = "whole"

// note keeps the hosts of the tables, and gives the table that a change is of,
// "" if it is of none.
func (ts *tables) note(typ, name string, is *translate.Resource) string {
	switch typ {
	case translate.RouteType:
		return name
	case translate.VirtualHostType:
		table := translate.TableOf(name)
		if ts.hosts[table] == nil {
			ts.hosts[table] = byName{}
		}
		if is != nil {
			ts.hosts[table][name] = is
		} else if delete(ts.hosts[table], name); len(ts.hosts[table]) == 0 {
			delete(ts.hosts, table)
		}
		return table
	}
	return ""
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
	c.memory.changed(now, key{translate.RouteType, table, wholeScope}, is)
	return true
}

// look gives what the class wants the proxy to have of a name, nil for nothing,
// and the scope that it was found under.
func (p *Proxy) look(typ, name string) (*translate.Resource, translate.Scope) {
	if typ == translate.RouteType {
		return p.class.lookWhole(name)
	}
	return p.class.target.get(typ, name, p.scopes)
}

// lookWhole is look for a whole table. One that has no parts has no scope.
func (c *Class) lookWhole(table string) (*translate.Resource, translate.Scope) {
	r := c.tables.whole[table]
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
		return c.tables.whole[k.name]
	}
	return c.target.at(k)
}

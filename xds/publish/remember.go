package publish

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/anypb"

	"kibble.dev/translate"
)

// Remembered is what a class learnt from its proxies' answers, in a form that
// outlives the control plane. It holds no secrets.
type Remembered struct {
	// Accepted are the wanted versions that a proxy accepted last, but for endpoints.
	Accepted []Version `json:"accepted,omitempty"`
	// Older are those accepted last that are not the wanted ones.
	Older []Content `json:"older,omitempty"`
	// Refused are wanted versions that a proxy refused and none accepted.
	Refused []Verdict `json:"refused,omitempty"`
	// Used are the clusters that workloads were seen to use.
	Used []Use `json:"used,omitempty"`
}

// Version is one version of a resource.
type Version struct {
	Type    string          `json:"type"`
	Name    string          `json:"name"`
	Scope   translate.Scope `json:"scope,omitempty"`
	Version string          `json:"version"`
}

// Content is a version with what is in it.
type Content struct {
	Version
	Body     []byte           `json:"body"`
	Clusters []string         `json:"clusters,omitempty"`
	Leads    []translate.Lead `json:"leads,omitempty"`
	Binds    []string         `json:"binds,omitempty"`
	Asks     bool             `json:"asks,omitempty"`
	Source   string           `json:"source,omitempty"`
}

// Verdict is a version with the words of who refused it.
type Verdict struct {
	Version
	Words  string    `json:"words"`
	Source string    `json:"source,omitempty"`
	Since  time.Time `json:"since"`
}

// olderMost bounds the bodies of Remembered.Older of a class, in bytes.
const olderMost = 8 << 20

// Changes counts how often what Remember gives may have become another.
func (c *Class) Changes() int { return c.memory.changes + c.demand.learnt.changes }

// Remember gives what is to be known after a restart, sorted; nil before the
// first Publish. Content that holds keys is left out.
func (c *Class) Remember() *Remembered {
	if c.Waits() {
		return c.recalled // nothing better is known
	}
	m := &Remembered{Used: c.demand.learnt.All()}
	room := olderMost
	for _, k := range sortedKeys(c.memory.accepted) {
		r := c.memory.accepted[k]
		v := Version{k.typ, k.name, k.scope, r.Version}
		switch wanted := c.wants(k, r); {
		case wanted && k.typ != translate.EndpointType:
			m.Accepted = append(m.Accepted, v)
		case wanted || r.Body == nil || len(r.Body.Value) > room || translate.HoldsKeys(r):
		default:
			room -= len(r.Body.Value)
			m.Older = append(m.Older, Content{v, r.Body.Value, r.Clusters, r.Leads, r.Binds, r.Asks, r.Source})
		}
	}
	for _, k := range sortedKeys(c.memory.refused) {
		r := c.memory.refused[k]
		if !r.certain { // else it will be known again
			m.Refused = append(m.Refused, Verdict{Version{k.typ, k.name, k.scope, r.Version}, r.Words, r.Source, r.Since})
		}
	}
	return m
}

func sortedKeys[V any](m map[key]V) []key {
	return slices.SortedFunc(maps.Keys(m), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.name, b.name), cmp.Compare(a.scope, b.scope))
	})
}

// Recall tells what a class of an earlier control plane remembered. It has no
// effect once the class has a configuration.
func (c *Class) Recall(m *Remembered) {
	if c.target == nil {
		c.recalled = m
		if m != nil {
			c.demand.learnt.restore(m.Used)
		}
	}
}

// compare takes over what was recalled, now that it is known what is wanted.
func (c *Class) compare(now time.Time) {
	if c.recalled == nil {
		return
	}
	for _, v := range c.recalled.Accepted {
		if r := c.at(v.key()); r != nil && r.Version == v.Version {
			c.memory.accepted[v.key()] = r
		}
	}
	for _, o := range c.recalled.Older {
		k := o.key()
		c.memory.accepted[k] = &translate.Resource{
			Name: o.Name, Version: o.Version.Version, Body: &anypb.Any{TypeUrl: o.Type, Value: o.Body},
			Clusters: o.Clusters, Leads: o.Leads, Binds: o.Binds, Asks: o.Asks, Source: o.Source,
		}
		if c.at(k) == nil {
			c.memory.gone[k] = now
		}
	}
	for _, f := range c.recalled.Refused {
		if r := c.at(f.key()); r != nil && r.Version == f.Version.Version {
			c.memory.refuse(f.key(), refusal{Refusal: Refusal{
				Name: f.Name, Version: r.Version, Words: f.Words, Source: f.Source, Since: f.Since,
			}})
		}
	}
}

func (v Version) key() key { return key{v.Type, v.Name, v.Scope} }

// Refuse says that the wanted version of a resource is bad, though no proxy has
// refused it: it was tried elsewhere. It is kept from all proxies that have not
// accepted it, until another one is wanted.
// A table, or a virtual host, is so with the whole table that it is in.
func (c *Class) Refuse(now time.Time, v Version, words string) {
	if c.target == nil {
		return
	}
	r := c.at(v.key())
	if r == nil || r.Version != v.Version {
		return
	}
	c.refuse(now, v.key(), r, words)
	c.refuseAtPods(now, v, words)
	table := tableOf(v.Type, v.Name)
	if whole := c.tables.whole[table]; whole != nil && whole != r {
		c.refuse(now, key{translate.RouteType, table, wholeScope}, whole, words)
	}
}

func (c *Class) refuse(now time.Time, k key, r *translate.Resource, words string) {
	if !c.memory.hopeless(k, r.Version) && c.memory.refuse(k, refusal{certain: true, Refusal: Refusal{
		Name: k.name, Version: r.Version, Words: cut(words), Source: r.Source, Since: now,
	}}) {
		c.touch(now, k.typ, k.name)
	}
}

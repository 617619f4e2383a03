package publish

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kibble.dev/translate"
)

// doors is an Envoy's listeners: it removes first, and then refuses each listener
// at an address that another one has.
type doors struct {
	t  *rapid.T
	at byName
}

// read takes a response, and gives the words of a refusal, "" for none.
func (d *doors) read(p *Proxy, r *Response) string {
	add, gone := r.Resources, r.Removed
	if p.full {
		add = p.All(r)
		for name := range d.at {
			if !slices.ContainsFunc(add, func(r *translate.Resource) bool { return r.Name == name }) {
				gone = append(gone, name)
			}
		}
	}
	for _, name := range gone {
		delete(d.at, name)
	}
	var culprits []string
	for _, l := range add {
		for name, other := range d.at {
			if name != l.Name && meet(l.Binds, other.Binds) {
				d.t.Fatalf("%s@%s is given while %s@%s is at its address", l.Name, l.Version, name, other.Version)
			}
		}
		if faultOf(l) != none {
			culprits = append(culprits, l.Name+": no such filter")
		} else {
			d.at[l.Name] = l
		}
	}
	if len(culprits) == 0 {
		return ""
	}
	return "Error adding/updating listener(s) " + strings.Join(culprits, ", ")
}

// stays says that a listener cannot come where it is wanted: it is refused, or one
// is there that cannot go from there.
func (d *doors) stays(want byName, name string, seen map[string]bool) bool {
	if want[name] == nil || seen[name] {
		return false
	}
	seen[name] = true
	if faultOf(want[name]) != none {
		return true
	}
	for other, has := range d.at {
		if other != name && meet(has.Binds, want[name].Binds) && d.stays(want, other, seen) {
			return true
		}
	}
	return false
}

// Whatever listeners do with their ports from change to change, none is given
// while another has its place, and in the end each is where it is wanted, but
// for those that are refused and those whose place such a one has.
func TestPortsLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		class, now := NewClass(Options{}), time.Unix(0, 0)
		p := class.Connect(now, nil, rapid.Bool().Draw(t, "full"))
		envoy := &doors{t: t, at: byName{}}
		p.Subscribe(now, Subscription{Type: translate.ListenerType, Wildcard: true})
		nonce := 0
		settle := func(most int) {
			for ; most > 0; most-- {
				r := p.Next(now, translate.ListenerType)
				if r == nil {
					return
				}
				nonce++
				p.Sent(r, fmt.Sprint(nonce))
				t.Logf("%s", show(r))
				if words := envoy.read(p, r); words == "" {
					p.Ack(now, translate.ListenerType, fmt.Sprint(nonce))
				} else {
					p.Nack(now, translate.ListenerType, fmt.Sprint(nonce), words)
				}
			}
		}
		var want byName
		for i := range rapid.IntRange(1, 6).Draw(t, "changes") {
			want = byName{}
			ports := rapid.Permutation([]string{"1", "2", "3", "4", "5"}).Draw(t, "ports")
			for j, name := range []string{"a", "b", "c", "d"} {
				if rapid.IntRange(0, 5).Draw(t, "has "+name) == 0 {
					continue
				}
				f := none
				if rapid.IntRange(0, 5).Draw(t, name+" is bad") == 0 {
					f = named
				}
				want[name] = resource(translate.ListenerType, name, fmt.Sprintf("%d-%s%c", i, ports[j], "-n"[f]), f)
				want[name].Binds = []string{ports[j]}
				t.Logf("want %s@%s", name, want[name].Version)
			}
			class.Publish(now, &translate.ClassSnapshot{Resources: map[string]map[string]*translate.Resource{translate.ListenerType: want}})
			settle(rapid.IntRange(0, 3).Draw(t, "responses"))
		}
		settle(100)
		now = now.Add(time.Second)
		class.Tick(now)
		settle(100)
		for name, l := range want {
			if !envoy.stays(want, name, map[string]bool{}) && !equal(envoy.at[name], l) {
				t.Fatalf("%s: wants %s, has %v", name, l.Version, envoy.at[name])
			}
		}
		for name := range envoy.at {
			if want[name] == nil {
				t.Fatalf("%s is still there", name)
			}
		}
	})
}

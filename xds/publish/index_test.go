package publish

import (
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/translate"
)

// Sets by number say what maps by name say, whoever else holds which names, and
// in the end nobody holds any.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newIndex()
		type proxy struct {
			has   resourceSet
			names nameSet
			// what they are to say
			owns  map[string]*translate.Resource
			asked map[string]bool
		}
		all := make([]*proxy, rapid.IntRange(1, 3).Draw(t, "proxies"))
		for i := range all {
			all[i] = &proxy{resourceSet{index: x}, nameSet{index: x}, map[string]*translate.Resource{}, map[string]bool{}}
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			p := rapid.SampledFrom(all).Draw(t, "proxy")
			from, n := rapid.IntRange(0, 80).Draw(t, "from"), rapid.SampledFrom([]int{1, 2, 60}).Draw(t, "n")
			what := rapid.IntRange(0, 3).Draw(t, "what")
			for i := range n {
				name := fmt.Sprint("n", from+i)
				switch what {
				case 0:
					r := &translate.Resource{Name: name}
					p.has.set(name, r)
					p.owns[name] = r
				case 1:
					p.has.drop(name)
					delete(p.owns, name)
				case 2:
					if got := p.names.add(name); got != name {
						t.Fatalf("%s is %s", name, got)
					}
					p.asked[name] = true
				case 3:
					p.names.drop(name)
					delete(p.asked, name)
				}
			}
		}
		for _, p := range all {
			if got := maps.Collect(p.has.all()); !maps.Equal(got, p.owns) || p.has.size != len(p.owns) {
				t.Fatalf("has %v, want %v", got, p.owns)
			}
			asked := map[string]bool{}
			for name := range p.names.all() {
				asked[name] = true
			}
			if !maps.Equal(asked, p.asked) || p.names.size != len(p.asked) {
				t.Fatalf("asked %v, want %v", asked, p.asked)
			}
			for i := range 150 {
				if name := fmt.Sprint("n", i); p.has.get(name) != p.owns[name] || p.names.has(name) != p.asked[name] {
					t.Fatalf("%s differs", name)
				}
			}
		}
		for _, p := range all {
			p.has.clear()
			p.names.clear()
		}
		if len(x.numbers) != 0 || len(x.free) != len(x.names) {
			t.Fatalf("somebody holds %v", x.numbers)
		}
	})
}

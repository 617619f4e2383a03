package conditions

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"kibble.dev/xds/publish"
)

// Report is what a replica says of its proxies to the one that writes status:
// how many have everything, how many do not, and what the others refuse.
type Report struct {
	// Read is the Digest of the objects that the replica has read.
	Read    string  `json:"read"`
	Proxies []Group `json:"proxies,omitempty"`
}

// Group is some proxies of a class of which the same is to be said.
type Group struct {
	Class string `json:"class"`
	// Node is one of those that refuse something.
	Node   string `json:"node,omitempty"`
	Count  int    `json:"count"`
	Behind bool   `json:"behind,omitempty"`
	// Refused has no times and versions.
	Refused []publish.Refusal `json:"refused,omitempty"`
}

// reportBound is how long what a report says of refusals may be. What is refused
// beyond it counts as not being there yet.
const reportBound = 16 << 10

// ReportOf gives the report about proxies. It does not depend on their order.
func ReportOf(read string, proxies []Proxy) Report {
	groups := map[string]*Group{}
	for _, p := range proxies {
		g := Group{Class: p.Class, Behind: behind(p), Refused: refusals(p)}
		known := join(groups, &g)
		known.Count += 1 + p.More
		if len(g.Refused) > 0 {
			known.Node = first(known.Node, p.Node)
		}
	}
	bounded, left := map[string]*Group{}, reportBound
	for _, g := range sorted(groups) {
		if len(g.Refused) > 0 {
			if left -= len(encode(g)); left < 0 {
				g = &Group{Class: g.Class, Behind: true, Count: g.Count}
			}
		}
		if known := join(bounded, g); known != g {
			known.Count += g.Count
		}
	}
	r := Report{Read: read}
	for _, g := range sorted(bounded) {
		r.Proxies = append(r.Proxies, *g)
	}
	return r
}

// join gives the group of which the same is to be said, itself if it is the first.
func join(groups map[string]*Group, g *Group) *Group {
	key := encode(&Group{Class: g.Class, Behind: g.Behind, Refused: g.Refused})
	if groups[key] == nil {
		groups[key] = g
	}
	return groups[key]
}

func sorted(groups map[string]*Group) []*Group {
	return slices.SortedFunc(maps.Values(groups), func(a, b *Group) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Node, b.Node), cmp.Compare(encode(a), encode(b)))
	})
}

// Next gives the report after this one. Where all proxies had everything, and
// nothing else was read since, what they lack counts when it lasts.
func (r Report) Next(read string, proxies []Proxy, now time.Time) Report {
	if read == r.Read && !slices.ContainsFunc(r.Proxies, func(g Group) bool { return g.Behind }) {
		proxies = slices.Clone(proxies)
		for i := range proxies {
			proxies[i] = proxies[i].lasting(now)
		}
	}
	return ReportOf(read, proxies)
}

// refusals gives what a proxy refuses, without what differs from proxy to proxy.
func refusals(p Proxy) (all []publish.Refusal) {
	for _, s := range p.Status {
		for _, r := range s.Refused {
			all = append(all, publish.Refusal{Name: r.Name, Words: r.Words, Source: r.Source, Elsewhere: r.Elsewhere})
		}
	}
	return all
}

// Encode gives the report as a text.
func (r Report) Encode() string { return encode(r) }

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "{}" // there are no such values
	}
	return string(text)
}

// DecodeReport reads what Encode gave, of this version or another.
func DecodeReport(text string) (r Report, err error) {
	if err = json.Unmarshal([]byte(text), &r); err != nil {
		err = fmt.Errorf("the report of a replica: %w", err)
	}
	return r, err
}

// All gives the proxies of the report to whoever has read objects of a digest.
func (r Report) All(read string) (all []Proxy) {
	for _, g := range r.Proxies {
		if g.Count < 1 {
			continue
		}
		s := publish.Status{Refused: g.Refused, Behind: len(g.Refused)}
		if g.Behind {
			s.Behind++
		}
		all = append(all, Proxy{Class: g.Class, Node: g.Node, Status: []publish.Status{s}, More: g.Count - 1, Earlier: r.Read != read})
	}
	return all
}

// Digest names the forms of objects, which are sorted.
func Digest(objects []Object) string {
	sum := sha256.New()
	for _, o := range objects {
		fmt.Fprintf(sum, "%s %s/%s %d %s\n", o.Kind, o.Namespace, o.Name, o.Generation, o.UID)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

package publish

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"pgregory.net/rapid"

	"kibble.dev/translate"
)

// house is an Envoy whose listeners wait for their tables: until a listener has its
// table, what it was before goes on, if it was anything.
type house struct {
	t             *rapid.T
	p             *Proxy
	now           time.Time
	active, warms byName
	tables        map[string]bool
	unread        []*Response
	nonce         int
}

// tableIn gives the table that a listener is made of.
func (h *house) tableIn(l *translate.Resource) string {
	asks, err := translate.AskedBy(l)
	if err != nil || len(asks) != 1 {
		h.t.Fatalf("%s asks for %v: %v", l.Name, asks, err)
	}
	return asks[0].Name
}

// fetch has the proxy give what it has to say.
func (h *house) fetch(typ string) {
	if r := h.p.Next(h.now, typ); r != nil {
		h.nonce++
		h.p.Sent(r, fmt.Sprint(h.nonce))
		h.unread = append(h.unread, r)
		h.t.Logf("%s", show(r))
	}
}

// read takes the oldest response, and answers.
func (h *house) read() {
	if len(h.unread) == 0 {
		return
	}
	r := h.unread[0]
	h.unread = h.unread[1:]
	switch r.Type {
	case translate.ListenerType:
		h.readListeners(r)
	case translate.RouteType:
		for _, table := range r.Resources {
			h.tables[table.Name] = true
		}
	}
	for name, l := range h.warms {
		if h.tables[h.tableIn(l)] {
			h.active[name] = l
			delete(h.warms, name)
		}
	}
	h.ask()
	h.p.Ack(h.now, r.Type, r.nonce)
}

func (h *house) readListeners(r *Response) {
	add, gone := r.Resources, r.Removed
	if h.p.full {
		add, gone = h.p.All(r), nil
		for name := range maps.Keys(h.all()) {
			if !slices.ContainsFunc(add, func(l *translate.Resource) bool { return l.Name == name }) {
				gone = append(gone, name)
			}
		}
	}
	for _, name := range gone {
		if h.active[name] == nil && h.warms[name] != nil && slices.ContainsFunc(add, func(l *translate.Resource) bool { return meet(l.Binds, h.warms[name].Binds) }) {
			h.t.Fatalf("%s is removed while it gets warm, and another one takes its place", name)
		}
		delete(h.active, name)
		delete(h.warms, name)
	}
	for _, l := range add {
		for name, other := range h.all() {
			if name != l.Name && meet(l.Binds, other.Binds) {
				h.t.Fatalf("%s is given while %s is at its address", l.Name, name)
			}
		}
		delete(h.warms, l.Name)
		if !equal(h.active[l.Name], l) {
			h.warms[l.Name] = l
		}
	}
}

// all are the listeners, those that get warm in front of what they were.
func (h *house) all() byName {
	all := maps.Clone(h.active)
	maps.Copy(all, h.warms)
	return all
}

// ask asks for the tables of all listeners.
func (h *house) ask() {
	want := map[string]bool{}
	for _, of := range []byName{h.active, h.warms} {
		for _, l := range of {
			want[h.tableIn(l)] = true
		}
	}
	s := Subscription{Type: translate.RouteType}
	for table := range want {
		if k := h.p.kinds[translate.RouteType]; k == nil || !k.names.has(table) {
			s.Add = append(s.Add, table)
		}
	}
	if k := h.p.kinds[translate.RouteType]; k != nil {
		for table := range k.names.all() {
			if !want[table] {
				s.Drop = append(s.Drop, table)
				delete(h.tables, table)
			}
		}
	}
	if len(s.Add)+len(s.Drop) > 0 {
		h.p.Subscribe(h.now, s)
	}
}

// front is a listener at a port, of a table of its name.
func front(t *rapid.T, name, port, prefix string) *translate.Resource {
	hcm, err := anypb.New(&hcmv3.HttpConnectionManager{
		StatPrefix: prefix, RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: name}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := translate.NewResource(name, &listenerv3.Listener{
		Name: name,
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(port[0])},
		}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{Name: "hcm", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: hcm}}}}},
	}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Whoever takes whose place, and however late the tables are: where somebody answered,
// and somebody is always wanted, somebody always answers; and in the end whoever is wanted.
func TestSuccessionLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		class := NewClass(Options{})
		h := &house{t: t, now: time.Unix(0, 0), active: byName{}, warms: byName{}, tables: map[string]bool{}}
		h.p = class.Connect(h.now, nil, rapid.Bool().Draw(t, "full"))
		h.p.Subscribe(h.now, Subscription{Type: translate.ListenerType, Wildcard: true})
		var want byName
		change := func(late bool) {
			want = byName{}
			tables := byName{}
			for _, port := range []string{"1", "2"} {
				name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "at "+port) + port
				want[name] = front(t, name, port, rapid.SampledFrom([]string{"x", "y"}).Draw(t, "prefix"))
				if !late || rapid.Bool().Draw(t, "has its table") {
					tables[name] = resource(translate.RouteType, name, "1", none)
				}
				t.Logf("want %s@%s, table %v", name, want[name].Version, tables[name] != nil)
			}
			class.Publish(h.now, &translate.ClassSnapshot{Resources: map[string]map[string]*translate.Resource{
				translate.ListenerType: want, translate.RouteType: tables,
			}})
		}
		answered := map[string]bool{}
		step := func() {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				change(true)
			case 1:
				h.fetch(translate.ListenerType)
			case 2:
				h.fetch(translate.RouteType)
			default:
				h.read()
			}
			answers := map[string]bool{}
			for _, l := range h.active {
				answers[l.Binds[0]] = true
			}
			for at := range answered {
				if !answers[at] {
					t.Fatalf("nobody answers at %s", at)
				}
			}
			answered = answers
		}
		change(true)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			step()
		}
		change(false)
		for range 30 {
			h.fetch(translate.ListenerType)
			h.fetch(translate.RouteType)
			h.read()
			h.read()
		}
		for name, l := range want {
			if !equal(h.active[name], l) {
				t.Fatalf("%s is %v, and is to be %s", name, h.active[name], l.Version)
			}
		}
		if len(h.all()) != len(want) {
			t.Fatalf("there are %v", slices.Collect(maps.Keys(h.all())))
		}
	})
}

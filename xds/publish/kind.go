package publish

import (
	"slices"
	"time"

	"kibble.dev/translate"
)

// kind is what one proxy has of one type, was sent, and waits for.
type kind struct {
	typ      string
	wildcard bool    // it asked for every resource of the type
	names    nameSet // and for these by name
	uses     *uses   // what the wildcard stands for; nil: all

	// has is what it accepted. A version that it had before it connected, and
	// that we do not know, is there without Body.
	has resourceSet
	// open is every name that is not settled: a name without an item has the
	// wanted version, or is neither wanted nor there.
	open map[string]*item
	most int // how many there were in open since it was made
	// queue holds the open names to look at, in no order.
	queue []string
	// trials are groups of names that go out one group a response, because one
	// of them was refused in company.
	trials [][]string
	// takeBack are names of an unanswered response that are to be undone.
	takeBack []string

	flights []*Response // not answered yet, oldest first
	late    []*Response // given up waiting for
	// greet says that the proxy's first request has not been answered: it
	// waits even when there is nothing of the type.
	greet bool
	// silent is since when the oldest response that we no longer wait for has
	// been unanswered.
	silent time.Time
	// behind is since when open has not been empty.
	behind time.Time
}

// item is an open name.
type item struct {
	sent   *translate.Resource // in the newest unanswered response; nil is a removal
	flying int32               // in how many unanswered responses it is

	queued bool // in queue
	again  bool // to be sent though the proxy has it
	asked  bool // the proxy waits to hear, even that there is none
	// missing are clusters (not all) that it waits for.
	missing []string
	trouble *trouble // nil: none
}

// trouble is what few names have, so that the many which a new proxy has open
// stay small.
type trouble struct {
	slow string // the version that took too long, but was not refused
	// maybe is content that the proxy may have all the same, because it came
	// in a response that was refused as a whole.
	maybe   []*translate.Resource
	refused *Refusal
	bad     []string // versions that it refused of late
	// once is a version that it refused and is to try once more, tries how often
	// it refused it, and next when it is to try again: see retry.
	once  string
	tries int
	next  time.Time
	// succession is of a listener that is to go: see handOver.
	succession *succession
}

// rare gives what trouble there is.
func (it *item) rare() trouble {
	if it.trouble == nil {
		return trouble{}
	}
	return *it.trouble
}

// own gives the trouble, to be changed.
func (it *item) own() *trouble {
	if it.trouble == nil {
		it.trouble = &trouble{}
	}
	return it.trouble
}

// mayBeThere says that the proxy may have something of the name beside what it accepted:
// it is on its way, or came in a response that was refused as a whole.
func (it *item) mayBeThere() bool { return it.flying > 0 || it.rare().maybe != nil }

// mayBe notes content that the proxy may have.
func (it *item) mayBe(r *translate.Resource) {
	t := it.own()
	t.maybe = append(t.maybe, r)
}

// lates is how many unanswered responses are remembered for a late answer.
const lates = 16

func newKind(typ string, x *index) *kind {
	return &kind{typ: typ, names: nameSet{index: x}, has: resourceSet{index: x}, open: map[string]*item{}}
}

func (k *kind) subscribed(name string) bool {
	if k == nil {
		return false
	}
	if k.wildcard && k.uses.hold(name) {
		return true
	}
	return k.names.has(name)
}

// given is what the proxy has once it accepted all that was sent to it.
func (k *kind) given(name string) *translate.Resource {
	if it := k.open[name]; it != nil && it.flying > 0 {
		return it.sent
	}
	return k.has.get(name)
}

// item opens a name.
func (k *kind) item(now time.Time, name string) *item {
	it := k.open[name]
	if it == nil {
		if len(k.open) == 0 {
			k.behind = now
		}
		it = &item{}
		k.open[name] = it
		k.most = max(k.most, len(k.open))
	}
	return it
}

// expect makes room for many names that are opened next.
func (k *kind) expect(n int) {
	if len(k.open) == 0 && n >= large {
		k.open, k.most = make(map[string]*item, n), n
	}
	k.queue = slices.Grow(k.queue, n)
}

// close drops a name that needs nothing any more.
func (k *kind) close(name string) {
	delete(k.open, name)
	k.open, k.most = lighter(k.open, k.most)
}

// large is how many names are many for a map.
const large = 256

// lighter gives a new map in place of one that is empty and was large: a map
// keeps the room of all that it ever held, and a proxy that connects has
// everything open once.
func lighter[V any](m map[string]V, most int) (map[string]V, int) {
	if len(m) > 0 || most < large {
		return m, most
	}
	return map[string]V{}, 0
}

// look opens a name and has the next response look at it.
func (k *kind) look(now time.Time, name string) *item {
	it := k.item(now, name)
	if !it.queued {
		it.queued = true
		k.queue = append(k.queue, name)
	}
	return it
}

// forget drops what is known of a name that the proxy gave up.
func (k *kind) forget(name string) {
	k.has.drop(name)
	if it := k.open[name]; it != nil && it.flying == 0 {
		k.close(name) // a stale entry of queue is skipped
	}
}

// waiting says that a response of the type waits for its answer.
func (k *kind) waiting() bool { return len(k.flights) > 0 }

// take removes the response of a nonce from those that wait, with all that
// were sent before it: a proxy answers in order.
func (k *kind) take(nonce string) (before []*Response, r *Response) {
	i := slices.IndexFunc(k.flights, func(r *Response) bool { return r.nonce == nonce })
	if i < 0 {
		return nil, nil
	}
	before, r = slices.Clone(k.flights[:i]), k.flights[i]
	k.flights = slices.Delete(k.flights, 0, i+1)
	return before, r
}

// takeLate removes the response of a nonce from those that are given up.
func (k *kind) takeLate(nonce string) *Response {
	i := slices.IndexFunc(k.late, func(r *Response) bool { return r.nonce == nonce })
	if i < 0 {
		return nil
	}
	r := k.late[i]
	k.late = slices.Delete(k.late, i, i+1)
	return r
}

// lingers says that a proxy gives up a resource of the type by not asking for
// it any more, and is never told that it is gone: Envoy ignores that for a
// route table and a certificate, and for a filter's configuration would fail
// requests.
func lingers(typ string) bool {
	return typ == translate.RouteType || typ == translate.ExtensionType || typ == translate.SecretType
}

// fullState says that in state of the world a response holds all resources of
// the type, so that what is missing is removed.
func fullState(typ string) bool {
	return typ == translate.ClusterType || typ == translate.ListenerType
}

// Types gives the order in which a proxy is to be given what is ready: what a
// type names comes before it. Types that are not in it come last.
func Types() []string {
	return []string{
		translate.ClusterType, translate.EndpointType,
		translate.SecretType, translate.ListenerType, translate.RouteType, translate.VirtualHostType, translate.ExtensionType,
	}
}

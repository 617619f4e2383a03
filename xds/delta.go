package xds

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"

	"kibble.dev/xds/publish"
)

const deltaProtocol = "delta"

// outgoing is how many responses may wait until they are sent. The publisher
// has few under way; a proxy that does not read leaves them here.
const outgoing = 64

// deltaStream is one proxy that is told what changes.
type deltaStream struct {
	*stream
	out chan encoded
	// legacy are the types that were asked for without naming any resource so far,
	// which means all.
	legacy map[string]bool
	nonces int // that were given
}

// DeltaAggregatedResources serves one proxy with changes.
func (a *ads) DeltaAggregatedResources(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	st, ctx, release := a.accept(g.Context(), deltaProtocol)
	defer release()
	d := &deltaStream{stream: st, out: make(chan encoded, outgoing), legacy: map[string]bool{}}
	st.push, st.pushUnasked = d.pushDelta, d.pushUnasked
	defer d.leave()
	return d.send(ctx, g)
}

// send sends what is handed over, until the proxy leaves or the context ends.
func (d *deltaStream) send(ctx context.Context, g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	left := make(chan error, 1)
	go func() { left <- d.listen(g) }() // ends with the stream, which ends with this function
	for {
		select {
		case <-ctx.Done():
			return whyEnded(ctx)
		case err := <-left:
			return err
		case m := <-d.out:
			d.drained()
			if err := g.SendMsg(m); err != nil {
				return err
			}
		}
	}
}

// listen takes requests until there are no more, or one may not be made.
func (d *deltaStream) listen(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	for {
		r, err := g.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil // the proxy has nothing more to say
		case err != nil:
			return err
		}
		d.spoke()
		if err := d.take(r); err != nil {
			return err
		}
	}
}

// take takes a request: an answer, a subscription, or both.
func (d *deltaStream) take(r *discoveryv3.DeltaDiscoveryRequest) error {
	typ := r.GetTypeUrl()
	if typ == "" {
		return grpcstatus.Error(codes.InvalidArgument, "a request on an aggregated stream must say its type_url")
	}
	s := d.server
	defer d.enter()()
	now := s.clock.read()
	if err := d.hear(now, r.GetNode(), typ, r.GetResponseNonce(), r.GetErrorDetail()); err != nil {
		return err
	}
	known, used := unmarked(typ, r.GetInitialResourceVersions())
	all := d.asksForAll(r)
	err := d.ask(now, publish.Subscription{
		Type: typ, Wildcard: all, Known: known, Used: used,
		Add: ordinary(r.GetResourceNamesSubscribe()), Drop: ordinary(r.GetResourceNamesUnsubscribe()),
	})
	s.wake()
	return err
}

// asksForAll says whether the proxy wants all resources of a type from now on:
// it asked for "*", or has never named any, where that means all.
// https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
func (d *deltaStream) asksForAll(r *discoveryv3.DeltaDiscoveryRequest) bool {
	typ, names := r.GetTypeUrl(), r.GetResourceNamesSubscribe()
	all, asked := d.wildcard[typ]
	if !asked {
		d.legacy[typ] = !slices.Contains(byNameOnly(), typ)
	}
	if d.legacy[typ] && len(names) == 0 {
		return true
	}
	d.legacy[typ] = false
	all = all || slices.Contains(names, wildcard)
	return all && !slices.Contains(r.GetResourceNamesUnsubscribe(), wildcard)
}

// wildcard is the name that means all.
const wildcard = "*"

// ordinary takes the wildcard out of names.
func ordinary(names []string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return n == wildcard })
}

// pushDelta hands a response over, under the next nonce.
func (d *deltaStream) pushDelta(r *publish.Response) bool {
	nonce, ok := d.hand(r)
	if ok {
		d.handed(r, nonce)
	}
	return ok
}

// pushUnasked hands over a response of a type that the proxy has not asked for.
// Its answer is that of no response.
func (d *deltaStream) pushUnasked(r *publish.Response) bool {
	_, ok := d.hand(r)
	return ok
}

// Numbers of fields of a DeltaDiscoveryResponse; translate.Resource.Delta has another.
const (
	fieldTypeURL = 4
	fieldNonce   = 5
	fieldRemoved = 6
)

// hand puts a response among those that are sent next; it is not ok if there is
// no room. The resources' bytes are shared with all proxies.
func (d *deltaStream) hand(r *publish.Response) (nonce string, ok bool) {
	if len(d.out) == cap(d.out) {
		return "", false
	}
	d.nonces++
	nonce = strconv.Itoa(d.nonces)
	head := make([]byte, 0, len(r.Type)+len(nonce)+8)
	head = protowire.AppendString(protowire.AppendTag(head, fieldTypeURL, protowire.BytesType), r.Type)
	head = protowire.AppendString(protowire.AppendTag(head, fieldNonce, protowire.BytesType), nonce)
	for _, name := range r.Removed {
		head = protowire.AppendString(protowire.AppendTag(head, fieldRemoved, protowire.BytesType), name)
	}
	m := make(encoded, 1, 1+len(r.Resources))
	m[0] = head
	for _, res := range r.Resources {
		m = append(m, res.Delta(d.marked(res, r.Type)))
	}
	d.out <- m // there is room, and nobody else puts anything there: the server's lock is held
	return nonce, true
}

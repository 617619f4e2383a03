package translate

import (
	_ "embed"
	"fmt"
	"slices"

	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	skipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
)

//go:embed carrier.lua
var carrierLua string

// inBaggage is in every baggage that carries a decision.
const inBaggage = "dogfood"

// carries tells that a router passes the decision on in a carrier.
func (r *router) carries(c v1alpha1.Carrier) bool {
	if len(r.spec.Carriers) == 0 {
		return c == v1alpha1.CarrierL5dCtx
	}
	return slices.Contains(r.spec.Carriers, c)
}

// readsBaggage tells that inside a decision may come in baggage: some router
// writes it there. Nobody else pays for a look.
func (m *Model) readsBaggage() bool {
	return slices.ContainsFunc(m.routers, func(r *router) bool { return r.carries(v1alpha1.CarrierBaggage) })
}

// stripBaggage takes our member of baggage away from requests that have any
// baggage at all: also members that only some libraries read as ours.
func stripBaggage() *hcmv3.HttpFilter {
	return httpFilter("strip-baggage", &compositev3.Composite{Matcher: stripMatcher()})
}

// stripMatcher does so as the matcher of a composite filter.
func stripMatcher() *xdsmatcherv3.Matcher {
	return when(hasHeader(dogfood.BaggageHeader), execute([]*corev3.TypedExtensionConfig{stripScript()}))
}

// stripInChain does so within a chain of filters.
func stripInChain() *corev3.TypedExtensionConfig {
	return extension("baggage", &matchingv3.ExtensionWithMatcher{
		ExtensionConfig: stripScript(),
		XdsMatcher:      when(noneOf(hasHeader(dogfood.BaggageHeader)), act("skip", &skipv3.SkipFilter{})),
	})
}

func stripScript() *corev3.TypedExtensionConfig {
	return extension("strip-baggage", luaConfig("strip(handle)"))
}

// contextFilter reads the decision from baggage where it may come in it, writes it
// there where the router does, and notes it where it may be taken away; nil where
// the header says it all. Others than those requests pay for a look at a header.
func contextFilter(r listenerSpec) *hcmv3.HttpFilter {
	ours := conditionPredicate(dogfood.Header{Name: dogfood.BaggageHeader, Is: dogfood.Text{Op: dogfood.OpContains, Want: inBaggage}})
	own := hasHeader(headerDogfood)
	var note []*corev3.TypedExtensionConfig
	if r.NoteContext {
		note = []*corev3.TypedExtensionConfig{noteContext()}
	}
	carry := append([]*corev3.TypedExtensionConfig{extension("carry", luaConfig(fmt.Sprintf("carry(handle, %t)", r.WriteBaggage)))}, note...)
	var m *xdsmatcherv3.Matcher
	switch {
	case r.WriteBaggage && r.Untrusted: // it was taken out
		m = when(own, execute(carry))
	case r.WriteBaggage:
		m = when(anyOf([]*xdsPredicate{ours, own}), execute(carry))
	case r.ReadBaggage && !r.Untrusted:
		m = when(ours, execute(carry))
		if r.NoteContext {
			m.OnNoMatch = nested(when(own, execute(note)))
		}
	case r.NoteContext:
		m = when(own, execute(note))
	default:
		return nil
	}
	return httpFilter("kibble.context", &compositev3.Composite{Matcher: m})
}

func hasHeader(name string) *xdsPredicate { return conditionPredicate(headerSign(name)[0]) }

func luaConfig(call string) *luav3.Lua {
	script := carrierLua + "\nfunction envoy_on_request(handle) " + call + " end\n"
	return &luav3.Lua{
		DefaultSourceCode: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: script}},
		ClearRouteCache:   wrapperspb.Bool(false),
	}
}

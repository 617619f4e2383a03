package translate

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	tometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
)

// Headers of responses that tell people, and programs that ask, where they are.
const (
	// HeaderEnvironment lists the policies that hold for the request, joined by
	// commas: at an untrusted router all of them, inside those that the route of
	// this proxy depends on. Only ids of policies that exist are in it.
	HeaderEnvironment = "x-dogfood-environment"
	// HeaderFallback lists those of them that this proxy has answered from the
	// baseline, because the override's target is missing or nobody of it is alive.
	HeaderFallback = "x-dogfood-fallback"
)

// HeaderBaseline is on a request whose answer has HeaderFallback, for the log: Envoy
// looks for a header of requests at a tenth of what an expression about answers
// costs. A proxy takes it out of what it is sent.
const HeaderBaseline = "x-kibble-baseline"

// peopleHeaders gives what all responses of a router say: at an untrusted one
// the context, which nobody else has written. It says nothing where it is empty.
func (b *builder) peopleHeaders() []*corev3.HeaderValueOption {
	if !b.router.untrusted() {
		return nil
	}
	return []*corev3.HeaderValueOption{setHeader(HeaderEnvironment, decidedFormat)}
}

// noteContext notes the context of a request that has one while it is there:
// responses, log and metrics come later.
func noteContext() *corev3.TypedExtensionConfig {
	return extension("note-context", &tometadatav3.Config{
		RequestRules: []*tometadatav3.Config_Rule{{
			Header:          headerDogfood,
			OnHeaderPresent: &tometadatav3.Config_KeyValuePair{MetadataNamespace: metadataKey, Key: contextKey},
		}},
	})
}

// routeAgain has Envoy pick the route of a request anew, by the headers that it
// has by now, and notes the context that was decided.
func routeAgain() *corev3.TypedExtensionConfig {
	decided := stateValue(stateContext, "%REQ("+headerDogfood+")%")
	decided.SkipIfEmpty, decided.GetFormatString().OmitEmptyValues = true, true
	return extension("route-again", &setstatev3.Config{OnRequestHeaders: []*statev3.FilterStateValue{decided}, ClearRouteCache: true})
}

// The context of a request at an untrusted router, as it was decided there. The header
// will not do: of a request that Envoy refuses at once, such as for its path, it is
// still the client's, and where requests leave the cluster it is gone by the end.
const (
	stateContext  = "kibble.context"
	decidedFormat = "%FILTER_STATE(" + stateContext + ":PLAIN)%"
)

// The context of a request inside, once it is routed: the header, or where that was
// taken away what was noted of it in the dynamic metadata.
const (
	contextKey    = "context"
	contextFormat = `%COALESCE({"operators": [{"command": "REQ", "param": "` + headerDogfood +
		`"}, {"command": "DYNAMIC_METADATA", "param": "` + metadataKey + ":" + contextKey + `"}]})%`
)

// notFromBehind are headers of responses that this proxy alone writes: of what
// comes from behind, nobody knows which hop has said it. Envoy makes the changes
// of a share of a split before those of its route, so each says so itself.
func notFromBehind() []string { return []string{HeaderEnvironment, HeaderFallback} }

// notFromBehind is for a cluster of the answer: where a stand-in may have answered,
// the cluster has taken HeaderFallback away (tellMember).
func (a answer) notFromBehind(n need) []string {
	if a.mayFallBack(n) {
		return []string{HeaderEnvironment}
	}
	return notFromBehind()
}

// tellEnvironment says in responses which policies a route is for. At an
// untrusted router the context says more, and nobody else has written it.
func (b *builder) tellEnvironment(route *routev3.Route, policies []int) {
	if !b.router.untrusted() && len(policies) > 0 {
		route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, setHeader(HeaderEnvironment, b.ids(policies)))
	}
}

// ids joins the ids of policies.
func (b *builder) ids(policies []int) string {
	all := make([]string, len(policies))
	for i, p := range policies {
		all[i] = b.overlays[p].id
	}
	return strings.Join(all, ",")
}

// mayFallBack tells that a stand-in for the owner's targets may answer.
func (a answer) mayFallBack(n need) bool { return n.role == roleStandIn && a.owner != "" }

// passed are the policies that are passed over whoever answers, all with the one
// whose stand-in answers.
func (a answer) passed() (passed, all string) {
	return strings.Join(a.fellBack, ","), strings.Join(append([]string{a.owner}, a.fellBack...), ",")
}

// fallbackHeader says which policies are passed over. The answer of a stand-in has
// the header already, in which its cluster knows not what to say.
func fallbackHeader(a answer, n need) []*corev3.HeaderValueOption {
	passed, all := a.passed()
	var says []*corev3.HeaderValueOption
	if a.mayFallBack(n) {
		says = append(says, headerIs(HeaderFallback, all, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS))
	}
	if passed != "" {
		says = append(says, headerIs(HeaderFallback, passed, corev3.HeaderValueOption_ADD_IF_ABSENT))
	}
	return says
}

// baselineHeader is HeaderBaseline where policies are passed over whoever answers. A
// cluster that may have a stand-in answer sets it itself (tellMember).
func (a answer) baselineHeader() []*corev3.HeaderValueOption {
	if passed, _ := a.passed(); passed == "" {
		return nil
	}
	return []*corev3.HeaderValueOption{setHeader(HeaderBaseline, "yes")}
}

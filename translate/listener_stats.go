package translate

import (
	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	statsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stats/v3"
	transformv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/actions/transform_stat/v3"
	statinputv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/stats/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
)

// Where a router's requests come from and go to, as metrics say it.
const (
	directionEdge = "edge" // from anybody
	directionIn   = "in"   // to the pod that the proxy stands beside
	directionOut  = "out"  // from applications, to others
)

// direction tells where the requests of a listener come from.
func (r listenerSpec) direction() string {
	switch {
	case r.Untrusted:
		return directionEdge
	case r.In:
		return directionIn
	}
	return directionOut
}

// handsOver tells that a router is in the way in: it gives requests to the pod
// that its proxy stands beside, or to pods of its node.
func (r *router) handsOver() bool {
	return target{transformers: r.spec.Transformers}.near()
}

// mostSeries bounds what one router's requests can make of series in Envoy,
// whatever happens: far more than there are environments.
const mostSeries = 50_000

// counters gives what a router counts. With metrics: all that is every request,
// and Envoy counts the answers of each destination by itself (see countAnswers).
// By default it is requests in an environment, and answers that say that
// something failed: an ordinary request then pays for two looks at it.
func counters(r listenerSpec) []*accesslogv3.AccessLog {
	if r.Metrics == v1alpha1.MetricsAll {
		return []*accesslogv3.AccessLog{requestCounter(r, nil)}
	}
	return []*accesslogv3.AccessLog{requestCounter(r, logContext(r)), failureCounter(r)}
}

// countAnswers has Envoy count the answers of each destination by class, and
// how long they take; nil leaves it at that, its default.
func countAnswers(r listenerSpec) *wrapperspb.BoolValue {
	if r.Metrics == v1alpha1.MetricsAll {
		return nil
	}
	return wrapperspb.Bool(false)
}

// requestCounter counts each request once, as envoy_kibble_requests, by router,
// environment, fallback, and whether it came with a context, as all do for which
// a filter holds. Labels have values only of what is configured: an id that an
// application invents is none.
//
// At an untrusted router the environment is the context, which was decided there;
// inside it is the policies that the route is for.
func requestCounter(r listenerSpec, filter *accesslogv3.AccessLogFilter) *accesslogv3.AccessLog {
	context := &statsv3.Config_Tag{Name: "kibble_context", ValueFormat: "yes"}
	if filter == nil {
		context.ValueFormat, context.Rules = r.contextFormat(), presence()
	}
	environment := &statsv3.Config_Tag{Name: "kibble_environment", ValueFormat: routeSays("policies"), Rules: dropAbsent()}
	if r.Untrusted {
		environment.ValueFormat = r.contextFormat()
	}
	return counter(r, "requests", filter, context, environment,
		&statsv3.Config_Tag{Name: "kibble_fallback", ValueFormat: "%RESP(" + HeaderFallback + ")%", Rules: dropAbsent()})
}

// contextFormat gives the context of a request.
func (r listenerSpec) contextFormat() string {
	if r.Untrusted {
		return decidedFormat
	}
	return contextFormat
}

// failureCounter counts answers of 500 and more, as envoy_kibble_failures, by
// router, destination and status, whoever has said so: Envoy itself too.
func failureCounter(r listenerSpec) *accesslogv3.AccessLog {
	return counter(r, "failures", logFailed(),
		&statsv3.Config_Tag{Name: "kibble_destination", ValueFormat: "%UPSTREAM_CLUSTER_RAW%", Rules: dropAbsent()},
		&statsv3.Config_Tag{Name: "kibble_status", ValueFormat: "%RESPONSE_CODE%"})
}

// counter makes a counter with the labels that all have, and those given.
func counter(r listenerSpec, name string, filter *accesslogv3.AccessLogFilter, tags ...*statsv3.Config_Tag) *accesslogv3.AccessLog {
	common := []*statsv3.Config_Tag{
		{Name: "kibble_router", ValueFormat: escapeFormat(r.Router)},
		{Name: "kibble_direction", ValueFormat: r.direction()},
	}
	return &accesslogv3.AccessLog{
		Name:   "envoy.access_loggers.stats",
		Filter: filter,
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: mustAny(&statsv3.Config{
			StatsScope: &typev3.Scope{Prefix: "kibble", MaxCounters: wrapperspb.UInt32(mostSeries), EnableEviction: true},
			Counters: []*statsv3.Config_Counter{{
				Stat: &statsv3.Config_Stat{Name: name, Tags: append(common, tags...)}, ValueFixed: wrapperspb.UInt64(1),
			}},
		})},
	}
}

// presence turns the value of a label into yes or no.
func presence() *xdsmatcherv3.Matcher {
	m := when(absent(), updateTag("no"))
	m.OnNoMatch = updateTag("yes")
	return m
}

// dropAbsent leaves a label off where it has no value.
func dropAbsent() *xdsmatcherv3.Matcher {
	return when(absent(), act("drop", &transformv3.TransformStat{DropTag: &transformv3.TransformStat_DropTag{}}))
}

func updateTag(value string) *xdsmatcherv3.Matcher_OnMatch {
	return act("update", &transformv3.TransformStat{UpdateTag: &transformv3.TransformStat_UpdateTag{NewTagValue: value}})
}

// absent holds for the value of a label that is not there, however Envoy writes it.
func absent() *xdsPredicate {
	input := &xdscorev3.TypedExtensionConfig{Name: "value", TypedConfig: mustAny(&statinputv3.StatTagValueInput{})}
	is := func(text string) *xdsPredicate {
		return matchesValue(input, xdsString(dogfood.Text{Op: dogfood.OpExact, Want: text}))
	}
	return anyOf([]*xdsPredicate{is("-"), is("")})
}

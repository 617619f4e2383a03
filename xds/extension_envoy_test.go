package xds_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

const ecds = translate.ExtensionType

// says is a filter that writes a header into responses: what a format gives.
func says(t testing.TB, header, format string) *translate.Resource {
	r := resource(t, header, &corev3.TypedExtensionConfig{Name: header, TypedConfig: encode(t, &mutationv3.HeaderMutation{
		Mutations: &mutationv3.Mutations{ResponseMutations: []*mutationrulesv3.HeaderMutation{{
			Action: &mutationrulesv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
				Header: &corev3.HeaderValue{Key: header, Value: format}, AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			}},
		}}},
	})})
	r.Without = encode(t, &mutationv3.HeaderMutation{})
	return r
}

// delivering is listener with filters that come by extension discovery.
func delivering(t testing.TB, stat string, filters ...string) *translate.Resource {
	source := ads()
	source.InitialFetchTimeout = durationpb.New(0)
	h := &hcmv3.HttpConnectionManager{
		StatPrefix:     stat,
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{ConfigSource: ads(), RouteConfigName: "table"}},
	}
	without := encode(t, &mutationv3.HeaderMutation{})
	for _, name := range filters {
		h.HttpFilters = append(h.HttpFilters, &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_ConfigDiscovery{
			ConfigDiscovery: &corev3.ExtensionConfigSource{
				ConfigSource: source, DefaultConfig: without, TypeUrls: []string{without.TypeUrl},
			},
		}})
	}
	h.HttpFilters = append(h.HttpFilters, &hcmv3.HttpFilter{
		Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: encode(t, &routerv3.Router{})},
	})
	return resource(t, "front", &listenerv3.Listener{
		Name: "front", Address: socket("127.0.0.1", 0), FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "hcm", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: encode(t, h)},
		}}}},
	})
}

// Filters, the listener that has them, and routes change at the same time, and Envoy
// refuses one of the filters. That is told, and goes on being told: Envoy takes the same
// config for accepted when it is given it a second time, and makes listeners of it. What
// it accepted before stays in use, the others change, and no request fails.
func TestEnvoyRefusesOneOfTheFilters(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		up := upstream(t)
		s, address := serve(t, xds.Options{})
		with := func(i int, stat string, a, b string) *translate.Snapshot {
			v := version(t, i, up)
			of := v.Classes["edge"].Resources
			of[lds]["front"] = delivering(t, stat, "x-a", "x-b")
			of[ecds] = map[string]*translate.Resource{"x-a": says(t, "x-a", a), "x-b": says(t, "x-b", b)}
			return v
		}
		s.Publish(with(1, "first", "1", "1"))
		envoy := run(t, address, "edge-0", "edge", protocol)
		envoy.WaitReady(t)
		until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
		load := start("http://" + envoy.Listener(t, "front"))
		defer load.end()
		answers := func(to, a, b string) bool {
			resp, err := http.Get("http://" + envoy.Listener(t, "front"))
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			return resp.Header.Get("x-a") == a && resp.Header.Get("x-b") == b && load.last() == to
		}
		refused := func() bool {
			all := statusOf(s, ecds).Refused
			return len(all) == 1 && all[0].Name == "x-b" && strings.Contains(all[0].Words, "NOTHING")
		}
		s.Publish(with(2, "second", "2", "%NOTHING%"))
		until(t, "the refusal is told, and what is good is used", func() bool { return refused() && answers("c2", "2", "1") })
		s.Publish(with(3, "third", "3", "%NOTHING%"))
		until(t, "a listener changes meanwhile", func() bool {
			return answers("c3", "3", "1") && strings.Contains(envoy.Get(t, "/stats?filter=http.third.downstream_rq_total"), "http.third")
		})
		if !refused() || len(statusOf(s, lds).Refused) > 0 {
			t.Errorf("refused are %+v and %+v", statusOf(s, ecds).Refused, statusOf(s, lds).Refused)
		}
		s.Publish(with(4, "third", "4", "4"))
		until(t, "all is well again", func() bool { return answers("c4", "4", "4") && inSync(s, "edge-0") })
		load.end()
		if err := load.failed(); err != nil {
			t.Errorf("%d requests, the first failure: %v", load.count.Load(), err)
		}
	})
}

// Envoy refuses the first config of a filter. A control plane that knows nothing of that
// gives it the same once more, and hears the truth.
func TestEnvoyRefusesAgain(t *testing.T) {
	up := upstream(t)
	s, address, replace := serveReplaceable(t, xds.Options{})
	v := version(t, 1, up)
	of := v.Classes["edge"].Resources
	of[lds]["front"] = delivering(t, "front", "x-a")
	of[ecds] = map[string]*translate.Resource{"x-a": says(t, "x-a", "%NOTHING%")}
	s.Publish(v)
	envoy := run(t, address, "edge-0", "edge", "delta")
	refused := func() bool { return len(statusOf(s, ecds).Refused) == 1 }
	until(t, "the refusal is told", refused)
	until(t, "Envoy has forgotten it", func() bool {
		return strings.Contains(envoy.Get(t, "/stats?filter=http_filter.x-a.update_success"), "update_success: 1")
	})
	s = replace(xds.Options{})
	s.Publish(v)
	until(t, "it is told again", refused)
}

// A filter and a table were refused where they were tried. An Envoy that starts does
// without them, and is given what is corrected.
func TestEnvoyBeginsWithoutWhatIsRefused(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		up := upstream(t)
		s, address := serve(t, xds.Options{})
		with := func(i int, format string) *translate.Snapshot {
			v := version(t, i, up)
			of := v.Classes["edge"].Resources
			of[lds]["front"], of[lds]["second"] = delivering(t, "front", "x-a"), listener(t, "second", "other")
			of[ecds] = map[string]*translate.Resource{"x-a": says(t, "x-a", format)}
			of[rds]["other"] = routes(t, "other", fmt.Sprintf("c%d", i))
			return v
		}
		v := with(1, "%NOTHING%")
		var refused []xds.Verdict
		for typ, name := range map[string]string{ecds: "x-a", rds: "other"} {
			r := v.Classes["edge"].Resources[typ][name]
			refused = append(refused, xds.Verdict{Class: "edge", Version: publish.Version{Type: typ, Name: name, Version: r.Version}, Words: "no"})
		}
		s.Publish(v, refused...)
		envoy := run(t, address, "edge-0", "edge", protocol)
		envoy.WaitReady(t)
		answers := func(name string, status int, header string) {
			t.Helper()
			until(t, name+" answers", func() bool {
				resp, err := http.Get("http://" + envoy.Listener(t, name))
				if err != nil {
					return false
				}
				defer resp.Body.Close()
				return resp.StatusCode == status && resp.Header.Get("x-a") == header
			})
		}
		answers("front", http.StatusOK, "")
		answers("second", http.StatusNotFound, "")
		if len(statusOf(s, ecds).Refused) != 1 || len(statusOf(s, rds).Refused) != 1 {
			t.Errorf("refused are %+v and %+v", statusOf(s, ecds).Refused, statusOf(s, rds).Refused)
		}
		s.Publish(with(2, "2"))
		answers("front", http.StatusOK, "2")
		answers("second", http.StatusOK, "")
		until(t, "all is well", func() bool { return inSync(s, "edge-0") })
	})
}

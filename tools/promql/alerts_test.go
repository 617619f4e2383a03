package promql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/promqltest"
)

// A sidecar as TestRequestsAreCounted of internal/livetest sees it with what a
// Router counts by default: requests in an environment, and how many each
// router got.
const (
	callsIn = `
  envoy_kibble_requests{namespace="shop",pod="a",kibble_router="shop/incoming",kibble_direction="in",kibble_context="yes"} 0+6x60
  envoy_http_downstream_rq_total{namespace="shop",pod="a",envoy_http_conn_manager_prefix="shop/incoming"} 0+9x60
  envoy_http_downstream_rq_total{namespace="shop",pod="a",envoy_http_conn_manager_prefix="admin"} 0+1x60`
	callsOut = `
  envoy_http_downstream_rq_total{namespace="shop",pod="a",envoy_http_conn_manager_prefix="shop/outgoing"} 0+5x60`
	callsOutInside = callsOut + `
  envoy_kibble_requests{namespace="shop",pod="a",kibble_router="shop/outgoing",kibble_direction="out",kibble_context="yes",kibble_environment="world-v2"} 0+2x60`
	// Of metrics: all.
	countsAll = `
  envoy_kibble_requests{namespace="shop",pod="a",kibble_router="shop/incoming",kibble_direction="in",kibble_context="no"} 0+3x60
  envoy_kibble_requests{namespace="shop",pod="a",kibble_router="shop/outgoing",kibble_direction="out",kibble_context="no"} 0+5x60`
)

// What makes each alert of the chart fire after an hour, and what does not.
var alerts = map[string]struct{ fires, silent []string }{
	"KibbleNoProxyConnected":     {[]string{`kibble_xds_streams 0x60`}, []string{"kibble_xds_streams{pod=\"a\"} 0x60\n  kibble_xds_streams{pod=\"b\"} 1x60"}},
	"KibbleConfigurationRefused": {[]string{`kibble_xds_quarantined_resources{pod="a"} 1x60`}, []string{`kibble_xds_quarantined_resources{pod="a"} 0x60`}},
	"KibbleProxyDoesNotAnswer":   {[]string{`kibble_xds_overdue{type="Cluster"} 1x60`}, []string{`kibble_xds_overdue{type="Cluster"} 0x60`, ""}},
	"KibbleKindsDeleted":         {[]string{`kibble_discovery_kept_objects{kind="Router"} 2x60`}, []string{`kibble_discovery_kept_objects{kind="Router"} 0x60`}},
	"KibbleCertificateNotUsed":   {[]string{`kibble_tls_certificate_unused{pod="b"} 1x60`}, []string{`kibble_tls_certificate_unused{pod="b"} 0x60`}},
	"KibbleContextLost": {
		[]string{callsIn + callsOut, callsIn + callsOut + countsAll},
		// Envoy lets go of a counter that nothing counts for long.
		[]string{callsIn, strings.Replace(callsIn, "0+6x60", "0+6x52 stale", 1), callsIn + callsOutInside, callsIn + callsOutInside + countsAll, callsOut, strings.ReplaceAll(callsIn+callsOut, `pod="a"`, `pod="kibble-node-x7k2p"`)},
	},
}

// Every alert of the chart fires for what it is about, and for nothing else.
func TestAlerts(t *testing.T) {
	for _, alert := range fromAlerts(t) {
		series, ok := alerts[alert.place]
		if !ok {
			t.Errorf("nothing says when %s fires", alert.place)
		}
		for want, all := range [][]string{series.silent, series.fires} {
			for i, load := range all {
				t.Run(fmt.Sprintf("%s/%d-%d", alert.place, want, i), func(t *testing.T) {
					script := fmt.Sprintf("load 1m\n  other 1\n  %s\n\neval instant at 1h count(%s) or vector(0)\n  {} %d\n",
						strings.TrimSpace(load), strings.Join(strings.Fields(alert.text), " "), want)
					promqltest.RunTest(t, script, promqltest.NewTestEngine(t, false, 0, 1000))
				})
			}
		}
	}
}

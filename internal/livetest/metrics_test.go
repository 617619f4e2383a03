package livetest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/translate"
)

// Requests are counted by environment and fallback, in Envoy's own metrics, and
// failures by who was asked; what an application invents makes no series. A
// router that counts all counts the others too, and answers of each destination.
func TestRequestsAreCounted(t *testing.T) {
	const inEnvironments = `envoy_kibble_requests{kibble_router="default/front",kibble_direction="edge",kibble_context="yes",kibble_environment="other",kibble_fallback="other"} 2
envoy_kibble_requests{kibble_router="default/front",kibble_direction="edge",kibble_context="yes",kibble_environment="world-v2"} 4
envoy_kibble_requests{kibble_router="default/inside",kibble_direction="out",kibble_context="yes"} 6
envoy_kibble_requests{kibble_router="default/inside",kibble_direction="out",kibble_context="yes",kibble_environment="other",kibble_fallback="other"} 1
envoy_kibble_requests{kibble_router="default/inside",kibble_direction="out",kibble_context="yes",kibble_environment="world-v2"} 5
`
	for metrics, want := range map[string]string{
		"environments": inEnvironments + `envoy_kibble_failures{kibble_router="default/inside",kibble_direction="out",kibble_destination="/#/io.l5d.k8s/default/http/broken",kibble_status="503"} 3
envoy_kibble_failures{kibble_router="default/inside",kibble_direction="out",kibble_status="502"} 2
`,
		"all": inEnvironments + `envoy_kibble_requests{kibble_router="default/front",kibble_direction="edge",kibble_context="no"} 3
envoy_kibble_requests{kibble_router="default/inside",kibble_direction="out",kibble_context="no"} 7
`,
	} {
		t.Run(metrics, func(t *testing.T) {
			x := start(t, strings.ReplaceAll(hello, "dtabRef: {name: world}", "dtabRef: {name: world}, metrics: "+metrics)+
				policy("world-v2", "baseline", "/host/world => /srv/world-v2")+policy("other", "baseline", "/host/world => /srv/none"),
				map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {app(t, "v2")}, "broken": {failing(t)}})
			ask := func(n int, router, host, header string) {
				for range n {
					x.ask(t, router, host, header)
				}
			}
			ask(3, "front", "world", "x: y")
			ask(4, "front", "world", "cookie: env=world-v2")
			ask(2, "front", "world", "cookie: env=other")
			ask(2, "inside", "world", "x: y")
			ask(3, "inside", "broken", "x: y")
			ask(2, "inside", "nobody", "x: y")
			ask(5, "inside", "world", "l5d-ctx-dogfood: world-v2")
			ask(1, "inside", "world", "l5d-ctx-dogfood: other")
			for i := range 6 {
				ask(1, "inside", "world", fmt.Sprintf("l5d-ctx-dogfood: invented-%d", i))
			}
			var stats, diff string
			// Some are counted when an answer is done with, a moment after it was read.
			for late := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
				stats = x.Get(t, "/stats/prometheus")
				if diff = cmp.Diff(sorted(want), sorted(withPrefix(stats, "envoy_kibble_"))); diff == "" || time.Now().After(late) {
					break
				}
			}
			if diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			// Whoever makes requests is told apart by default, too: the alert KibbleContextLost asks.
			if all := `envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="default/inside"} 19`; withPrefix(stats, all+"\n") == "" {
				t.Errorf("there is no %s", all)
			}
			classes := withPrefix(stats, `envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="/#/io_l5d_k8s/default/http/broken"} 3`)
			if counted := classes != ""; counted != (metrics == "all") {
				t.Errorf("answers of each destination are counted: %v", counted)
			}
		})
	}
}

func withPrefix(text, prefix string) string {
	var with string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			with += line
		}
	}
	return with
}

func sorted(text string) string { return strings.Join(slices.Sorted(strings.Lines(text)), "") }

// A line of the access log says which environment was active, what fell back,
// and which object made the route.
func TestAccessLogTells(t *testing.T) {
	v2 := app(t, "v2")
	x := start(t, logging("all")+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {{address: v2.address, unready: true}}})
	x.ask(t, "front", "world", "cookie: env=world-v2", "x-request-id: a")
	x.ask(t, "inside", "world", "x-request-id: b")
	x.ask(t, "inside", "world", "l5d-ctx-dogfood: unknown,world-v2", "x-request-id: c")
	var got []string
	until(t, "three requests are logged", func() bool {
		got = nil
		for line := range strings.Lines(x.Log()) {
			var l struct{ Router, Dogfood, Env, Fallback, Source, Member string }
			if json.Unmarshal([]byte(line), &l) == nil && l.Router != "" {
				got = append(got, fmt.Sprintf("%s: %q %q %q %s %s", l.Router, l.Dogfood, l.Env, l.Fallback, l.Source, l.Member))
			}
		}
		return len(got) == 3
	})
	slices.Sort(got) // workers of an Envoy log each in its own time
	want := []string{
		`default/front: "world-v2" "world-v2" "world-v2" policy world-v2 (live.yaml:25:18) /#/io.l5d.k8s/default/http/world-v1`,
		`default/inside: "" "" "" dtab default/world (live.yaml:17:5) `,
		`default/inside: "unknown,world-v2" "world-v2" "world-v2" policy world-v2 (live.yaml:25:18) /#/io.l5d.k8s/default/http/world-v1`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// At the edge log and metrics say what was decided: nothing of a request that was refused
// before, whatever it says itself, and all of one whose client did not wait.
func TestDecisionIsTold(t *testing.T) {
	asked, gone := make(chan struct{}), make(chan struct{})
	defer close(gone)
	silent := pod{address: upstream(t, func(http.ResponseWriter) { close(asked); <-gone })}
	x := start(t, logging("all")+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {silent}})
	c, err := net.Dial("tcp", x.address("front"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(c, "GET /a%2fb HTTP/1.1\r\nHost: world\r\nl5d-ctx-dogfood: forged\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: world\r\ncookie: env=world-v2\r\n\r\n")
	<-asked
	_ = c.Close()
	var got []string
	until(t, "both are logged", func() bool {
		got = nil
		for line := range strings.Lines(x.Log()) {
			var l struct{ Path, Flags, Dogfood string }
			if json.Unmarshal([]byte(line), &l) == nil && l.Path != "" {
				got = append(got, fmt.Sprintf("%s %s %q", l.Path, l.Flags, l.Dogfood))
			}
		}
		return len(got) == 2
	})
	if diff := cmp.Diff([]string{`/a/b - ""`, `/ DC "world-v2"`}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	const counted = `envoy_kibble_requests{kibble_router="default/front",kibble_direction="edge",kibble_context="yes",kibble_environment="world-v2"} 1`
	if stats := withPrefix(x.Get(t, "/stats/prometheus"), "envoy_kibble_requests{"); !strings.Contains(stats, counted) || strings.Contains(stats, "forged") {
		t.Errorf("counted:\n%s", stats)
	}
}

// logging is hello with routers that log what accessLog says.
func logging(which string) string {
	return strings.ReplaceAll(hello, "dtabRef: {name: world}", "dtabRef: {name: world}, accessLog: "+which)
}

// A router logs what may have to be looked into, or more, or nothing, as it
// says; whatever carries the context.
func TestAccessLogChooses(t *testing.T) {
	const (
		notable = "fallback in-baggage refused rules stand-in"
		both    = ", carriers: [l5d-ctx, baggage]"
	)
	for which, want := range map[string]string{
		"notable" + both: notable, "none" + both: "", "environments" + both: "environment " + notable,
		"all" + both:                   "environment fallback in-baggage ordinary refused rules stand-in",
		"notable, carriers: [baggage]": notable, `""`: "fallback refused rules stand-in",
	} {
		t.Run(which, func(t *testing.T) {
			x := start(t, logging(which)+policy("world-v2", "baseline", "/host/world => /srv/world-v2")+policy("other", "baseline", "/host/world => /srv/none")+policy("sick", "baseline", "/host/world => /srv/sick"),
				map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {app(t, "v2")}, "sick": {{address: app(t, "sick").address, unready: true}}})
			for id, request := range map[string][2]string{
				"ordinary": {"world", "x: y"}, "environment": {"world", "l5d-ctx-dogfood: world-v2"}, "fallback": {"world", "l5d-ctx-dogfood: other"}, "stand-in": {"world", "l5d-ctx-dogfood: sick"},
				"in-baggage": {"world", "baggage: a=b,dogfood=other"}, "rules": {"world", "l5d-dtab: /host/world => /srv/world-v2"}, "refused": {"nobody", "x: y"},
			} {
				x.ask(t, "inside", request[0], request[1], "x-request-id: "+id, translate.HeaderBaseline+": not to be believed")
			}
			x.Stop() // it writes what it still has
			ids := []string{}
			for line := range strings.Lines(x.Log()) {
				var l struct {
					Router string
					ID     string `json:"request_id"`
				}
				if json.Unmarshal([]byte(line), &l) == nil && l.Router != "" {
					ids = append(ids, l.ID)
				}
			}
			slices.Sort(ids)
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("logged: %s, want %s", got, want)
			}
		})
	}
}

// Every metric that the manual names is one that an Envoy of ours has.
func TestManualNamesMetrics(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/proxy-metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	// The first router counts all, the other what it counts by default.
	x := start(t, strings.Replace(hello, "dtabRef: {name: world}", "dtabRef: {name: world}, metrics: all", 1)+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {app(t, "v2")}})
	x.ask(t, "front", "world", "cookie: env=world-v2")
	x.ask(t, "inside", "world", "l5d-dtab: /host/world => /srv/world-v2")
	x.ask(t, "inside", "nobody")
	names := regexp.MustCompile("`(envoy_[a-z_]+)`[^\n]*\n").FindAllStringSubmatch(string(page), -1)
	if len(names) < 10 {
		t.Fatalf("the page names only %d metrics", len(names))
	}
	// Some are counted when an answer is done with, a moment after it was read.
	until(t, "all are there", func() bool {
		stats := x.Get(t, "/stats/prometheus")
		for _, m := range names {
			if !regexp.MustCompile(`(?m)^# TYPE ` + m[1] + ` `).MatchString(stats) {
				t.Logf("there is no %s yet", m[1])
				return false
			}
		}
		return true
	})
}

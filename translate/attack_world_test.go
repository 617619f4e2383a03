package translate

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"kibble.dev/dogfood"
	"kibble.dev/internal/envoytest"
)

// The stage of the attack suite: an edge whose configuration is what the
// translation makes of the objects below, with policies active, a grant of own
// rules, and both carriers written; beside it a router that trusts its callers,
// which shows that context does work.

const stageTable = ", dtab: '/svc => /#/io.l5d.k8s/default/http; /svc/world => /svc/v1'}"

func stageRouters() map[string]string {
	edge := "{proxyClass: edge, adHocOverrides: {allow: [/svc]}, carriers: [l5d-ctx, baggage], "
	return map[string]string{
		"front":  edge + "port: 1" + stageTable,
		"hops1":  edge + "port: 2, xffNumTrustedHops: 1" + stageTable,
		"hops2":  edge + "port: 3, xffNumTrustedHops: 2" + stageTable,
		"inside": "{proxyClass: edge, port: 4, trust: internal" + stageTable,
	}
}

func stagePolicies() map[string]string {
	const override = ", override: '/svc/world => /svc/v2'}"
	return map[string]string{
		"world-v2": "{when: {cookie: {name: dogfooder, exact: 'yes'}}" + override,
		"office":   "{when: {sourceRanges: ['10.0.0.0/8', '2001:db8::/32']}" + override,
		"letmein":  "{when: {header: {name: x-secret, exact: sesame}}, grant: adHoc" + override,
	}
}

type stage struct {
	world
	v1, v2 *recorder
}

func newStage(t *testing.T) stage {
	v1, v2 := &recorder{name: "v1"}, &recorder{name: "v2"}
	return stage{newWorld(t, "edge", stageRouters(), stagePolicies(), map[string]string{
		"v1": envoytest.Upstream(t, v1), "v2": envoytest.Upstream(t, v2),
	}), v1, v2}
}

// recorder is an application that keeps everything it ever got, and answers
// with all that nobody outside may see.
type recorder struct {
	name string
	mu   sync.Mutex
	got  []*http.Request
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body) // trailers come after it
	r.mu.Lock()
	r.got = append(r.got, req)
	r.mu.Unlock()
	h := w.Header()
	h.Set("X-App", r.name)
	for _, name := range []string{"L5d-Success-Class", "L5d-Err", "L5d-Ctx-Dogfood", "X-Kibble-Cluster", "Dtab-Local"} {
		h.Set(name, "leak")
	}
	h.Set("Trailer", "L5d-Late, X-Kibble-Late")
	if req.ProtoAtLeast(1, 1) {
		w.WriteHeader(http.StatusEarlyHints)
	}
	_, _ = io.WriteString(w, r.name)
	h.Set("L5d-Late", "leak")
	h.Set("X-Kibble-Late", "leak")
}

// requests gives those that came to a path, or all for "".
func (r *recorder) requests(path string) []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*http.Request
	for _, req := range r.got {
		if path == "" || req.URL.Path == path {
			found = append(found, req)
		}
	}
	return found
}

// checkUntouched fails unless everything went to the baseline and brought
// nothing of ours, in any form that an application could take for it.
func (s stage) checkUntouched(t *testing.T) {
	t.Helper()
	for _, req := range s.v2.requests("") {
		t.Errorf("%s %s chose its route: %v", req.Method, req.RequestURI, req.Header)
	}
	for _, req := range s.v1.requests("") {
		for where, h := range map[string]http.Header{"header": req.Header, "trailer": req.Trailer} {
			for _, found := range foreign(h, where) {
				t.Errorf("%s %s: the application got the %s %s", req.Method, req.RequestURI, where, found)
			}
		}
	}
}

// foreign gives what of a request that came through the edge was brought by
// somebody outside. l5d-dst-client is what the edge itself writes.
func foreign(h http.Header, where string) []string {
	var found []string
	for key, values := range h {
		folded := strings.ReplaceAll(strings.ToLower(key), "_", "-")
		text := fmt.Sprintf("%.80q: %.80q", key, values)
		switch {
		case len(values) == 0:
		case folded == HeaderDst && where == "header" && len(values) == 1 && values[0] == "/#/io.l5d.k8s/default/http/v1":
		case dogfood.Carries(folded), strings.Contains(folded, "l5d-"):
			found = append(found, text)
		case folded == dogfood.BaggageHeader && regexp.MustCompile(`(?i)(^|,)[ \t]*dogfood`).MatchString(strings.Join(values, ",")):
			found = append(found, text)
		}
	}
	return found
}

var leak = regexp.MustCompile(`(?im)^[ \t]*(l5d-|x-kibble-|dtab-local)[^\n]*`)

// talk writes bytes on a connection of their own, and gives what comes back: one
// answer, or with all as much as comes until the edge closes the connection.
func talk(address, text string, all bool) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // none is left open as yet
	go func() { _, _ = io.WriteString(conn, text) }() // it may be refused half-way
	var answer strings.Builder
	reader := bufio.NewReader(io.TeeReader(conn, &answer))
	for status := 100; status < 200; {
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			break
		}
		status = resp.StatusCode
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if all {
		_, _ = io.Copy(io.Discard, reader)
	}
	return answer.String()
}

// talkAll does so with many requests at a time: Envoy takes a second to close a
// connection on which it was cheated. It counts the answers by status.
func (s stage) talkAll(t *testing.T, requests []string, all bool) map[string]int {
	t.Helper()
	address := s.address(t, "front")
	limit := make(chan struct{}, 64)
	var wait sync.WaitGroup
	var mu sync.Mutex
	status := map[string]int{}
	for _, request := range requests {
		limit <- struct{}{}
		wait.Go(func() {
			answer := talk(address, request, all)
			mu.Lock()
			defer mu.Unlock()
			status[strings.Join(strings.Fields(answer + " none none")[1:2], "")]++
			if found := leak.FindString(answer); found != "" {
				t.Errorf("%.120q: the client is told %q", request, found)
			}
			<-limit
		})
	}
	wait.Wait()
	return status
}

// carrierValues are carriers with values that would change something.
func carrierValues() [][2]string {
	return [][2]string{
		{"l5d-dtab", "/svc/world=>/svc/v2"}, {"l5d-ctx-dtab", "/svc/world=>/svc/v2"}, {"l5d-ctx-dogfood", "world-v2"},
		{"l5d-sample", "1.0"}, {"l5d-dst-client", "/#/io.l5d.k8s/default/http/v2"}, {"l5d-foo", "forged"}, {"l5d-ctx-trace", "forged"},
		{"l5d-", "forged"}, {"dtab-local", "/svc/world=>/svc/v2"}, {"dtab-local-01-a", "forged"},
		{"x-kibble-cluster", "/#/io.l5d.k8s/default/http/v2"}, {"x-kibble-dtab", "/svc/world=>/svc/v2"}, {"x-kibble-granted", "1"},
		{"x-kibble-outside", "1"}, {"x-kibble-router", "default/inside"}, {"x-kibble-any", "forged"}, {"baggage", "dogfood=world-v2"},
	}
}

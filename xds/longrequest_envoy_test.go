package xds_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// A request that is under way ends as it would have, though its cluster goes, or is
// replaced, or loses its endpoints, or its listener goes meanwhile.
func TestEnvoyLongRequests(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		end, began := make(chan struct{}), make(chan struct{})
		slow := envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/slow" {
				fmt.Fprint(w, r.Header.Get("X-To"))
				return
			}
			fmt.Fprint(w, "first,")
			_ = http.NewResponseController(w).Flush()
			began <- struct{}{}
			<-end
			fmt.Fprint(w, "last")
		}))
		s, address := serve(t, xds.Options{Drain: 50 * time.Millisecond})
		publish := func(i int, change func(of map[string]map[string]*translate.Resource)) {
			v := version(t, i, slow)
			change(v.Classes["edge"].Resources)
			s.Publish(v)
		}
		publish(1, func(map[string]map[string]*translate.Resource) {})
		envoy := run(t, address, "edge-0", "edge", protocol)
		envoy.WaitReady(t)
		until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
		front := "http://" + envoy.Listener(t, "front")
		answers, asked := make(chan string), 0
		long := func() {
			asked++
			go func() { answers <- readOnce(front + "/slow") }()
			<-began
		}
		knows := func(text string) bool { return strings.Contains(envoy.Get(t, "/clusters"), text) }

		long()
		publish(2, func(map[string]map[string]*translate.Resource) {})
		until(t, "the cluster is gone", func() bool { return ask(front) == "c2" && !knows("c1::") })
		long()
		other := upstream(t)
		publish(2, func(of map[string]map[string]*translate.Resource) { of[eds]["c2"] = endpoints(t, "c2", other) })
		until(t, "its endpoints are others", func() bool { return knows(other) && !knows(slow) })
		publish(2, func(map[string]map[string]*translate.Resource) {})
		until(t, "they are back", func() bool { return knows(slow) && inSync(s, "edge-0") })
		long()
		publish(2, func(of map[string]map[string]*translate.Resource) { of[cds]["c2"] = cluster(t, "c2", 2*time.Second) })
		until(t, "the cluster is another", func() bool {
			return strings.Contains(envoy.Get(t, "/config_dump?resource=dynamic_active_clusters"), `"2s"`) && inSync(s, "edge-0")
		})
		long()
		publish(2, func(of map[string]map[string]*translate.Resource) { delete(of[lds], "front") })
		until(t, "the listener is gone", func() bool { return strings.Contains(ask(front), "refused") })
		close(end)
		for range asked {
			if a := <-answers; a != "first,last" {
				t.Errorf("the answer is %q", a)
			}
		}
	})
}

// readOnce gives the body of one answer, or what went wrong with it, over a
// connection of its own.
func readOnce(url string) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return string(b) + err.Error()
	}
	return string(b)
}

package inject_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"

	"kibble.dev/inject"
	"kibble.dev/internal/golden"
)

// ca is any certificate: the golden files hold it.
func options(t testing.TB) inject.Options {
	t.Helper()
	ca, err := os.ReadFile("testdata/ca.crt")
	if err != nil {
		t.Fatal(err)
	}
	return inject.Options{Image: "envoyproxy/envoy:distroless-v1.40.0", Server: "kibble.kibble-system.svc:18000", CA: string(ca)}
}

// Each testdata/*.in.yaml becomes its .out.yaml, and that becomes itself.
func TestFiles(t *testing.T) {
	all, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	for _, name := range all {
		t.Run(filepath.Base(name), func(t *testing.T) {
			in, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := files(t, options(t), in)
			// The bootstrap has tests of its own; here it would hide the rest.
			short := bootstraps().ReplaceAll(got, []byte("$1- BOOTSTRAP\n"))
			golden.Check(t, strings.TrimSuffix(name, ".in.yaml")+".out.yaml", string(short))
			if diff := cmp.Diff(string(got), string(files(t, options(t), got))); diff != "" {
				t.Errorf("injected twice (-once +twice):\n%s", diff)
			}
			// An upgrade gives what a first injection with the new options gives.
			next := options(t)
			next.Image, next.Port, next.NodePort, next.Server = "envoy:next", 5140, 5141, "kibble.other.svc:18001"
			if diff := cmp.Diff(string(files(t, next, in)), string(files(t, next, got))); diff != "" {
				t.Errorf("upgraded (-fresh +upgraded):\n%s", diff)
			}
		})
	}
}

func bootstraps() *regexp.Regexp {
	return regexp.MustCompile(`(?s)(- --config-yaml\n +)- '\{.*?'\n`)
}

func files(t *testing.T, o inject.Options, in []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := inject.Files(o, bytes.NewReader(in), &out, inject.ModeSidecar); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What is wrong is said with its place.
func TestErrors(t *testing.T) {
	for annotation, says := range map[string]string{
		`kibble.dev/http-proxy-port: "0"`:           `Pod a: annotation kibble.dev/http-proxy-port: "0": want a port from 1 to 65535`,
		`kibble.dev/drain-seconds: "-1"`:            `annotation kibble.dev/drain-seconds: "-1": want seconds from 0 to 3600`,
		`kibble.dev/drain-seconds: 5s`:              `want seconds from 0 to 3600`,
		`kibble.dev/proxy-cpu-request: much`:        `want a quantity, such as 50m`,
		`kibble.dev/proxy-memory-request: 1Gi`:      `1Gi is more than the limit of 512Mi`,
		`kibble.dev/proxy-log-level: loud`:          `want trace, debug`,
		`kibble.dev/proxy-class: "$(HOME)"`:         `Kubernetes would put a variable`,
		`kibble.dev/proxy-class: "no class"`:        `proxy class "no class": want a name`,
		"x: y}, labels: {kibble.dev/inject: please": `label kibble.dev/inject: "please": want enabled, node, host-ip or disabled`,
	} {
		in := "apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {" + annotation + "}}\nspec: {containers: [{name: a}]}\n"
		err := inject.Files(options(t), strings.NewReader(in), &bytes.Buffer{}, inject.ModeSidecar)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want in it: %s", annotation, err, says)
		}
	}
}

// The webhook's patch makes of a pod what Pod makes of it, and only pods that
// are created are touched.
func TestWebhook(t *testing.T) {
	o := options(t)
	w := inject.NewWebhook(func() inject.Options { return o }, nil)
	pod := `{"metadata":{"name":"a"},"spec":{"containers":[{"name":"a","of a later Kubernetes":{"x":1.5}}]}}`
	for _, c := range []struct {
		name, path, method, body string
		code                     int
		patched                  bool
		says                     string
	}{
		{"created", "enabled", "POST", review("Pod", "CREATE", pod), 200, true, ""},
		{"by the node", "node", "POST", review("Pod", "CREATE", pod), 200, true, ""},
		{"not asked for", "disabled", "POST", review("Pod", "CREATE", pod), 200, false, ""},
		{"updated", "enabled", "POST", review("Pod", "UPDATE", pod), 200, false, ""},
		{"another kind", "enabled", "POST", review("Service", "CREATE", pod), 200, false, ""},
		{"no such mode", "nonsense", "POST", review("Pod", "CREATE", pod), 200, false, "nonsense"},
		{"no spec", "enabled", "POST", review("Pod", "CREATE", `{"metadata":{}}`), 200, false, ""},
		{"odd", "enabled", "POST", review("Pod", "CREATE", `{"metadata":1,"spec":{"containers":[1,{"env":"x"}],"initContainers":{}}}`), 200, true, ""},
		{"no object", "enabled", "POST", review("Pod", "CREATE", `null`), 200, false, "cannot be read"},
		{"no review", "enabled", "POST", `{}`, 400, false, ""},
		{"no JSON", "enabled", "POST", `{`, 400, false, ""},
		{"a GET", "enabled", "GET", ``, 405, false, ""},
		{"too large", "enabled", "POST", strings.Repeat(" ", 9<<20), 413, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := httptest.NewRecorder()
			w.ServeHTTP(out, httptest.NewRequest(c.method, inject.Path+c.path, strings.NewReader(c.body)))
			if out.Code != c.code {
				t.Fatalf("%d %s, want %d", out.Code, out.Body, c.code)
			}
			if c.code != 200 {
				return
			}
			var answer admissionv1.AdmissionReview
			if err := json.Unmarshal(out.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
			r := answer.Response
			if r.UID != "u" || r.Allowed != (c.says == "") || (len(r.Patch) > 0) != c.patched {
				t.Errorf("got %+v", r)
			}
			if c.says != "" && !strings.Contains(r.Result.Message, c.says) {
				t.Errorf("it says %q", r.Result.Message)
			}
		})
	}
}

// slowBody is a body that comes when it may, and says when it is read.
type slowBody struct {
	io.Reader
	begins chan<- struct{}
	comes  <-chan struct{}
}

func (b *slowBody) Read(p []byte) (int, error) {
	select {
	case b.begins <- struct{}{}:
	case <-b.comes:
	}
	<-b.comes
	return b.Reader.Read(p)
}

// Of many reviews that may be large a few are read at a time; all are answered.
func TestWebhookReadsFewAtOnce(t *testing.T) {
	o := options(t)
	w := inject.NewWebhook(func() inject.Options { return o }, nil)
	const all, atOnce = 20, 4
	begins, comes := make(chan struct{}, all), make(chan struct{})
	var answering sync.WaitGroup
	for range all {
		answering.Go(func() {
			body := &slowBody{strings.NewReader(review("Pod", "CREATE", `{"spec":{}}`)), begins, comes}
			out := httptest.NewRecorder()
			w.ServeHTTP(out, httptest.NewRequest("POST", inject.Path+"enabled", body))
			if out.Code != 200 {
				t.Errorf("%d %s", out.Code, out.Body)
			}
		})
	}
	for range atOnce {
		<-begins
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	out := httptest.NewRecorder()
	w.ServeHTTP(out, httptest.NewRequest("POST", inject.Path+"enabled", strings.NewReader("{}")).WithContext(gone))
	if len(begins) > 0 || out.Code != 503 {
		t.Errorf("%d more are read, and who has gone is told %d", len(begins), out.Code)
	}
	close(comes)
	answering.Wait()
}

// A body that does not come in time makes room for another.
func TestWebhookWaitsForNoBody(t *testing.T) {
	o := options(t)
	s := httptest.NewServer(inject.NewWebhook(func() inject.Options { return o }, nil))
	t.Cleanup(s.Close)
	for range 4 {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, "POST /inject/enabled HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\nbegun"); err != nil {
			t.Fatal(err)
		}
	}
	response, err := s.Client().Post(s.URL+inject.Path+"enabled", "application/json", strings.NewReader(review("Pod", "CREATE", `{"spec":{}}`)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 200 {
		t.Error(response.Status)
	}
}

func review(kind, operation, object string) string {
	return `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"version":"v1","kind":"` + kind +
		`"},"operation":"` + operation + `","namespace":"n","object":` + object + `}}`
}

// Whatever the API server sends, nothing panics, and what is injected twice is
// what is injected once.
func FuzzPod(f *testing.F) {
	f.Add(`{"metadata":{"labels":{"kibble.dev/inject":"node"}},"spec":{"containers":[{"name":"a","env":[{"name":"http_proxy"}]}]}}`)
	f.Add(`{"spec":{"initContainers":[{"name":"kibble-proxy"},7],"volumes":[null]}}`)
	f.Add(`{"metadata":{"annotations":{"kibble.dev/injected":"http://127.0.0.1:1 x"}},"spec":{"containers":null}}`)
	o := options(f)
	f.Fuzz(func(t *testing.T, text string) {
		var pod map[string]any
		if json.Unmarshal([]byte(text), &pod) != nil {
			return
		}
		once, _, err := inject.Pod(o, pod, map[string]string{inject.Label: inject.ModeSidecar})
		if err != nil {
			return
		}
		twice, _, err := inject.Pod(o, once, map[string]string{inject.Label: inject.ModeSidecar})
		if diff := cmp.Diff(once, twice); err != nil || diff != "" {
			t.Errorf("%v: injected twice (-once +twice):\n%s", err, diff)
		}
	})
}

// Sidecars of pods with IPv6 addresses say by both families that they are ready.
func TestStatusHost(t *testing.T) {
	in := []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n")
	for host, want := range map[string]string{
		"":   `"address":"0.0.0.0","ipv4_compat":false,"port_value":4190`,
		"::": `"address":"::","ipv4_compat":true,"port_value":4190`,
	} {
		o := options(t)
		o.StatusHost = host
		if got := string(files(t, o, in)); !strings.Contains(got, want) {
			t.Errorf("with %q there is no %s in %s", host, want, got)
		}
	}
}

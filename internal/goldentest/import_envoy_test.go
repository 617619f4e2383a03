package goldentest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kibble.dev/api/v1alpha1"
	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// What is imported is served: for every row of the preview of a configuration
// of linkerd, a real Envoy that Kibble serves answers a request of that row from
// where explain says.
func TestImportedIsServed(t *testing.T) {
	dst := envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "destination:", r.Header.Get(translate.HeaderDst))
	}))
	asked, told := 0, 0
	served := slices.Collect(maps.Values(imports()))
	slices.SortFunc(served, func(a, b imported) int {
		return cmp.Or(cmp.Compare(a.config, b.config), cmp.Compare(a.router, b.router))
	})
	for _, c := range append(served, oldImports()...) {
		t.Run(c.config+"/"+c.router, func(t *testing.T) {
			inv := importedWorld(t, c.world, c.config)
			i := slices.IndexFunc(inv.Routers, func(r *translate.Sourced[v1alpha1.Router]) bool { return r.Object.Name == c.router })
			router := inv.Routers[i]
			router.Object.Spec.Port, router.Object.Spec.Bind = int32(envoytest.FreePorts(t, 1)[0]), v1alpha1.BindLoopback
			inv.Routers = []*translate.Sourced[v1alpha1.Router]{router}
			moveTo(inv, netip.MustParseAddrPort(dst))
			m := translate.NewModel(inv, time.Now())
			address := serveModel(t, m, router.Object.Spec.ProxyClass, "default/"+c.router)
			rows, err := m.Preview("")
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				req := requestOf(row, router.Object.Spec.Identifier)
				x, err := m.Explain(translate.Question{Router: c.router, Request: req, Peer: netip.MustParseAddr("127.0.0.1")})
				if err != nil {
					t.Fatal(err)
				}
				if req.Method == "M-SEARCH" || !stays(x) { // Envoy's HTTP/1 refuses that method
					continue
				}
				asked++
				if askEnvoy(t, address, req, x) {
					told++
				}
			}
		})
	}
	if t.Logf("%d requests, %d of them answered with their destination", asked, told); told < 60 {
		t.Error("that proves little")
	}
}

// stays tells that a request that is routed stays on this machine.
func stays(x *translate.Explanation) bool {
	for _, d := range x.Destinations {
		for _, e := range d.Endpoints {
			if a, err := netip.ParseAddrPort(e); err != nil || !a.Addr().IsLoopback() {
				return false
			}
		}
	}
	return true
}

// moveTo puts every endpoint to one address.
func moveTo(inv *translate.Inventory, to netip.AddrPort) {
	for _, s := range inv.Services {
		for _, slice := range s.Slices {
			for i := range slice.Ports {
				slice.Ports[i].Port = int32(to.Port())
			}
			for i := range slice.Endpoints {
				slice.Endpoints[i].Addresses = []string{to.Addr().String()}
			}
		}
	}
}

// serveModel serves a model to an Envoy of a class and gives where its router listens.
func serveModel(t *testing.T, m *translate.Model, class, router string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := xds.New(xds.Options{})
	snapshot, _ := m.Snapshot()
	server.Publish(snapshot)
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ctx, l) })
	t.Cleanup(func() { cancel(); serving.Wait() })
	boot, err := bootstrap.Render(bootstrap.Options{Class: class, NodeID: class + "-0", Server: l.Addr().String(), NodeName: "node-a", PodIP: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	return envoytest.Start(t, boot).Listener(t, router)
}

// requestOf makes a request of the row, with a word for each part that any
// request may have.
func requestOf(row translate.Row, id *v1alpha1.Identifier) translate.Request {
	any := strings.NewReplacer("*", "any")
	req := translate.Request{Method: http.MethodGet, Host: any.Replace(row.Host), Path: "/", Header: map[string][]string{}}
	for part := range strings.SplitSeq(row.Match, ", ") {
		name, value, _ := strings.Cut(part, " ")
		switch name {
		case "path":
			req.Path = any.Replace(value)
		case "method":
			req.Method = any.Replace(value)
		default:
			if id != nil && id.Header != "" && strings.EqualFold(name, id.Header) {
				req.Header[strings.ToLower(name)] = []string{any.Replace(value)}
			}
		}
	}
	return req
}

// askEnvoy sends a request and holds the answer against an explanation. It
// reports whether the answer told the destination: who serves a request does,
// and inside so does Envoy where nobody is there.
func askEnvoy(t *testing.T, address string, req translate.Request, x *translate.Explanation) bool {
	t.Helper()
	r, err := http.NewRequest(req.Method, "http://"+address+req.Path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = req.Host
	for name, lines := range req.Header {
		r.Header[http.CanonicalHeaderKey(name)] = lines
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	what := fmt.Sprintf("%s %s%s %v", req.Method, req.Host, req.Path, req.Header)
	if x.Status != http.StatusOK {
		if resp.StatusCode != x.Status {
			t.Errorf("%s: %d %s, but explain says %d: %s", what, resp.StatusCode, b, x.Status, x.Reason)
		}
		return false
	}
	_, cluster, ok := strings.Cut(string(b), "destination: ")
	cluster, _, _ = strings.Cut(cluster, "\n")
	known := func(d translate.Destination) bool {
		return d.Cluster == cluster || slices.Contains(d.Fallback, cluster)
	}
	switch {
	case ok && !slices.ContainsFunc(x.Destinations, known):
		t.Errorf("%s: %d from %s, but explain says %+v", what, resp.StatusCode, cluster, x.Destinations)
	case !ok && resp.StatusCode < 500:
		t.Errorf("%s: %d %s", what, resp.StatusCode, b)
	}
	return ok
}

package livetest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"kibble.dev/discovery"
	"kibble.dev/internal/pki"
	"kibble.dev/translate"
)

// An edge serves each host with the certificate of its Secret, and refuses
// whoever asks for another host; policies and what clients are kept from are
// those of plain HTTP.
func TestHTTPS(t *testing.T) {
	scheme := pod{address: upstreamOf(t, func(r *http.Request) string {
		return fmt.Sprintf("v1 %s forged=%q", r.Header.Get("X-Forwarded-Proto"), r.Header.Get("L5d-Ctx-Dogfood"))
	})}
	override := policy("world-v2", "baseline", "/svc/default/http/world-v1 => /#/io.l5d.k8s/default/http/world-v2")
	c := startTLS(t, override, map[string][]pod{"world-v1": {scheme}, "world-v2": {app(t, "v2")}, "api": {app(t, "api")}})

	for _, test := range []struct{ router, sni, secret string }{
		{"front", "www.hello.world", "www"}, {"front", "WWW.hello.world", "www"}, {"front", "api.hello.world", "api"},
		{"inside", "www.hello.world", "wild"}, {"inside", "elsewhere", "fallback"}, {"inside", "", "fallback"},
	} {
		c.shows(t, test.router, test.sni, test.secret)
	}
	for _, sni := range []string{"other.hello.world", "hello.world", ""} {
		if serial, err := c.handshake("front", sni); err == nil {
			t.Errorf("front shows %v for %q", serial, sni)
		}
	}
	if _, err := c.handshake("front", "www.hello.world", tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if !c.warns(`"www.hello.world" is already named`) {
		t.Errorf("two certificates for one host: %v", c.model.Findings())
	}

	const www = "https://www.hello.world/"
	for _, test := range []struct {
		name, router, url, want string
		client                  *http.Client
		headers                 []string
	}{
		{"HTTP/2", "front", www, `200 HTTP/2.0 v1 https forged=""`, c.browser(t, "front", ""), nil},
		{"HTTP/1.1", "front", www, `200 HTTP/1.1 v1 https forged=""`, c.browser(t, "front", "", "http/1.1"), nil},
		{"forged", "front", www, `200 HTTP/2.0 v1 https forged=""`, c.browser(t, "front", ""),
			[]string{"l5d-ctx-dogfood: world-v2", "x-forwarded-proto: http"}},
		{"a policy", "front", www, "200 HTTP/2.0 v2", c.browser(t, "front", ""), []string{"cookie: env=world-v2"}},
		{"another host", "front", "https://api.hello.world/", "200 HTTP/2.0 api", c.browser(t, "front", ""), nil},
		{"underscores", "front", www, "400 HTTP/1.1 ", c.browser(t, "front", "", "http/1.1"), []string{"a_b: c"}},
		{"certificates of a router's own", "inside", www, `200 HTTP/2.0 v1 https forged=""`, c.browser(t, "inside", ""), nil},
	} {
		got, err := fetch(test.client, test.url, test.headers...)
		if err != nil || !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: want %s, got %s, %v", test.name, test.want, got, err)
		}
	}
}

// Plain HTTP is sent to HTTPS where there is a certificate, and explain says so.
func TestHTTPToHTTPS(t *testing.T) {
	c := startTLS(t, "", map[string][]pod{"world-v1": {app(t, "v1")}, "api": {app(t, "api")}})
	c.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	port := fmt.Sprint(":", c.tls["front"])
	for _, test := range []struct {
		router, host, path, proto string
		to                        string // "": it is not sent elsewhere
	}{
		{"front", "www.hello.world", "/a?b=c", "", "https://www.hello.world" + port + "/a?b=c"},
		{"front", "www.hello.world:8080", "/", "", "https://www.hello.world" + port + "/"},
		{"front", "www.hello.world", "/", "https", "https://www.hello.world" + port + "/"}, // which anybody can say
		{"front", "www.hello.world", "/.well-known/acme-challenge/token", "", ""},
		{"inside", "www.hello.world", "/", "", "https://www.hello.world/"},
		{"inside", "www.hello.world:80", "/", "", "https://www.hello.world/"},
		{"inside", "www.hello.world:8080", "/", "", "https://www.hello.world:8080/"},
		{"inside", "a.b.hello.world", "/", "http", "https://a.b.hello.world/"},
		{"inside", "www.hello.world", "/", "https", ""}, // says the proxy in front
		{"inside", "hello.world", "/", "", ""},
		{"inside", "elsewhere", "/", "", ""},
	} {
		status, to, err := c.location(test.router, test.host, test.path, test.proto)
		if err != nil {
			t.Fatal(err)
		}
		header := map[string][]string{}
		if test.proto != "" {
			header["x-forwarded-proto"] = []string{test.proto}
		}
		x, err := c.model.Explain(translate.Question{Router: test.router, Request: translate.Request{
			Method: http.MethodGet, Host: test.host, Path: test.path, Header: header,
		}})
		if err != nil {
			t.Fatal(err)
		}
		want := 200
		if test.to != "" {
			want = 308
		}
		if status != want || x.Status != want || to != test.to || !strings.Contains(x.Reason, test.to) {
			t.Errorf("%+v:\ngot %d %s\nexplain says %d %s", test, status, to, x.Status, x.Reason)
		}
	}
	x, err := c.model.Explain(translate.Question{Router: "front", Request: translate.Request{
		Method: http.MethodGet, Host: "www.hello.world", Path: "/", Secure: true,
	}})
	if err != nil || x.Status != 200 {
		t.Errorf("by HTTPS: %+v, %v", x, err)
	}
}

// location asks by plain HTTP and gives where the answer leads to.
func (c *certified) location(router, host, path, proto string) (status int, to string, err error) {
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", c.ports[router], path), http.NoBody)
	if err != nil {
		return 0, "", err
	}
	req.Host = host
	if proto != "" {
		req.Header.Set("X-Forwarded-Proto", proto)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	return resp.StatusCode, resp.Header.Get("Location"), resp.Body.Close()
}

// Certificates change while requests go on, on connections that are kept and on
// new ones: none fails, no listener is made anew and no kept connection ends.
func TestRotationUnderLoad(t *testing.T) {
	c := startTLS(t, "", map[string][]pod{"world-v1": {app(t, "v1")}, "api": {app(t, "api")}})
	c.shows(t, "front", "www.hello.world", "www")
	var dials, asked atomic.Int64
	var failed atomic.Value
	kept := c.browser(t, "front", "")
	dial := kept.Transport.(*http.Transport).DialContext
	kept.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, a string) (net.Conn, error) {
		dials.Add(1)
		return dial(ctx, network, a)
	}
	fresh := c.browser(t, "front", "")
	fresh.Transport.(*http.Transport).DisableKeepAlives = true
	if _, err := fetch(kept, "https://www.hello.world/"); err != nil {
		t.Fatal(err)
	}
	before := c.listenerChanges(t)
	quit := make(chan struct{})
	var askers sync.WaitGroup
	for _, client := range []*http.Client{kept, fresh} {
		askers.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				if got, err := fetch(client, "https://www.hello.world/"); err != nil || !strings.HasPrefix(got, "200 ") {
					failed.CompareAndSwap(nil, fmt.Sprint(got, err))
				}
				asked.Add(1)
			}
		})
	}
	for range 20 {
		c.issue(t, "www", "www.hello.world")
		c.serve(t)
		c.shows(t, "front", "www.hello.world", "www")
	}
	close(quit)
	askers.Wait()
	if why := failed.Load(); why != nil {
		t.Errorf("of %d requests the first that failed: %v", asked.Load(), why)
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("the kept connection was opened %d times", n)
	}
	if after := c.listenerChanges(t); after != before {
		t.Errorf("listeners changed: before\n%s\nafter\n%s", before, after)
	}
	t.Logf("%d requests", asked.Load())
}

// listenerChanges is what Envoy counts of listeners that are made, changed or drained.
func (c *certified) listenerChanges(t *testing.T) string {
	t.Helper()
	return c.Get(t, "/stats?filter=listener_manager.(listener_create_success|listener_modified|listener_in_place_updated|listener_added|total_filter_chains_draining|total_listeners_draining)")
}

// A Secret that is gone or broken leaves the last good certificate in use, and
// harms no other host. A key is never printed.
func TestLastGoodCertificate(t *testing.T) {
	c := startTLS(t, "", map[string][]pod{"world-v1": {app(t, "v1")}, "api": {app(t, "api")}})
	good := c.serials["www"]
	for _, test := range []struct {
		what, finding string
		breakIt       func()
	}{
		{"gone", "there is no Secret default/www", func() { delete(c.secrets, "www") }},
		{"empty", "cannot be used: it has no tls.crt", func() { c.hold("www", "", "") }},
		{"garbage", "cannot be used: failed to find any PEM data", func() { c.hold("www", "SECRET", "SECRET") }},
		{"of two pairs", "private key does not match", func() {
			one, err := c.authority.Server([]string{"www.hello.world"}, time.Now(), time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			c.hold("www", string(one.Certificate), keyOf(t, c.authority))
		}},
	} {
		test.breakIt()
		c.issue(t, "api", "api.hello.world")
		c.serve(t)
		c.shows(t, "front", "api.hello.world", "api") // what came with it is served
		if serial, err := c.handshake("front", "www.hello.world"); err != nil || serial.Cmp(good) != 0 {
			t.Errorf("%s: %v %v, want %v", test.what, serial, err, good)
		}
		if !c.warns(test.finding) {
			t.Errorf("%s: %v", test.what, c.model.Findings())
		}
		for _, f := range c.model.Findings() {
			if strings.Contains(f.String(), "SECRET") || strings.Contains(f.String(), "PRIVATE") {
				t.Errorf("%s: a finding tells what the Secret holds: %v", test.what, f)
			}
		}
	}
	c.issue(t, "www", "www.hello.world")
	c.serve(t)
	c.shows(t, "front", "www.hello.world", "www")
}

func keyOf(t *testing.T, a *pki.Authority) string {
	t.Helper()
	other, err := a.Server([]string{"other"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return string(other.Key)
}

// What Envoy refuses though it was found good harms its own host only, even in a
// listener that is changed along with it.
func TestRefusedCertificate(t *testing.T) {
	c := startTLS(t, "", map[string][]pod{"world-v1": {app(t, "v1")}, "api": {app(t, "api")}})
	const added = "secret/default/added"
	c.text += strings.NewReplacer("name: api,", "name: added,", "secretName: api", "secretName: added", "hello.world", "added.world").
		Replace(edgeTLS[strings.LastIndex(edgeTLS, "apiVersion"):])
	c.issue(t, "added", "api.added.world")
	c.issue(t, "api", "api.hello.world")
	inv, _, err := discovery.ReadStream("live.yaml", strings.NewReader(c.manifests()+manifests(c.services)))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, _ := c.model.Next(inv, time.Now()).Snapshot()
	garbage, err := translate.NewResource(added, &tlsv3.Secret{Name: added, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: "garbage"}},
		PrivateKey:       &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: "garbage"}},
	}}}, nil, "test")
	if err != nil {
		t.Fatal(err)
	}
	if snapshot.Classes["edge"].Resources[translate.SecretType][added] == nil {
		t.Fatal("the Secret is not served")
	}
	snapshot.Classes["edge"].Resources[translate.SecretType][added] = garbage
	c.server.Publish(snapshot)
	c.shows(t, "front", "api.hello.world", "api")
	until(t, "Envoy has refused it", func() bool {
		for _, p := range c.server.Proxies() {
			for _, typ := range p.Types {
				if typ.Type == translate.SecretType && len(typ.Refused) == 1 && typ.Refused[0].Name == added {
					return true
				}
			}
		}
		return false
	})
	until(t, "the changed listener opens all the same", func() bool {
		return strings.Contains(c.Get(t, "/config_dump?resource=dynamic_listeners"), "api.added.world") &&
			strings.Contains(c.Get(t, "/stats?filter=listener_manager.total_listeners_warming"), ": 0")
	})
	for _, host := range []string{"www", "api"} {
		c.shows(t, "front", host+".hello.world", host)
	}
	if serial, err := c.handshake("front", "api.added.world"); err == nil {
		t.Errorf("the host without a certificate shows %v", serial)
	}
}

package livetest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"kibble.dev/dtab"
	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
)

// edgeTLS are a router of Ingresses and one with certificates of its own, both
// with HTTPS. The oldest Ingress of www counts.
const edgeTLS = `
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: front}
spec:
  proxyClass: edge
  port: {front}
  bind: loopback
  tls: {port: {tls}, redirectHTTP: true, redirectPort: {tls}}
  identifier: {kind: io.l5d.ingress}
  dtab: /svc => /#/io.l5d.k8s ;
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: inside}
spec:
  proxyClass: edge
  port: {inside}
  bind: loopback
  xffNumTrustedHops: 1
  tls:
    port: {own}
    redirectHTTP: true
    secretName: fallback
    certificates: [{hosts: ["*.hello.world"], secretName: wild}]
  dtab: /svc => /#/io.l5d.k8s/default/http/world-v1 ;
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: www, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  ingressClassName: kibble
  tls: [{hosts: [www.hello.world], secretName: www}]
  rules:
  - host: www.hello.world
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: world-v1, port: {name: http}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: api, creationTimestamp: "2026-01-02T00:00:00Z"}
spec:
  ingressClassName: kibble
  tls: [{hosts: [api.hello.world, www.hello.world], secretName: api}]
  rules:
  - host: api.hello.world
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: api, port: {name: http}}}}]}
---
`

// certified is a live edge with HTTPS, and who signs its certificates.
type certified struct {
	*live

	authority *pki.Authority
	text      string // the manifests without Secrets
	secrets   map[string]string
	serials   map[string]*big.Int
	tls       map[string]int // ports by router
}

func startTLS(t *testing.T, more string, services map[string][]pod, args ...string) *certified {
	t.Helper()
	authority, err := pki.NewAuthority(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ports := envoytest.FreePorts(t, 2)
	c := &certified{
		authority: authority, secrets: map[string]string{}, serials: map[string]*big.Int{},
		tls: map[string]int{"front": ports[0], "inside": ports[1]},
	}
	c.text = strings.NewReplacer("{tls}", fmt.Sprint(c.tls["front"]), "{own}", fmt.Sprint(c.tls["inside"])).Replace(edgeTLS + more)
	c.issue(t, "www", "www.hello.world")
	c.issue(t, "api", "api.hello.world")
	c.issue(t, "wild", "*.hello.world")
	c.issue(t, "fallback", "elsewhere")
	c.live = startWith(t, c.manifests(), services, bootstrap.Options{}, args...)
	c.text = strings.NewReplacer("{front}", fmt.Sprint(c.ports["front"]), "{inside}", fmt.Sprint(c.ports["inside"])).Replace(c.text)
	c.Listener(t, "default/front/tls")
	c.Listener(t, "default/inside/tls")
	return c
}

// issue puts a new certificate into a Secret.
func (c *certified) issue(t *testing.T, secret string, hosts ...string) {
	t.Helper()
	pair, err := c.authority.Server(hosts, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := pki.Parse(pair.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	c.serials[secret] = leaf.SerialNumber
	c.hold(secret, string(pair.Certificate), string(pair.Key))
}

func (c *certified) hold(secret, certificate, key string) {
	c.secrets[secret] = fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: %q\n  tls.key: %q\n---\n",
		secret, certificate, key)
}

func (c *certified) manifests() string {
	text := c.text
	for _, s := range c.secrets {
		text += s
	}
	return text
}

func (c *certified) serve(t *testing.T) {
	t.Helper()
	c.routers = c.manifests()
	c.publish(t)
}

// browser is a client that asks a router by TLS for whatever host. HTTP/2 or 1.1.
func (c *certified) browser(t *testing.T, router, sni string, protocols ...string) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig: c.trust(sni, protocols...), ForceAttemptHTTP2: len(protocols) == 0,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, c.address(router))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: limit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (c *certified) trust(sni string, protocols ...string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.authority.Certificate)
	return &tls.Config{RootCAs: pool, ServerName: sni, NextProtos: protocols}
}

func (c *certified) address(router string) string { return fmt.Sprintf("127.0.0.1:%d", c.tls[router]) }

// handshake gives the serial number of the certificate that is shown for a host.
func (c *certified) handshake(router, sni string, versions ...uint16) (*big.Int, error) {
	config := c.trust(sni)
	config.InsecureSkipVerify = true
	if len(versions) > 0 {
		config.MinVersion, config.MaxVersion = versions[0], versions[0]
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: limit}, "tcp", c.address(router), config)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber, nil
}

// shows waits until a router shows the certificate of a Secret.
func (c *certified) shows(t *testing.T, router, sni, secret string) {
	t.Helper()
	until(t, router+" shows "+secret+" for "+sni, func() bool {
		serial, err := c.handshake(router, sni)
		return err == nil && serial.Cmp(c.serials[secret]) == 0
	})
}

func (c *certified) warns(text string) bool {
	for _, f := range c.model.Findings() {
		if strings.Contains(f.Message, text) && f.Severity == dtab.Warning {
			return true
		}
	}
	return false
}

// fetch asks by a client and gives the status, the protocol and the body.
func fetch(client *http.Client, url string, headers ...string) (string, error) {
	req, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s %s%s", resp.StatusCode, resp.Proto, strings.TrimSpace(string(body)), resp.Header.Get("Location")), err
}

package livetest

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
)

// resolver is a DNS server that knows IPv4 addresses of names, and says of
// others that they are not there; or it is silent.
type resolver struct {
	conn net.PacketConn

	mu     sync.Mutex
	hosts  map[string][4]byte
	silent bool
}

func newResolver(t testing.TB) *resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &resolver{conn: conn, hosts: map[string][4]byte{}}
	var serving sync.WaitGroup
	serving.Go(r.serve)
	t.Cleanup(func() { _ = conn.Close(); serving.Wait() })
	return r
}

func (r *resolver) serve() {
	buf := make([]byte, 4096)
	for {
		n, from, err := r.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
			continue
		}
		if answer := r.answer(m); answer != nil {
			_, _ = r.conn.WriteTo(answer, from)
		}
	}
}

func (r *resolver) answer(m dnsmessage.Message) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Additionals = true, nil
	address, ok := r.hosts[strings.TrimSuffix(q.Name.String(), ".")]
	switch {
	case !ok:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: address},
		}}
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

// set makes a name lead to an address.
func (r *resolver) set(name string, address [4]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts[name] = address
}

func (r *resolver) hush(silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = silent
}

func (r *resolver) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.hosts, name)
}

// start starts an Envoy that asks this resolver.
func (r *resolver) start(t testing.TB, table string, services map[string][]pod) *live {
	t.Helper()
	_, port, _ := net.SplitHostPort(r.conn.LocalAddr().String())
	return startEdited(t, strings.Replace(outside, "{table}", table, 1), services, bootstrap.Options{}, func(b string) string {
		const last = "    query_tries: 2\n"
		if !strings.Contains(b, last) {
			t.Fatal("the bootstrap says nothing of DNS")
		}
		return strings.Replace(b, last, last+"    resolvers: [{socket_address: {address: 127.0.0.1, port_value: "+port+"}}]\n", 1)
	}, func(s *translate.Snapshot) *translate.Snapshot { return s })
}

const outside = `
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: front, namespace: default}
spec: {proxyClass: edge, port: {front}, dtab: "{table}"}
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: inside, namespace: default}
spec: {proxyClass: edge, port: {inside}, dtab: "/svc => /#/io.l5d.k8s/default/http"}
`

const inOrOut = "/svc => /#/io.l5d.k8s/default/http ; /svc/ext => /$/inet/ext.test/"

// A resolver that does not answer keeps no Envoy from its start, nor from what
// has nothing to do with the name.
func TestSilentResolver(t *testing.T) {
	r := newResolver(t)
	r.hush(true)
	x := r.start(t, inOrOut+"80", map[string][]pod{"in": {app(t, "in")}})
	x.settles(t, `200 in environment="" fallback=""`, "front", "in")
	x.settles(t, `502 Unable to route request! environment="" fallback=""`, "front", "ext")
}

// A name of DNS counts as it is now: once it is there, where it moved, and no
// more when it is gone. While the resolver is silent it stays where it was.
func TestNamesMove(t *testing.T) {
	port := envoytest.FreePorts(t, 1)[0]
	for address, name := range map[string]string{"127.0.0.1": "first", "127.0.0.2": "second"} {
		envoytest.UpstreamAt(t, net.JoinHostPort(address, fmt.Sprint(port)), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, name) }))
	}
	r := newResolver(t)
	x := r.start(t, inOrOut+fmt.Sprint(port), map[string][]pod{"in": {app(t, "in")}})
	const nowhere = `502 Unable to route request! environment="" fallback=""`
	x.settles(t, nowhere, "front", "ext")
	r.set("ext.test", [4]byte{127, 0, 0, 1})
	x.settles(t, `200 first environment="" fallback=""`, "front", "ext")
	r.set("ext.test", [4]byte{127, 0, 0, 2})
	x.settles(t, `200 second environment="" fallback=""`, "front", "ext")
	r.hush(true)
	failed := func() string { return x.Get(t, "/stats?filter=inet.*update_failure") }
	before := failed()
	until(t, "a question got no answer", func() bool { return failed() != before })
	x.settles(t, `200 second environment="" fallback=""`, "front", "ext")
	r.hush(false)
	r.forget("ext.test")
	x.settles(t, nowhere, "front", "ext")
}

package chart_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// Pods have addresses that an API server takes, and run on loopback ones: what
// the control plane reads goes through a proxy that puts one in the other's
// place. Both prefixes are of one length, so that protobuf stays whole.
const (
	podPrefix  = "100.77."
	herePrefix = "127.77."
)

// network gives the way to the API server of somebody who lives in the pods'
// network. The proxy adds the token, which clients send by TLS only.
func (l *lab) network(config *rest.Config) *rest.Config {
	l.Helper()
	target, err := url.Parse(config.Host)
	l.must(err)
	transport, err := rest.TransportFor(config)
	l.must(err)
	proxy := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Set("Accept-Encoding", "identity")
		},
		ModifyResponse: func(r *http.Response) error {
			r.Body = &translated{from: r.Body}
			return nil
		},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	l.must(err)
	server := &http.Server{Handler: proxy}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(listener) })
	l.Cleanup(func() {
		_ = server.Close()
		running.Wait()
	})
	return &rest.Config{Host: "http://" + listener.Addr().String()}
}

// translated is a stream with addresses put in place of others.
type translated struct {
	from io.ReadCloser
	held []byte // read, and perhaps not whole
	err  error
}

func (s *translated) Read(p []byte) (int, error) {
	for s.err == nil && len(s.ready()) == 0 {
		part := make([]byte, 32<<10)
		var n int
		n, s.err = s.from.Read(part)
		s.held = bytes.ReplaceAll(append(s.held, part[:n]...), []byte(podPrefix), []byte(herePrefix))
	}
	n := copy(p, s.ready())
	s.held = s.held[n:]
	if n == 0 {
		return 0, s.err
	}
	return n, nil
}

// ready is what can go on: all, but an end that may be the beginning of an address.
func (s *translated) ready() []byte {
	if s.err == nil {
		for n := min(len(podPrefix)-1, len(s.held)); n > 0; n-- {
			if bytes.HasSuffix(s.held, []byte(podPrefix[:n])) {
				return s.held[:len(s.held)-n]
			}
		}
	}
	return s.held
}

func (s *translated) Close() error { return s.from.Close() }

// here gives the address that a pod has on this machine.
func here(address string) string { return strings.Replace(address, podPrefix, herePrefix, 1) }

// egress is how the API server gets to Services in place of kube-proxy: it
// gives arguments for it, and leads every connection to what "to" says.
func egress(t *testing.T, write func(file, text string), dir string, to func() string) []string {
	t.Helper()
	socket, file := filepath.Join(dir, "egress.sock"), filepath.Join(dir, "egress.yaml")
	write(file, `apiVersion: apiserver.k8s.io/v1beta1
kind: EgressSelectorConfiguration
egressSelections:
- name: cluster
  connection: {proxyProtocol: HTTPConnect, transport: {uds: {udsName: `+socket+`}}}
`)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { connect(from, to()) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return []string{"--egress-selector-config-file=" + file}
}

// connect answers one CONNECT request.
func connect(from net.Conn, address string) {
	defer from.Close()
	if _, err := http.ReadRequest(bufio.NewReader(from)); err != nil {
		return
	}
	to, err := net.Dial("tcp", address)
	if err != nil {
		_, _ = io.WriteString(from, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer to.Close()
	_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(from, to)
		_ = from.Close()
	})
	_, _ = io.Copy(to, from)
	_ = to.Close()
	back.Wait()
}

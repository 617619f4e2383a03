package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kibble.dev/internal/crowd/crowdtest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
	"kibble.dev/internal/waittest"
)

const review = `{"request": {"uid": "1", "operation": "CREATE", "kind": {"version": "v1", "kind": "Pod"}, "object": {"spec": {"containers": [{"name": "hello"}]}}}}`

// The authority is replaced in steps, the first of which has both trusted. A webhook that
// runs since before puts both into pods.
func TestWebhookFollowsAuthorities(t *testing.T) {
	certs := pki.Kept{Dir: t.TempDir(), ServerNames: []string{"127.0.0.1"}, Life: time.Hour, CALife: 10 * time.Hour}
	renew := func(later time.Duration) {
		t.Helper()
		if _, err := certs.Renew(time.Now().Add(later)); err != nil {
			t.Fatal(err)
		}
	}
	renew(0)
	address, stop := startWebhook(t, filepath.Join(certs.Dir, "server"))
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: trusting(),
	}}
	authorities := func(want int) func() error {
		return func() error {
			response, err := client.Post("https://"+address+"/inject/enabled", "application/json", strings.NewReader(review))
			if err != nil {
				return err
			}
			defer response.Body.Close()
			var answer struct{ Response struct{ Patch []byte } }
			if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
				return err
			}
			if n := strings.Count(string(answer.Response.Patch), "BEGIN CERTIFICATE"); n != want {
				return fmt.Errorf("there are %d authorities in the pod", n)
			}
			return nil
		}
	}
	waittest.Done(t, "a pod has the authority", authorities(1))
	renew(8 * time.Hour)
	waittest.Done(t, "a pod has the next one too", authorities(2))
	stop()
}

// trusting is for clients: certificates are not what these tests are about.
func trusting() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// certified gives a directory with a certificate and its authority.
func certified(t *testing.T) string {
	t.Helper()
	certs := pki.Kept{Dir: t.TempDir(), ServerNames: []string{"127.0.0.1"}, Life: time.Hour, CALife: 10 * time.Hour}
	if _, err := certs.Renew(time.Now()); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(certs.Dir, "server")
}

// startWebhook runs one with the certificate of a directory; stop ends it.
func startWebhook(t *testing.T, certificate string) (address string, stop func()) {
	t.Helper()
	address = envoytest.FreeAddress(t)
	cmd := newWebhookCommand()
	cmd.SetErr(io.Discard)
	cmd.SetArgs([]string{
		"--address", address, "--xds-ca", filepath.Join(certificate, "ca.crt"),
		"--tls-cert", filepath.Join(certificate, "tls.crt"), "--tls-key", filepath.Join(certificate, "tls.key"),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- cmd.ExecuteContext(ctx) }()
	return address, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Connections of whoever gets to the address are bounded, and leave room for an API server.
func TestWebhookBoundsConnections(t *testing.T) {
	address, stop := startWebhook(t, certified(t))
	waittest.Done(t, "it answers", func() error {
		c, err := tls.Dial("tcp", address, trusting())
		if err == nil {
			err = c.Close()
		}
		return err
	})
	crowdtest.Bounded(t, connectionsMost, func(d net.Dialer) (net.Conn, error) { return tls.DialWithDialer(&d, "tcp", address, trusting()) })
	stop()
}

// An API server that creates many pods at once has all of them reviewed, by HTTP/2, also
// where they are more than a connection holds.
func TestWebhookReviewsMany(t *testing.T) {
	address, stop := startWebhook(t, certified(t))
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: trusting()}}
	defer client.CloseIdleConnections()
	large := strings.Replace(review, `"spec"`, `"metadata": {"annotations": {"a": "`+strings.Repeat("x", 100<<10)+`"}}, "spec"`, 1)
	ask := func() error {
		response, err := client.Post("https://"+address+"/inject/enabled", "application/json", strings.NewReader(large))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
			return fmt.Errorf("%s by %s, %w", response.Status, response.Proto, err)
		}
		return nil
	}
	waittest.Done(t, "it answers", ask)
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			if err := ask(); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	stop()
}

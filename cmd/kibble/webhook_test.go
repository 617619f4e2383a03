package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
	"kibble.dev/internal/waittest"
)

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
	server, address := filepath.Join(certs.Dir, "server"), envoytest.FreeAddress(t)
	cmd := newWebhookCommand()
	cmd.SetErr(io.Discard)
	cmd.SetArgs([]string{
		"--address", address, "--xds-ca", filepath.Join(server, "ca.crt"),
		"--tls-cert", filepath.Join(server, "tls.crt"), "--tls-key", filepath.Join(server, "tls.key"),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- cmd.ExecuteContext(ctx) }()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // certificates are not what this is about
	}}
	authorities := func(want int) func() error {
		return func() error {
			const review = `{"request": {"uid": "1", "operation": "CREATE", "kind": {"version": "v1", "kind": "Pod"}, "object": {"spec": {"containers": [{"name": "hello"}]}}}}`
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
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

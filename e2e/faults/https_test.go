package faults_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
)

// The edge's certificate is taken from another Secret, which is not there, or not
// for Kibble, and the Secret in use is broken, deleted and made anew. Whoever asks
// by HTTPS does not notice, and gets the next certificate when there is one.
func certificateMoves(l *demotest.Lab, link *demotest.Link) {
	by, port := authority(l), envoytest.FreePorts(l, 1)[0]
	first, next := server(l, by, time.Now()), server(l, by, time.Now())
	putSecret(l, first)
	with := func(tls map[string]any, condition, state, text string) {
		l.Helper()
		tls["port"] = int64(port)
		l.Set("Router", "ingress", tls, "spec", "tls")
		l.AwaitCondition("Router", "ingress", condition, state, text)
		there(l)
	}
	here := map[string]any{"secretName": frontSecret}
	with(here, "Programmed", "True", "")
	l.Eventually("the edge shows the certificate", func() error { return shown(port, first) })
	stop := askByHTTPS(l, by, port)

	with(map[string]any{"secretName": "not-there"}, "Accepted", "True", "not-there")
	with(here, "Accepted", "True", "")
	with(map[string]any{"certificates": []any{map[string]any{"secretName": "not-there", "hosts": []any{"www.hello.world"}}}}, "Accepted", "True", "not-there")
	with(here, "Accepted", "True", "")

	putSecret(l, pki.Pair{Certificate: first.Certificate, Key: next.Key})
	l.AwaitCondition("Router", "ingress", "Accepted", "True", "does not match")
	there(l)
	l.Must(l.Kube.CoreV1().Secrets("default").Delete(l.Context(), frontSecret, metav1.DeleteOptions{}))
	l.AwaitCondition("Router", "ingress", "ResolvedRefs", "False", "there is no Secret")
	there(l)
	putSecret(l, next)
	l.Eventually("the edge shows the next certificate", func() error { return shown(port, next) })

	startsDenied(l, link)
	stop()
	l.Set("Router", "ingress", nil, "spec", "tls")
	there(l)
}

// startsDenied starts the control plane beside an API server that denies Secrets for a
// moment, as one does that has not read all roles yet.
func startsDenied(l *demotest.Lab, link *demotest.Link) {
	kibble := l.Replicas[0]
	kibble.Kill()
	l.Must(link.Refuse(&demotest.Refusal{Status: http.StatusForbidden, Only: func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/secrets") }}))
	kibble.Start()
	l.Eventually("Secrets are denied twice", func() error {
		if n := len(link.Refused()); n < 2 {
			return fmt.Errorf("%d times", n)
		}
		return nil
	})
	l.Must(link.Refuse(nil))
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	there(l)
}

// askByHTTPS asks the edge without a pause, each time by a connection of its own,
// until it is stopped; then the test fails for each request that failed.
func askByHTTPS(l *demotest.Lab, by *pki.Authority, port int) (stop func()) {
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(by.Certificate)
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted, ServerName: "www.hello.world"},
	}}
	ctx, cancel := context.WithCancel(l.Context())
	var asked int
	var failed []string
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			err := greeted(ctx, client, port)
			if ctx.Err() != nil {
				return
			}
			if asked++; err != nil {
				failed = append(failed, time.Now().Format("15:04:05.000 ")+err.Error())
			}
		}
	})
	l.Cleanup(cancel)
	return func() {
		l.Helper()
		cancel()
		done.Wait()
		l.Logf("%d requests by HTTPS, %d failed", asked, len(failed))
		if len(failed) > 0 {
			l.Errorf("%d of %d requests by HTTPS failed:\n%s", len(failed), asked, strings.Join(failed[:min(len(failed), 20)], "\n"))
		}
	}
}

// greeted asks the edge by HTTPS.
func greeted(ctx context.Context, client *http.Client, port int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), http.NoBody)
	if err != nil {
		return err
	}
	r.Host = "www.hello.world"
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || !strings.Contains(string(b), "Hello")) {
		err = errors.New(answer.Status + ": " + string(b))
	}
	return err
}

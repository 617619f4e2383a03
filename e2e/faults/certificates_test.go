package faults_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
)

// Whoever renews certificates has a clock that is wrong, or brings back a backup:
// those that it writes have expired. The ones that are valid stay in use, at the
// edge and between proxies and control plane, and it is said why.
func certificatesExpired(l *demotest.Lab, _ *demotest.Link) {
	now := time.Now()
	by := authority(l)
	port := envoytest.FreePorts(l, 1)[0]
	good, expired, renewed := server(l, by, now), server(l, by, now.Add(-48*time.Hour)), server(l, by, now)

	putSecret(l, good)
	l.Set("Router", "ingress", map[string]any{"port": int64(port), "secretName": frontSecret}, "spec", "tls")
	shows := func(want pki.Pair) {
		l.Helper()
		l.Eventually("the edge shows the certificate", func() error { return shown(port, want) })
	}
	shows(good)
	putSecret(l, expired)
	l.AwaitCondition("Router", "ingress", "Accepted", "True", "so that it is not used")
	shows(good)

	kibble := l.Replicas[0]
	path := filepath.Dir(l.Certificate("server", "tls.crt"))
	before := pki.Pair{Certificate: read(l, path, "tls.crt"), Key: read(l, path, "tls.key")}
	replace(l, path, expired)
	l.Eventually("it is told that it is not used", func() error {
		if l.Metric(kibble, "kibble_tls_certificate_unused") != 1 { // who asks has the files looked at
			return errors.New("the metric does not say so")
		}
		if !strings.Contains(kibble.Log(), "and the one in use is valid until") {
			return errors.New("the log does not say so")
		}
		return nil
	})
	ctx, leave := context.WithCancel(l.Context())
	l.Must(subscribe(ctx, l, "newcomer")) // it takes the certificate that is shown
	leave()
	there(l)

	putSecret(l, renewed)
	shows(renewed)
	l.AwaitCondition("Router", "ingress", "Accepted", "True", "")
	replace(l, path, before)
	l.Eventually("what is there is used", func() error {
		if l.Metric(kibble, "kibble_tls_certificate_unused") != 0 {
			return errors.New("it is not")
		}
		return nil
	})
	there(l)
}

// frontSecret is the name of the Secret that the control planes may read.
const frontSecret = "front"

func authority(l *demotest.Lab) *pki.Authority {
	l.Helper()
	dir := filepath.Join(filepath.Dir(filepath.Dir(l.Certificate("ca", "now.crt"))), "ca")
	by, err := pki.ReadAuthority(pki.Pair{Certificate: read(l, dir, "now.crt"), Key: read(l, dir, "now.key")})
	l.Must(err)
	return by
}

// server makes a certificate that is valid for a day from then on.
func server(l *demotest.Lab, by *pki.Authority, from time.Time) pki.Pair {
	l.Helper()
	pair, err := by.Server([]string{"kibble.test", "www.hello.world"}, from, 24*time.Hour)
	l.Must(err)
	return pair
}

func read(l *demotest.Lab, dir, name string) []byte {
	l.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	l.Must(err)
	return b
}

// replace puts a pair into a directory of certificates.
func replace(l *demotest.Lab, dir string, pair pki.Pair) {
	l.Helper()
	put(l, dir, "tls.key", pair.Key)
	put(l, dir, "tls.crt", pair.Certificate)
}

// put replaces a file at once.
func put(l *demotest.Lab, dir, name string, b []byte) {
	l.Helper()
	l.Must(os.WriteFile(filepath.Join(dir, name+".new"), b, 0o600))
	l.Must(os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, name)))
}

func putSecret(l *demotest.Lab, pair pki.Pair) {
	l.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: frontSecret}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: pair.Certificate, corev1.TLSPrivateKeyKey: pair.Key},
	}
	secrets := l.Kube.CoreV1().Secrets("default")
	_, err := secrets.Update(l.Context(), secret, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = secrets.Create(l.Context(), secret, metav1.CreateOptions{})
	}
	l.Must(err)
}

// shown tells whether a port shows a certificate.
func shown(port int, want pki.Pair) error {
	c, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: "www.hello.world", InsecureSkipVerify: true, // it is looked at here
	})
	if err != nil {
		return err
	}
	defer c.Close()
	leaf, err := pki.Parse(want.Certificate)
	if err == nil && !bytes.Equal(c.ConnectionState().PeerCertificates[0].Raw, leaf.Raw) {
		err = errors.New("it is another")
	}
	return err
}

// The authority is replaced in the steps that docs/operations/securing.md gives. After
// each the proxies come back, with the certificates of then.
func authorityReplaced(l *demotest.Lab, _ *demotest.Link) {
	last := authority(l)
	next, err := pki.NewAuthority(time.Now(), 24*time.Hour)
	l.Must(err)
	folders := []string{"server", "class-edge", "class-sidecar", "class-node"}
	trust := func(by ...*pki.Authority) {
		l.Helper()
		var all []byte
		for _, a := range by {
			all = append(all, a.Certificate...)
		}
		for _, folder := range folders {
			put(l, filepath.Dir(l.Certificate(folder, "ca.crt")), "ca.crt", all)
		}
	}
	sign := func(by *pki.Authority) {
		l.Helper()
		for _, folder := range folders {
			pair := server(l, by, time.Now())
			if class, client := strings.CutPrefix(folder, "class-"); client {
				pair, err = by.Client(class, nil, time.Now(), 24*time.Hour)
				l.Must(err)
			}
			replace(l, filepath.Dir(l.Certificate(folder, "tls.crt")), pair)
		}
	}
	for _, step := range []func(){
		func() { trust(last, next) }, func() { sign(next) }, func() { trust(next) },
		func() { trust(next, last) }, func() { sign(last) }, func() { trust(last) },
	} {
		step()
		there(l)
		l.Replicas[0].Kill()
		l.Replicas[0].Start()
		l.AwaitReady(l.Replicas[0])
		l.AwaitProxies(l.Replicas[0])
		there(l)
	}
}

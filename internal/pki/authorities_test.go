package pki_test

import (
	"bytes"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/internal/pki"
)

// Authorities that have expired do not take the place of valid ones, those in
// use that are not valid are told of once, and their end is a metric.
func TestFilesTellOfAuthorities(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	authority := func(life time.Duration) *pki.Authority {
		a, err := pki.NewAuthority(day, life)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	short, middle, long := authority(time.Hour), authority(2*time.Hour), authority(20*time.Hour)
	write := func(name string, b ...[]byte) {
		if err := os.WriteFile(filepath.Join(dir, name), slices.Concat(b...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := long.Server([]string{"a.test"}, day, 19*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	write("tls.crt", pair.Certificate)
	write("tls.key", pair.Key)
	write("ca.crt", short.Certificate, middle.Certificate)
	now, log, metrics := day, &bytes.Buffer{}, prometheus.NewRegistry()
	f := &pki.Files{
		Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: filepath.Join(dir, "ca.crt"),
		Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(log, nil)), Registerer: metrics,
	}
	config, err := f.Config()
	if err != nil {
		t.Fatal(err)
	}
	look := func(at time.Duration, what, says string, lets *pki.Authority, end time.Duration) {
		t.Helper()
		now = day.Add(at)
		c, err := config.GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		if said := log.String(); says == "" && said != "" || !strings.Contains(said, says) {
			t.Errorf("%s: it says %q, want %q", what, said, says)
		}
		log.Reset()
		client, err := lets.Client("edge", nil, now, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := pki.Parse(client.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		_, err = leaf.Verify(x509.VerifyOptions{Roots: c.ClientCAs, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		if valid := now.Before(day.Add(end)); (err == nil) != valid {
			t.Errorf("%s: the client is let in: %v", what, err)
		}
		if got := gauge(t, metrics, "kibble_tls_client_ca_expiry_timestamp_seconds"); int64(got) != day.Add(end).Unix() {
			t.Errorf("%s: the metric says %v, want %v", what, int64(got), day.Add(end).Unix())
		}
	}
	look(0, "all are valid", "", middle, 2*time.Hour)
	look(time.Hour, "one of two expires", `level=WARN msg="client certificates of an authority that is not valid are refused" reason="certificate 1 (CN=Kibble) expired on 2026-03-01T01:00:00Z"`, middle, 2*time.Hour)
	look(90*time.Minute, "it is told once", "", middle, 2*time.Hour)
	write("ca.crt", short.Certificate)
	look(100*time.Minute, "a bundle of which nothing is valid", "certificate 1 (CN=Kibble) expired on 2026-03-01T01:00:00Z, and those in use are valid until 2026-03-01T02:00:00Z", middle, 2*time.Hour)
	write("ca.crt", middle.Certificate)
	look(110*time.Minute, "a good one", "new certificates are in use", middle, 2*time.Hour)
	look(3*time.Hour, "the last one expires", `level=ERROR msg="no client certificate is accepted any more: no authority is valid"`, middle, 2*time.Hour)
	write("ca.crt", []byte("# ours\n"), middle.Certificate, []byte("# the new one\n"), long.Certificate)
	look(4*time.Hour, "an old one beside a new one", "certificate 1 (CN=Kibble) expired on 2026-03-01T02:00:00Z", long, 20*time.Hour)
}

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

// Over many lives of authorities, at every step: what one side has is trusted
// by the other, also if only one of them has been renewed.
func TestRenewNobodyMeetsAStranger(t *testing.T) {
	k := pki.Kept{
		Dir: t.TempDir(), ServerNames: []string{"kibble.test", "10.0.0.1"}, Classes: []string{"edge", "sidecar"},
		Life: 10 * 24 * time.Hour, CALife: 100 * 24 * time.Hour,
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if wrote, err := k.Renew(now); err != nil || !slices.Equal(wrote, []string{"ca", "server", "class-edge", "class-sidecar"}) {
		t.Fatalf("wrote %v, %v", wrote, err)
	}
	if wrote, err := k.Renew(now.Add(time.Hour)); err != nil || len(wrote) > 0 {
		t.Errorf("an hour later it wrote %v, %v", wrote, err)
	}
	first := issuer(t, k.Dir)
	before := read(t, k.Dir)
	for day := range 250 {
		now = now.Add(24 * time.Hour)
		if _, err := k.Renew(now); err != nil {
			t.Fatal(err)
		}
		after := read(t, k.Dir)
		for _, server := range []map[string][]byte{before, after} {
			for _, client := range []map[string][]byte{before, after} {
				verify(t, day, now, client["class-edge/ca.crt"], server["server/tls.crt"], x509.ExtKeyUsageServerAuth)
				verify(t, day, now, server["server/ca.crt"], client["class-edge/tls.crt"], x509.ExtKeyUsageClientAuth)
			}
		}
		before = after
		if t.Failed() {
			return
		}
	}
	if issuer(t, k.Dir) == first {
		t.Error("the authority was never replaced")
	}
}

func read(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, name := range []string{"server/tls.crt", "server/ca.crt", "class-edge/tls.crt", "class-edge/ca.crt"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all[name] = b
	}
	return all
}

func issuer(t *testing.T, dir string) string {
	t.Helper()
	c, err := pki.Parse(read(t, dir)["server/tls.crt"])
	if err != nil {
		t.Fatal(err)
	}
	return string(c.AuthorityKeyId)
}

func verify(t *testing.T, day int, now time.Time, ca, certificate []byte, usage x509.ExtKeyUsage) {
	t.Helper()
	c, err := pki.Parse(certificate)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	if _, err := c.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
		t.Errorf("day %d: %v", day, err)
	}
}

// Other names make another certificate.
func TestRenewForNames(t *testing.T) {
	k := pki.Kept{Dir: t.TempDir(), ServerNames: []string{"a.test"}, Life: time.Hour, CALife: 24 * time.Hour}
	now := time.Now()
	if _, err := k.Renew(now); err != nil {
		t.Fatal(err)
	}
	k.ServerNames = append(k.ServerNames, "b.test")
	if wrote, err := k.Renew(now); err != nil || !slices.Equal(wrote, []string{"server"}) {
		t.Errorf("wrote %v, %v", wrote, err)
	}
}

// A key that does not fit leaves the last pair in use.
func TestFilesKeepTheLastGood(t *testing.T) {
	k := pki.Kept{Dir: t.TempDir(), ServerNames: []string{"a.test"}, Life: time.Hour, CALife: 24 * time.Hour}
	now := time.Now()
	if _, err := k.Renew(now); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(k.Dir, "server")
	f := &pki.Files{
		Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: filepath.Join(dir, "ca.crt"),
		Demand: true, Now: func() time.Time { return now },
	}
	config, err := f.Config()
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		c, err := config.GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(c.Certificates[0].Certificate[0])
	}
	first := shown()
	if err := os.Rename(filepath.Join(dir, "tls.key"), filepath.Join(dir, "kept")); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if shown() != first {
		t.Error("without a key something else is shown")
	}
	k.ServerNames = []string{"b.test"}
	if _, err := k.Renew(now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if shown() == first {
		t.Error("the new certificate is not shown")
	}
}

// A pair whose time is not right leaves one in use whose is, until its own time
// comes, or that of the other is over.
func TestFilesKeepWhatIsValid(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	by, err := pki.NewAuthority(day, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(from time.Time) string {
		pair, err := by.Server([]string{"a.test"}, from, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range map[string][]byte{"tls.crt": pair.Certificate, "tls.key": pair.Key, "ca.crt": by.Certificate} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := pki.Parse(pair.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		return string(c.Raw)
	}
	now, log, metrics := day, &bytes.Buffer{}, prometheus.NewRegistry()
	f := &pki.Files{
		Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: filepath.Join(dir, "ca.crt"),
		Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(log, nil)), Registerer: metrics,
	}
	first := write(day)
	config, err := f.Config()
	if err != nil {
		t.Fatal(err)
	}
	look := func(at time.Duration, want, what, says string, unused float64) {
		t.Helper()
		now = day.Add(at)
		c, err := config.GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		if string(c.Certificates[0].Certificate[0]) != want {
			t.Errorf("%s: another certificate is shown", what)
		}
		if said := log.String(); says == "" && said != "" || !strings.Contains(said, says) || strings.Count(said, "\n") > 1 {
			t.Errorf("%s: it says %q", what, said)
		}
		log.Reset()
		if got := gauge(t, metrics, "kibble_tls_certificate_unused"); got != unused {
			t.Errorf("%s: kibble_tls_certificate_unused is %v", what, got)
		}
	}
	look(0, first, "the first", "", 0)
	write(day.Add(-2 * time.Hour))
	look(10*time.Minute, first, "one that has expired", "it expired on 2026-02-28T23:00:00Z, and the one in use is valid until 2026-03-01T01:00:00Z", 1)
	look(11*time.Minute, first, "the same", "", 1)
	early := write(day.Add(40 * time.Minute))
	look(20*time.Minute, first, "one that is not valid yet", "it is not valid before 2026-03-01T00:3", 1)
	look(41*time.Minute, early, "its time has come", "new certificates are in use", 0)
	over := write(day.Add(-2 * time.Hour))
	look(42*time.Minute, early, "one that has expired again", "it expired", 1)
	look(2*time.Hour, over, "the one in use expires as well", "clients will refuse", 0)
	look(3*time.Hour, write(day.Add(3*time.Hour)), "a good one", "new certificates are in use", 0)
}

// gauge gives the value of a metric without labels.
func gauge(t *testing.T, from prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

package pki_test

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

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

package translate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
)

// selfSigned is a Secret's data with a certificate for hosts.
func selfSigned(t *testing.T, key crypto.Signer, end time.Time, hosts ...string) map[string]dogfood.Sealed {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: hosts, NotBefore: end.Add(-time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, b []byte) dogfood.Sealed {
		return dogfood.Sealed(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return map[string]dogfood.Sealed{TLSCertificate: text("CERTIFICATE", der), TLSKey: text("PRIVATE KEY", pkcs8)}
}

func mustKey[K crypto.Signer](t *testing.T) func(K, error) K {
	return func(k K, err error) K {
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
}

// What Envoy refuses is refused before it is sent.
func TestCertificatesThatEnvoyRefuses(t *testing.T) {
	end := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	curve := func(c elliptic.Curve) crypto.Signer {
		return mustKey[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(c, rand.Reader))
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := selfSigned(t, curve(elliptic.P256()), end, "www")
	for _, test := range []struct {
		data map[string]dogfood.Sealed
		want string
	}{
		{good, ""},
		{selfSigned(t, mustKey[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048)), end, "www"), ""},
		{selfSigned(t, curve(elliptic.P224()), end, "www"), "its key is on the curve P-224"},
		{selfSigned(t, edwards, end, "www"), "its key is neither RSA nor ECDSA"},
		{nil, "it has no tls.crt"},
		{map[string]dogfood.Sealed{TLSCertificate: good[TLSCertificate]}, "it has no tls.key"},
		{map[string]dogfood.Sealed{TLSCertificate: good[TLSKey], TLSKey: good[TLSKey]}, "failed to find"},
		{map[string]dogfood.Sealed{TLSCertificate: good[TLSCertificate], TLSKey: "SECRET"}, "failed to find any PEM data in key input"},
	} {
		_, err := newCertificate(test.data)
		if got := fmt.Sprint(err); err == nil != (test.want == "") || !strings.HasPrefix(got, test.want) && err != nil {
			t.Errorf("want %q, got %v", test.want, err)
		}
	}
}

// That a certificate expires is told when it does, without any other change.
func TestExpiryIsTold(t *testing.T) {
	end := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	key := mustKey[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	router := v1alpha1.Router{Spec: v1alpha1.RouterSpec{
		ProxyClass: "edge", Port: 80, Dtab: "/svc => /$/inet/127.1/80", TLS: &v1alpha1.RouterTLS{Port: 443, SecretName: "s"},
	}}
	router.Name, router.Namespace = "web", "default"
	inv := &Inventory{
		Routers: []*Sourced[v1alpha1.Router]{{Object: router}},
		Secrets: map[Key]map[string]dogfood.Sealed{{"default", "s"}: selfSigned(t, key, end, "www")},
	}
	m := NewModel(inv, end.Add(-time.Minute))
	next, ok := m.NextEnd()
	if !ok || !next.Equal(end) || len(m.Findings()) > 0 {
		t.Fatal(next, ok, m.Findings())
	}
	m = m.Next(inv, end.Add(time.Second))
	if found := m.Findings(); len(found) != 1 || !strings.Contains(found[0].Message, "expired on 2026-03-01") {
		t.Error(found)
	}
	if next, ok := m.NextEnd(); ok {
		t.Error("it would end again", next)
	}
	if s, _ := m.Snapshot(); s.Classes["edge"].Resources[SecretType]["secret/default/s"] == nil {
		t.Error("an expired certificate is not served")
	}
}

// A certificate that is not valid takes none out of use that is: it waits until
// it is valid, or the one before no longer is.
func TestRenewalThatIsNotValid(t *testing.T) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	key := mustKey[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	router := v1alpha1.Router{Spec: v1alpha1.RouterSpec{
		ProxyClass: "edge", Port: 80, Dtab: "/svc => /$/inet/127.1/80", TLS: &v1alpha1.RouterTLS{Port: 443, SecretName: "s"},
	}}
	router.Name, router.Namespace = "web", "default"
	pair := func(end time.Time) map[string]dogfood.Sealed { return selfSigned(t, key, end, "www") } // valid for an hour
	at := func(data map[string]dogfood.Sealed) *Inventory {
		return &Inventory{
			Routers: []*Sourced[v1alpha1.Router]{{Object: router}}, Secrets: map[Key]map[string]dogfood.Sealed{{"default", "s"}: data},
		}
	}
	good, over, early := at(pair(day.Add(40*time.Minute))), at(pair(day.Add(-time.Minute))), at(pair(day.Add(70*time.Minute)))
	for _, test := range []struct {
		name  string
		steps []*Inventory
		times []time.Duration // of each step
		// served is the inventory whose certificate is there in the end, next when something ends or begins.
		served *Inventory
		next   time.Duration
		says   string
	}{
		{"one that has expired", []*Inventory{good, over}, []time.Duration{0, 1}, good, 40 * time.Minute,
			"it is not used; renew it; the certificate of before goes on being served, which is valid until 2026-03-01T00:40:00Z"},
		{"one that is not valid yet", []*Inventory{good, early}, []time.Duration{0, 1}, good, 10 * time.Minute,
			"its certificate is not valid before 2026-03-01T00:10:00Z, so that it is not used yet; until then the certificate of before"},
		{"its time comes", []*Inventory{good, early, early}, []time.Duration{0, 1, 10 * time.Minute}, early, 70 * time.Minute, ""},
		{"the one before expires as well", []*Inventory{good, over, over}, []time.Duration{0, 1, 40 * time.Minute}, over, 0, "its certificate expired on 2026-02-28T23:59:00Z; clients refuse it"},
		{"none of before", []*Inventory{early}, []time.Duration{0}, early, 10 * time.Minute, "is not valid before"},
		{"corrected", []*Inventory{good, over, good}, []time.Duration{0, 1, 2}, good, 40 * time.Minute, ""},
		{"broken after that", []*Inventory{good, over, at(nil)}, []time.Duration{0, 1, 2}, good, 40 * time.Minute, "it has no tls.crt"},
	} {
		var m *Model
		for i, inv := range test.steps {
			if now := day.Add(test.times[i]); m == nil {
				m = NewModel(inv, now)
			} else {
				m = m.Next(inv, now)
			}
		}
		want, err := newCertificate(test.served.Secrets[Key{"default", "s"}])
		if err != nil {
			t.Fatal(err)
		}
		s, _ := m.Snapshot()
		got := s.Classes["edge"].Resources[SecretType]["secret/default/s"]
		r, err := NewResource("secret/default/s", want.secret("secret/default/s"), nil, "")
		if err != nil || got == nil || got.Version != r.Version {
			t.Errorf("%s: another certificate is served: %v", test.name, err)
		}
		if next, ok := m.NextEnd(); ok != (test.next > 0) || ok && !next.Equal(day.Add(test.next)) {
			t.Errorf("%s: next is %v", test.name, next)
		}
		found := m.Findings()
		if test.says == "" && len(found) == 0 {
			continue
		}
		if len(found) != 1 || test.says == "" || !strings.Contains(found[0].Message+"; "+found[0].Hint, test.says) {
			t.Errorf("%s: found %v", test.name, found)
		}
	}
}

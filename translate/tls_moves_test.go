package translate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
)

// A router that names another Secret, which has no certificate yet, goes on with
// the one of before; what it no longer asks for is gone.
func TestHostsKeepTheirCertificates(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	key := mustKey[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	pair := func(hosts ...string) map[string]dogfood.Sealed {
		return selfSigned(t, key, now.Add(time.Hour), hosts...)
	}
	a, b, wild, renewed := pair("a"), pair("b"), pair("*.w"), pair("a", "b")
	whole := func(secret string) v1alpha1.RouterTLS { return v1alpha1.RouterTLS{SecretName: secret} }
	of := func(secret string, hosts ...string) v1alpha1.RouterTLS {
		return v1alpha1.RouterTLS{Certificates: []v1alpha1.HostCertificate{{SecretName: secret, Hosts: hosts}}}
	}
	at := func(secrets map[string]map[string]dogfood.Sealed, tls ...v1alpha1.RouterTLS) *Inventory {
		inv := &Inventory{Secrets: map[Key]map[string]dogfood.Sealed{}}
		for name, data := range secrets {
			inv.Secrets[Key{"default", name}] = data
		}
		for i := range tls {
			r := v1alpha1.Router{Spec: v1alpha1.RouterSpec{ProxyClass: "edge", Port: int32(80 + i), Dtab: "/svc => /$/inet/127.1/80", TLS: &tls[i]}}
			r.Name, r.Namespace, r.Spec.TLS.Port = fmt.Sprint("r", i), "default", int32(443+i)
			inv.Routers = append(inv.Routers, &Sourced[v1alpha1.Router]{Object: r})
		}
		return inv
	}
	type data = map[string]map[string]dogfood.Sealed
	for name, test := range map[string]struct {
		steps []*Inventory
		want  string // of the first router: hosts and Secrets, "*" for all others
	}{
		"another one":             {[]*Inventory{at(data{"a": a}, whole("a")), at(nil, whole("b")), at(nil, whole("c"))}, "*=a"},
		"it comes":                {[]*Inventory{at(data{"a": a}, whole("a")), at(nil, whole("b")), at(data{"b": b}, whole("b"))}, "*=b"},
		"none before":             {[]*Inventory{at(nil, whole("a"))}, ""},
		"none asked for":          {[]*Inventory{at(data{"a": a}, whole("a")), at(nil, v1alpha1.RouterTLS{})}, ""},
		"for a host":              {[]*Inventory{at(data{"a": a}, of("a", "a", "b")), at(nil, of("b", "a"))}, "a=a"},
		"for a host of all":       {[]*Inventory{at(data{"a": a}, whole("a")), at(nil, of("b", "a"))}, "a=a"},
		"for a host of a pattern": {[]*Inventory{at(data{"w": wild}, of("w", "*.w")), at(nil, of("b", "x.w"))}, "x.w=w"},
		"for a host that is new":  {[]*Inventory{at(data{"a": a}, of("a", "a")), at(data{"a": a}, of("b", "b"))}, ""},
		"another router has it":   {[]*Inventory{at(data{"a": a}, whole("a"), whole("a")), at(data{"a": renewed}, whole("b"), whole("a"))}, "*=a"},
	} {
		m := NewModel(test.steps[0], now)
		for _, inv := range test.steps[1:] {
			m = m.Next(inv, now)
		}
		var got []string
		plan := m.routers[0].tls
		for _, c := range plan.chains {
			for _, host := range c.hosts {
				got = append(got, host+"="+strings.TrimPrefix(c.secret, "secret/default/"))
			}
		}
		if plan.fallback != "" {
			got = append(got, "*="+strings.TrimPrefix(plan.fallback, "secret/default/"))
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%s: %q, want %q (%v)", name, text, test.want, m.Findings())
		}
		s, _ := m.Snapshot()
		for _, c := range append(plan.chains, tlsChain{secret: plan.fallback}) {
			if c.secret != "" && s.Classes["edge"].Resources[SecretType][c.secret] == nil {
				t.Errorf("%s: %s is not there", name, c.secret)
			}
		}
		if strings.HasPrefix(name, "another router") && m.certificates[Key{"default", "a"}].holds(a) {
			t.Errorf("%s: the renewal is not read", name)
		}
	}
}

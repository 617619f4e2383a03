package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// tlsPlan is what a router serves HTTPS with.
type tlsPlan struct {
	// chains sorted by Secret; each host is in one of them.
	chains []tlsChain
	// fallback is the Secret for all other hosts; "": they are refused.
	fallback string
	// redirected are the hosts whose plain HTTP is sent to HTTPS.
	redirected []hostPath
}

// tlsChain is the hosts that one Secret is for.
type tlsChain struct {
	secret string // the resource's name
	hosts  []string
}

// secretName is the name of a Secret's resource.
func secretName(key Key) string { return "secret/" + key.String() }

// claim is that a Secret has the certificate for some hosts, and where it is said.
type claim struct {
	secret Key
	hosts  []string
	// implied: the hosts are those of the Ingress's rules, as it names none.
	implied bool
	pos     dtab.Pos
}

// tlsClaims gives what a router's TLS listener is to serve, in the order in which it
// counts: its own certificates, then those of its Ingresses, oldest first.
func tlsClaims(inv *Inventory, r *router) []claim {
	if r.spec.TLS == nil {
		return nil
	}
	var all []claim
	for i, c := range r.spec.TLS.Certificates {
		all = append(all, claim{
			secret: Key{r.key.Namespace, c.SecretName}, hosts: c.Hosts,
			pos: r.origin.Field(field("spec.tls.certificates", i)).At(1, 1),
		})
	}
	if r.identifier.kind != identifyIngress {
		return all
	}
	for _, src := range inv.Ingresses {
		if !r.identifier.takes(&src.Object) {
			continue
		}
		for i, t := range src.Object.TLS {
			all = append(all, claim{
				secret: Key{src.Object.Namespace, t.Secret}, hosts: t.hostsOf(&src.Object), implied: len(t.Hosts) == 0,
				pos: src.Origin.Field(field("spec.tls", i)).At(1, 1),
			})
		}
	}
	return all
}

// hostsOf gives the hosts of an entry, which are those of all rules if it names none.
func (t IngressTLS) hostsOf(in *HTTPIngress) []string {
	if len(t.Hosts) > 0 {
		return t.Hosts
	}
	hosts := map[string]bool{}
	for _, p := range in.Paths {
		if p.Host != "" {
			hosts[p.Host] = true
		}
	}
	return sortedKeys(hosts)
}

// ServedIngress names an Ingress, and says when it was created, in Unix seconds:
// one that was made anew is another.
type ServedIngress struct {
	Key
	Created int64
}

// Ingresses names the Ingresses that routers serve, sorted.
func (m *Model) Ingresses() []ServedIngress {
	var all []ServedIngress
	for _, src := range m.inventory.Ingresses {
		taken := slices.ContainsFunc(m.routers, func(r *router) bool {
			return r.identifier.kind == identifyIngress && r.identifier.takes(&src.Object)
		})
		if taken {
			all = append(all, ServedIngress{src.Object.Key, src.Object.Created})
		}
	}
	slices.SortFunc(all, func(a, b ServedIngress) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// CertificateSecrets gives the Secrets, of type kubernetes.io/tls, that routers
// and the Ingresses that they take name for HTTPS. Others need not be read.
func CertificateSecrets(routers []*Sourced[v1alpha1.Router], ingresses []*Sourced[HTTPIngress]) map[Key]bool {
	all := map[Key]bool{}
	for _, src := range routers {
		spec := src.Object.Spec
		if spec.TLS == nil {
			continue
		}
		r := &router{key: Key{src.Object.Namespace, src.Object.Name}, spec: spec}
		r.identifier, _ = newIdentifier(spec, src.Origin)
		if spec.TLS.SecretName != "" {
			all[Key{r.key.Namespace, spec.TLS.SecretName}] = true
		}
		for _, c := range tlsClaims(&Inventory{Ingresses: ingresses}, r) {
			if c.secret.Name != "" {
				all[c.secret] = true
			}
		}
	}
	return all
}

// readTLS decides which certificates a router serves, and says what is wrong
// with them. What is wrong with one harms no other. Which hosts are left without
// one is for keepTLS, when all routers have been read.
func (m *Model) readTLS(r *router, now time.Time, last *Model) {
	if r.spec.TLS == nil {
		return
	}
	r.tls = &tlsPlan{}
	if name := r.spec.TLS.SecretName; name != "" {
		key := Key{r.key.Namespace, name}
		if m.certificate(key, r.origin.Field("spec.tls.secretName").At(1, 1), now, last) != nil {
			r.tls.fallback = secretName(key)
		}
	}
	taken := map[string]claim{}
	for _, c := range tlsClaims(m.inventory, r) {
		if c.secret.Name == "" {
			m.warnTLS(c.pos, "no secretName is set, so that its hosts have no certificate of their own", "name a Secret of type kubernetes.io/tls")
			continue
		}
		cert := m.certificate(c.secret, c.pos, now, last)
		for _, host := range c.hosts {
			host = strings.ToLower(host)
			if !m.grant(c, cert, host, taken) {
				continue
			}
			name := secretName(c.secret)
			if cert == nil {
				name = ""
			}
			r.tls.chains = append(r.tls.chains, tlsChain{secret: name, hosts: []string{host}})
		}
	}
}

// keepTLS has hosts whose Secret has no certificate yet go on with that with which
// the router served them before, whatever Secret that was of.
func (m *Model) keepTLS(r *router, last *Model) {
	if r.spec.TLS == nil {
		return
	}
	var before *tlsPlan
	if was := last.served(r.key); was != nil {
		before = was.tls
	}
	if r.tls.fallback == "" && r.spec.TLS.SecretName != "" && before != nil && m.keepCertificate(before.fallback, last) {
		r.tls.fallback = before.fallback
	}
	byName := map[string][]string{}
	for _, c := range r.tls.chains {
		for _, host := range c.hosts {
			name := c.secret
			if name == "" {
				if name = before.secretFor(host); name == r.tls.fallback || !m.keepCertificate(name, last) {
					continue
				}
			}
			byName[name] = append(byName[name], host)
		}
	}
	r.tls.chains = nil
	for _, name := range sortedKeys(byName) {
		slices.Sort(byName[name])
		r.tls.chains = append(r.tls.chains, tlsChain{secret: name, hosts: byName[name]})
	}
	if r.spec.TLS.RedirectHTTP {
		r.tls.redirected = r.tls.hosts()
	}
}

// secretFor names the Secret with which Envoy serves a host by the plan; "": none.
func (p *tlsPlan) secretFor(host string) string {
	if p == nil {
		return ""
	}
	best, secret := "", p.fallback
	for _, c := range p.chains {
		for _, h := range c.hosts {
			suffix, wild := strings.CutPrefix(h, "*")
			if (h == host || wild && strings.HasSuffix(host, suffix)) && len(h) > len(best) {
				best, secret = h, c.secret
			}
		}
	}
	return secret
}

// keepCertificate has the certificate of a Secret that nobody may name any more
// go on being served as it was; false: there was none.
func (m *Model) keepCertificate(secret string, last *Model) bool {
	if secret == "" {
		return false
	}
	for key, c := range last.certificates {
		if c == nil || secretName(key) != secret {
			continue
		}
		if m.certificates[key] == nil {
			m.certificates[key] = c
		}
		return true
	}
	return false
}

// grant tells whether a host is the claim's, with its certificate; nil: there is
// none. A host stays with the first who claims it, whose Secret may come.
func (m *Model) grant(c claim, cert *certificate, host string, taken map[string]claim) bool {
	covered := cert == nil || cert.covers(host)
	first, was := taken[host]
	switch {
	case !v1alpha1.TLSHost(host):
		m.warnTLS(c.pos, fmt.Sprintf("%q is not a host that a client can ask for by TLS", host), "a name such as www.hello.world or *.hello.world")
		return false
	case was && first.secret != c.secret:
		m.warnTLS(c.pos, fmt.Sprintf("the certificate for host %q is already named at %s, which counts", host, first.pos),
			"the router's own comes first, then the oldest Ingress; take one of the two away")
		return false
	case was:
		return false
	case !covered && c.implied:
		m.warnTLS(c.pos, fmt.Sprintf("the certificate of Secret %s is not for host %q and is not used for it", c.secret, host),
			"name the hosts of the certificate in hosts")
		return false
	case !covered:
		m.warnTLS(c.pos, fmt.Sprintf("the certificate of Secret %s is not for host %q, so that clients refuse it", c.secret, host),
			"its subject alternative names must hold the host")
	}
	taken[host] = c
	return true
}

// warnTLS says what is wrong with a certificate.
func (m *Model) warnTLS(pos dtab.Pos, message, hint string) {
	m.findings = append(m.findings, dtab.Finding{Code: codeTLS, Severity: dtab.Warning, Pos: pos, Message: message, Hint: hint})
}

// certificate gives what a Secret holds, in the last good form if it is gone,
// broken or not valid; nil if there never was one. It says so once for a Secret.
func (m *Model) certificate(key Key, pos dtab.Pos, now time.Time, last *Model) *certificate {
	if c, done := m.certificates[key]; done {
		return c
	}
	data, there := m.inventory.Secrets[key]
	var before, waited *certificate
	if last != nil {
		before, waited = last.certificates[key], last.waiting[key]
	}
	c, err := before, error(nil)
	switch {
	case before.holds(data):
	case waited.holds(data):
		c = waited
	default:
		c, err = newCertificate(data)
	}
	if err != nil {
		f := dtab.Finding{
			Code: codeTLS, Severity: dtab.Warning, Pos: pos, Message: fmt.Sprintf("the Secret %s cannot be used: %v", key, err),
			Hint: "until it is there, its hosts are served as before, or refused if they had no certificate; kubectl create secret tls makes one",
		}
		if !there {
			f.Code, f.Message = codeRef, fmt.Sprintf("there is no Secret %s", key)
		}
		if c = before; c != nil {
			f.Hint = "the certificate of before goes on being served"
		}
		m.findings = append(m.findings, f)
	} else if c, waited = renewed(before, c, now); waited != nil {
		m.waiting[key] = waited
		m.findings = append(m.findings, refusedRenewal(key, pos, c, waited, now))
	}
	if c != nil {
		if remark := c.remark(now); remark != "" {
			m.warnTLS(pos, fmt.Sprintf("the Secret %s: %s", key, remark), "clients refuse it; renew it")
		}
	}
	m.certificates[key] = c
	return c
}

// addSecrets adds the certificates that a router serves to its class.
func (m *Model) addSecrets(cb *classBuilder, r *router) {
	for key, c := range m.certificates {
		name := secretName(key)
		if c == nil || !r.tls.uses(name) || cb.snapshot.Resources[SecretType][name] != nil {
			continue
		}
		own := maker{source: "Secret " + key.String()}
		cb.add(own.resource(name, c.secret(name), nil))
		cb.with(own)
	}
}

func (p *tlsPlan) uses(secret string) bool {
	return p.fallback == secret || slices.ContainsFunc(p.chains, func(c tlsChain) bool { return c.secret == secret })
}

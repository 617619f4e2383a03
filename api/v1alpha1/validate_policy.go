package v1alpha1

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Validate gives the mistakes in a DogfoodPolicy's fields; nil if there are none.
func (p *DogfoodPolicy) Validate() []FieldError {
	c := &checker{}
	s := &p.Spec
	for i, r := range s.Routers {
		c.name(at("spec.routers", i), r)
	}
	if s.ForEach != nil {
		if _, err := metav1.LabelSelectorAsSelector(&s.ForEach.NamespaceSelector); err != nil {
			c.add("spec.forEach.namespaceSelector", "this does not select: "+err.Error(), "matchLabels, or matchExpressions, as for a Deployment")
		}
	}
	if s.Join != nil {
		c.urlPath("spec.join.path", s.Join.Path)
		if strings.HasSuffix(s.Join.Path, "/") {
			c.add("spec.join.path", "the path ends with a slash", "a path such as /-/dogfood")
		}
	}
	c.condition("spec.when", &s.When)
	if s.Grant == "" {
		c.need("spec.override", s.Override, `a dtab, such as "/host/world => /srv/world-v2 ;", or grant: adHoc`)
	}
	c.oneOf("spec.grant", string(s.Grant), string(GrantAdHoc))
	c.oneOf("spec.fallback", string(s.Fallback), string(FallbackBaseline), string(FallbackFail))
	return c.errs
}

func (c *checker) condition(path string, cond *Condition) {
	if cond.Cookie != nil {
		c.match(path+".cookie", cond.Cookie)
		c.cookie(path+".cookie.name", cond.Cookie.Name)
	}
	if cond.Header != nil {
		c.match(path+".header", cond.Header)
		c.header(path+".header.name", cond.Header.Name)
	}
	for i, r := range cond.SourceRanges {
		if _, err := netip.ParsePrefix(r); err != nil {
			hint := "a network such as 10.0.0.0/8"
			if a, err := netip.ParseAddr(r); err == nil {
				hint = fmt.Sprintf("of one address, write %s/%d", a, a.BitLen())
			}
			c.add(at(path+".sourceRanges", i), fmt.Sprintf("%q is not a network", r), hint)
		}
	}
	if cond.JWT != nil {
		c.jwt(path+".jwt", cond.JWT)
	}
	if cond.Percent != nil {
		c.percent(path+".percent", cond.Percent, cond.JWT)
	}
	for i := range cond.All {
		c.condition(at(path+".all", i), &cond.All[i])
	}
	for i := range cond.Any {
		c.condition(at(path+".any", i), &cond.Any[i])
	}
	if cond.Not != nil {
		c.condition(path+".not", cond.Not)
	}
}

func (c *checker) match(path string, m *Match) {
	c.need(path+".name", m.Name, "what to look at")
	var set []string
	for _, o := range []struct {
		name  string
		value *string
	}{
		{"exact", m.Exact}, {"prefix", m.Prefix}, {"suffix", m.Suffix}, {"contains", m.Contains}, {"regex", m.Regex},
	} {
		if o.value != nil {
			set = append(set, o.name)
		}
	}
	switch {
	case len(set) == 0:
		c.add(path, "it does not say what to compare with", `set one of exact, prefix, suffix, contains, regex; for any value, regex: .*`)
	case len(set) > 1:
		c.add(path+"."+set[1], strings.Join(set, " and ")+" cannot be set together", "keep one; all: joins conditions")
	}
}

func (c *checker) jwt(path string, j *JWT) {
	c.need(path+".issuer", j.Issuer, "the iss of the tokens to accept")
	c.header(path+".header", j.Header)
	c.cookie(path+".cookie", j.Cookie)
	if j.Header != "" && j.Cookie != "" {
		c.add(path+".cookie", "header and cookie cannot both be set", "keep one: where the token is")
	}
	c.keys(path, j)
	for i := range j.Claims {
		c.match(at(path+".claims", i), &j.Claims[i])
	}
}

// keys checks that there is one place to take keys from.
func (c *checker) keys(path string, j *JWT) {
	var set []string
	for _, o := range []struct {
		name string
		set  bool
	}{
		{"jwks", j.JWKS != ""}, {"jwksFile", j.JWKSFile != ""}, {"jwksSecretRef", j.JWKSSecretRef != nil}, {"jwksUrl", j.JWKSURL != ""},
	} {
		if o.set {
			set = append(set, o.name)
		}
	}
	switch {
	case len(set) == 0:
		c.add(path, "the keys that sign the tokens are missing", "set one of jwks (JSON), jwksFile, jwksSecretRef, jwksUrl")
	case len(set) > 1:
		c.add(path+"."+set[1], strings.Join(set, " and ")+" cannot be set together", "keep one of them")
	}
	if ref := j.JWKSSecretRef; ref != nil {
		c.name(path+".jwksSecretRef.name", ref.Name)
		if c.need(path+".jwksSecretRef.key", ref.Key, "which key of the Secret's data holds the JWKS") && len(validation.IsConfigMapKey(ref.Key)) > 0 {
			c.add(path+".jwksSecretRef.key", fmt.Sprintf("%q cannot be a key of a Secret", ref.Key), "letters, digits, -, _ and .")
		}
	}
	if j.JWKSURL != "" {
		if !isKeysURL(j.JWKSURL) {
			c.add(path+".jwksUrl", fmt.Sprintf("%q is not a URL to fetch keys from", j.JWKSURL), "https://HOST/PATH")
		}
	}
}

// keysURL is what Kubernetes checks too: see JWT.JWKSURL.
var keysURL = regexp.MustCompile(`^https?://([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#][!-~]*)?$`)

// isKeysURL says that Envoy takes a URL for one: its host is a name of letters,
// digits, hyphens and dots, or a whole address. Whatever ends in a number is an
// address to Envoy, which refuses all policies of a router for one that it does
// not know.
func isKeysURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || !keysURL.MatchString(text) {
		return false
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	host := u.Hostname()
	last := host[strings.LastIndexByte(host, '.')+1:]
	if strings.HasPrefix(u.Host, "[") || last != "" && last[0] >= '0' && last[0] <= '9' {
		_, err := netip.ParseAddr(host)
		return err == nil
	}
	return !strings.Contains(host, "..")
}

func (c *checker) percent(path string, p *Percent, token *JWT) {
	if c.need(path+".of", p.Of, `a number from 0 to 100 in quotes, such as "12.5"`) && !isPercent(p.Of) {
		c.add(path+".of", fmt.Sprintf("%q is not a percentage", p.Of), `a number from 0 to 100 with up to 4 decimals, such as "12.5"`)
	}
	c.cookie(path+".cookie", p.Cookie)
	c.header(path+".header", p.Header)
	var set []string
	for _, o := range []struct{ name, value string }{{"cookie", p.Cookie}, {"header", p.Header}, {"claim", p.Claim}} {
		if o.value != "" {
			set = append(set, o.name)
		}
	}
	switch {
	case len(set) == 0:
		c.add(path, "it does not say how to tell people apart", "set cookie, header or claim: equal values are the same person")
	case len(set) > 1:
		c.add(path+"."+set[1], strings.Join(set, " and ")+" cannot be set together", "keep one: what tells people apart")
	case p.Claim != "" && token == nil:
		c.add(path+".claim", "there is no token to take the claim from", "set jwt beside percent, in the same condition")
	}
}

func isPercent(text string) bool {
	whole, fraction, dot := strings.Cut(text, ".")
	if !digits(whole) || dot && !digits(fraction) || len(whole) > 3 || len(fraction) > 4 {
		return false
	}
	value, err := strconv.ParseFloat(text, 64)
	return err == nil && value <= 100
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

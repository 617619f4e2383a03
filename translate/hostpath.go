package translate

import (
	"cmp"
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"kibble.dev/dogfood"
)

// hostPath is a set of requests: those for some hosts whose path is compared.
type hostPath struct {
	// host in lower case: exact, "*.suffix", or "" for every host.
	host string
	// deep lets "*.suffix" stand for any number of labels; else it is for one.
	deep  bool
	kind  IngressPathType
	path  string
	whole dogfood.Text // of IngressRegex
}

// compare orders sets so that a request tries the most specific first: exact
// hosts before wildcards before every host, then exact paths, then longer ones.
func (h hostPath) compare(o hostPath) int {
	return cmp.Or(
		cmp.Compare(h.hostRank(), o.hostRank()),
		cmp.Compare(len(o.host), len(h.host)),
		cmp.Compare(h.kind.rank(), o.kind.rank()),
		cmp.Compare(len(o.path), len(h.path)),
	)
}

func (h hostPath) hostRank() int {
	switch {
	case h.host == "":
		return 2
	case strings.HasPrefix(h.host, "*"):
		return 1
	}
	return 0
}

// rank puts exact paths before those that match more.
func (t IngressPathType) rank() int {
	if t == IngressExact {
		return 0
	}
	return 1
}

// matches tells whether a request is in the set. The host is as hostName gives it.
func (h hostPath) matches(host, path string) bool {
	suffix, wild := strings.CutPrefix(h.host, "*")
	switch {
	case h.host == "":
	case wild:
		label, ok := strings.CutSuffix(host, suffix)
		if !ok || label == "" || !h.deep && strings.Contains(label, ".") {
			return false
		}
	case host != h.host:
		return false
	}
	path, _, _ = strings.Cut(path, "?")
	switch h.kind {
	case IngressExact:
		return path == h.path
	case IngressPrefix:
		prefix := strings.TrimSuffix(h.path, "/")
		return path == prefix || strings.HasPrefix(path, prefix+"/")
	}
	return h.whole.Matches(path)
}

// reaches tells whether requests for a domain's hosts can be in the set.
func (h hostPath) reaches(domain string) bool {
	suffix, wild := strings.CutPrefix(h.host, "*")
	switch {
	case h.host == "" || h.host == domain:
		return true
	case !wild || strings.HasPrefix(domain, "*") && !h.deep:
		return false
	}
	label, ok := strings.CutSuffix(domain, suffix)
	return ok && label != "" && (h.deep || !strings.Contains(label, "."))
}

// within tells whether the hosts of the set are among those of a wider domain,
// which gets their requests if no narrower domain does.
func (h hostPath) within(domain string) bool {
	suffix, wild := strings.CutPrefix(domain, "*")
	return wild && strings.HasSuffix(h.host, suffix)
}

// match says which requests of a domain are in the set.
func (h hostPath) match(domain string) *routev3.RouteMatch {
	m := anyPath()
	prefix := strings.TrimSuffix(h.path, "/")
	switch {
	case h.kind == IngressExact:
		m.PathSpecifier = &routev3.RouteMatch_Path{Path: h.path}
	case h.kind == IngressRegex:
		m.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: h.whole.Pattern}}
	case prefix != "":
		m.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: prefix}
	}
	if !h.allHosts(domain) {
		m.Headers = append(m.Headers, regexHeader(":authority", h.hostRegex()))
	}
	return m
}

// allHosts tells that every host of a domain that the set reaches is in it.
func (h hostPath) allHosts(domain string) bool {
	return h.host == "" || h.deep && domain != everyHost && strings.HasSuffix(domain, strings.TrimPrefix(h.host, "*")) ||
		!strings.HasPrefix(domain, "*")
}

func (h hostPath) hostRegex() string {
	suffix, wild := strings.CutPrefix(h.host, "*")
	label := ""
	switch {
	case wild && h.deep:
		label = `[^:]+`
	case wild:
		label = `[^.:]+`
	}
	return `(?i)` + label + regexp.QuoteMeta(suffix) + followedBy(false)
}

// covers tells that the set has every request for a domain's hosts.
func (h hostPath) covers(domain string) bool {
	return h.kind == IngressPrefix && h.path == "/" && h.allHosts(domain)
}

// describe says in words what a request for a domain must have beside its host.
func (h hostPath) describe(domain string) string {
	var words []string
	switch {
	case h.allHosts(domain):
	case h.host == domain:
		words = append(words, "one label")
	default:
		words = append(words, "host "+h.host)
	}
	switch {
	case h.kind == IngressExact:
		words = append(words, "path "+h.path)
	case h.kind == IngressRegex:
		words = append(words, "path ~ "+h.path)
	case h.path != "/":
		words = append(words, "path "+strings.TrimSuffix(h.path, "/")+"/**")
	}
	return strings.Join(words, ", ")
}

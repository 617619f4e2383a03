package dogfood

import (
	"strings"

	"kibble.dev/dtab"
)

// rewritten are headers that Envoy itself sets, removes or adds to before
// conditions are decided, so that what the client sent cannot be compared.
const rewritten = " connection expect keep-alive proxy-connection te transfer-encoding upgrade" +
	" x-forwarded-client-cert x-forwarded-for x-forwarded-proto x-request-id "

// headerName gives the name as Envoy knows it, and refuses those of which a
// condition would never hold, or not as its author thinks.
func (c conditionCompiler) headerName(path, name string) string {
	name = strings.ToLower(name)
	refuse := func(message, hint string) {
		c.report.add(dtab.Error, codeCondition, path, message, hint)
	}
	switch {
	case name == "host":
		return ":authority"
	case strings.HasPrefix(name, ":"):
		if name != ":authority" && name != ":path" && name != ":method" {
			refuse("there is no "+quote(name)+" to compare", "the pseudo-headers are :authority, :path and :method")
		}
	case Carries(name):
		refuse("the edge removes "+quote(name)+" before it decides", "this header carries context; compare another one")
	case name == "cookie":
		refuse("cookies are not compared as a header", "cookie: {name: …} finds the right one among them")
	case name == BaggageHeader:
		refuse("the edge takes its own member out of baggage before it decides", "baggage is a list that many write to; have the client set a header of its own")
	case strings.Contains(name, "_"):
		refuse("the edge refuses requests with a header such as "+quote(name), "names with _ are taken for names with - by some applications; use -")
	case strings.HasPrefix(name, "x-envoy-"), strings.Contains(rewritten, " "+name+" "):
		refuse("the proxy changes "+quote(name)+" before it decides", "for addresses there is sourceRanges")
	}
	return name
}

// Carries tells whether a header, its name in lower case, carries context or is
// of our own, so that no router that does not trust its clients lets it in.
func Carries(name string) bool {
	for _, prefix := range CarrierPrefixes() {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// CarrierPrefixes are what the names of headers that carry context begin with:
// linkerd's own, ours, and the one of Finagle before them.
func CarrierPrefixes() []string { return []string{"l5d-", "x-kibble-", "dtab-local"} }

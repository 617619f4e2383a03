package translate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// headerForwardedFor is where proxies write whom they pass a request on for.
const headerForwardedFor = "x-forwarded-for"

// clientAddress gives the client's address by the rule of a router that
// believes as many proxies in front, as Envoy 1.40 does
// (Http::Utility::getLastAddressFromXFF): of the addresses in X-Forwarded-For
// the one that the first of those proxies wrote, counted from the end. Where
// that is none, it is the peer's: who opened the connection. The text says in
// words which it is.
func clientAddress(forwardedFor []string, hops int32, peer netip.Addr) (client netip.Addr, how string) {
	if hops == 0 {
		return peer, "it opened the connection"
	}
	lines := slices.DeleteFunc(slices.Clone(forwardedFor), func(line string) bool { return line == "" })
	text := strings.Join(lines, ",")
	for range hops - 1 {
		comma := strings.LastIndexByte(text, ',')
		if comma < 0 {
			return peer, fmt.Sprintf("it opened the connection: X-Forwarded-For has fewer than %d addresses", hops)
		}
		text = text[:comma]
	}
	// A comma at the very end is no separator.
	if comma := strings.LastIndexByte(text, ','); comma >= 0 && comma+1 < len(text) {
		text = text[comma+1:]
	}
	text = strings.Trim(text, " \t\n\v\f\r")
	addr, err := netip.ParseAddr(text)
	if err != nil || strings.ContainsAny(addr.Zone(), ", ") {
		return peer, fmt.Sprintf("it opened the connection: %q in X-Forwarded-For is not an address", text)
	}
	return addr, fmt.Sprintf("by X-Forwarded-For, number %d from the end, as the router believes %d in front", hops, hops)
}

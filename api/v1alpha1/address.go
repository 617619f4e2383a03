package v1alpha1

import "net/netip"

// ParseAddress reads a literal IP address, as Envoy does: one with a zone, such as
// fe80::1%eth0, is none.
func ParseAddress(text string) (address netip.Addr, ok bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Zone() == ""
}

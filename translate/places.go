package translate

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// place is where requests for a bound name can go: an address, or a name that
// Envoy asks DNS for.
type place struct {
	host   string
	port   uint32
	node   string
	ready  bool
	weight uint32
	// last says that it counts only where nobody else is there.
	last bool
}

// String gives host:port, with brackets around IPv6 addresses.
func (p place) String() string {
	return net.JoinHostPort(p.host, strconv.FormatUint(uint64(p.port), 10))
}

// places gives what is behind an id of the namer, in a fixed order, and
// whether the id exists at all; with late, also if it has ceased to lately.
func (n *namerSpec) places(inv *Inventory, id dtab.Path, late bool) ([]place, bool) {
	view := inv.View(n.config)
	view.late = late
	rest := id[1+len(n.prefix):]
	switch n.config.Kind {
	case dtab.KindFS:
		f := view.File(rest)
		if f == nil {
			return nil, false
		}
		var all []place
		for _, e := range f.Endpoints {
			all = append(all, place{host: e.Host, port: uint32(e.Port), ready: true, weight: fileWeight(e.Weight)})
		}
		return all, true
	case dtab.KindK8sExternal:
		host, port, ok := view.External(rest)
		return []place{{host: host, port: uint32(port), ready: true}}, ok
	}
	addresses, ok := view.Endpoints(n.whole(rest))
	all := make([]place, len(addresses))
	for i, a := range addresses {
		all[i] = place{host: a.IP, port: uint32(a.Port), node: a.NodeName, ready: a.Ready}
	}
	return all, ok
}

// fileWeight makes the weight of an io.l5d.fs line one of Envoy's, which are
// whole numbers of 1 or more.
func fileWeight(w float64) uint32 {
	if w <= 0 {
		return 1
	}
	return uint32(max(1, min(w*100, 1e6)))
}

// inetTarget gives host and port of an id of the namers inet, fixedinet and
// rinet: /$/inet/<host>/<port>, /$/inet/<port> or /$/io.buoyant.rinet/<port>/<host>.
func inetTarget(id dtab.Path) (host, port string) {
	switch {
	case len(id) == 3:
		return "localhost", id[2]
	case id[1] == "io.buoyant.rinet":
		return id[3], id[2]
	}
	return id[2], id[3]
}

// inetPlace reads such an id. It is not ok where no connection can be made: the
// name is bound then, and has nobody behind it.
func inetPlace(id dtab.Path) (place, bool) {
	host, text := inetTarget(id)
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return place{}, false
	}
	return place{host: canonicalHost(host), port: uint32(port), ready: true}, true
}

// canonicalHost spells out the short forms of IPv4 addresses that the original
// takes, such as 127.1.
func canonicalHost(host string) string {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return host
	}
	var addr uint64
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 32)
		if err != nil {
			return host
		}
		if i == len(parts)-1 {
			addr |= n
			continue
		}
		if n > 255 {
			return host
		}
		addr |= n << (8 * (3 - i))
	}
	if len(parts) == 1 || addr > 0xffffffff {
		return host
	}
	return netip.AddrFrom4([4]byte{byte(addr >> 24), byte(addr >> 16), byte(addr >> 8), byte(addr)}).String()
}

// isAddress tells a literal IP address from a name.
func isAddress(host string) bool {
	_, ok := v1alpha1.ParseAddress(host)
	return ok
}

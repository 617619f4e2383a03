package bootstrap

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// values is what the template reads: every option checked and filled in.
type values struct {
	Class, NodeID                string
	Metadata                     []field
	Servers                      []server
	AdminHost                    string
	AdminPort                    uint16
	StatusHost                   string
	StatusPort                   uint16
	StatusBoth                   bool // IPv4 comes to an IPv6 address too
	MaxHeapBytes, MaxConnections uint64
	TLS                          *tlsValues
	Token                        string
}

type field struct{ Key, Value string }

type server struct {
	Host string
	Port uint16
}

func (o Options) values() (values, error) {
	v := values{
		Class: o.Class, NodeID: o.NodeID,
		MaxHeapBytes: o.MaxHeapBytes, MaxConnections: o.MaxConnections,
	}
	if !regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`).MatchString(o.Class) {
		return v, fmt.Errorf("proxy class %q: want a name of letters, digits, '-', '_' and '.', as Routers have it in spec.proxyClass: edge, sidecar, node, or your own", o.Class)
	}
	var err error
	if v.Servers, err = servers(o.Server); err != nil {
		return v, err
	}
	if v.AdminHost, v.AdminPort, err = hostPort(o.AdminAddress, DefaultAdminAddress); err != nil {
		return v, fmt.Errorf("admin address %q: %w", o.AdminAddress, err)
	}
	if _, err := netip.ParseAddr(v.AdminHost); err != nil {
		return v, fmt.Errorf("admin address %q: Envoy listens on IP addresses only: want one, such as 127.0.0.1, in place of %q", o.AdminAddress, v.AdminHost)
	}
	if o.StatusAddress != "" {
		if v.StatusHost, v.StatusPort, err = hostPort(o.StatusAddress, "0.0.0.0:4190"); err != nil {
			return v, fmt.Errorf("status address %q: %w", o.StatusAddress, err)
		}
		ip, err := netip.ParseAddr(v.StatusHost)
		if err != nil || v.StatusPort == 0 || v.AdminPort == 0 {
			return v, fmt.Errorf("status address %q: want an IP address and a port, such as 0.0.0.0:4190, and an admin address with a port", o.StatusAddress)
		}
		v.StatusBoth = ip == netip.IPv6Unspecified()
	}
	if o.PodIP != "" && !regexp.MustCompile(`^\$\([A-Za-z_][A-Za-z0-9_]*\)$`).MatchString(o.PodIP) {
		if _, err := netip.ParseAddr(o.PodIP); err != nil {
			return v, fmt.Errorf("pod IP %q: want an IP address", o.PodIP)
		}
	}
	if o.TLS != nil {
		if v.TLS, err = o.TLS.values(v.Servers[0].Host); err != nil {
			return v, err
		}
		v.Token = o.TLS.token()
	}
	for _, f := range []field{
		{"POD_IP", o.PodIP}, {"NODE_NAME", o.NodeName}, {"NAMESPACE", o.Namespace}, {"WORKLOAD", o.Workload}, {"CALLS", o.Calls},
	} {
		if f.Value != "" {
			v.Metadata = append(v.Metadata, f)
		}
	}
	v.limits()
	return v, nil
}

func servers(list string) (all []server, err error) {
	for address := range strings.SplitSeq(cmp.Or(list, DefaultServer), ",") {
		if address == "" {
			return nil, fmt.Errorf("server address %q: an address is missing beside a comma", list)
		}
		var s server
		if s.Host, s.Port, err = hostPort(address, DefaultServer); err != nil {
			return nil, fmt.Errorf("server address %q: %w", address, err)
		}
		if s.Port == 0 {
			return nil, fmt.Errorf("server address %q: port 0 cannot be called", address)
		}
		all = append(all, s)
	}
	return all, nil
}

func (v *values) limits() {
	heap, connections := uint64(1<<30), uint64(10_000)
	if v.Class == ClassEdge || v.Class == ClassNode {
		heap, connections = 2<<30, 50_000
	}
	v.MaxHeapBytes = cmp.Or(v.MaxHeapBytes, heap)
	v.MaxConnections = cmp.Or(v.MaxConnections, connections)
}

// hostPort splits an address; an empty one is the default, which is also the
// example in what it says about a wrong one.
func hostPort(s, byDefault string) (string, uint16, error) {
	host, port, err := net.SplitHostPort(cmp.Or(s, byDefault))
	if err != nil || host == "" {
		return "", 0, fmt.Errorf("want host:port, such as %s", byDefault)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("want a port from 1 to 65535, not %q", port)
	}
	return host, uint16(n), nil
}

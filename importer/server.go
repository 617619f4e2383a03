package importer

import (
	"cmp"
	"net/netip"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// server is a listener of linkerd's.
type server struct {
	port     int
	bind     v1alpha1.Bind
	families []v1alpha1.IPFamily // none: IPv4
	clear    bool                // it takes context from nobody
}

// defaultPort of linkerd for a protocol.
func defaultPort(protocol string) int {
	if protocol == "h2" {
		return 4142
	}
	return 4140
}

func (r *router) server(v value) server {
	m := v.fields()
	s := server{port: defaultPort(r.protocol), bind: v1alpha1.BindLoopback}
	if port, ok := m.get("port"); ok {
		n, isNumber := port.number()
		if !isNumber || n < 1 || n > 65535 {
			port.find(dtab.Error, CodeSyntax, port.path+" is not a port: "+port.text(), cmp.Or(fillIn(port.text()), "a number from 1 to 65535"))
		}
		if isNumber {
			s.port = n
		}
	}
	if ip, ok := m.get("ip"); ok {
		s.bind, s.families = bindOf(ip)
	} else if !r.ingress {
		v.find(dtab.Info, CodeAssumed, v.path+" has no ip: linkerd listens on the loopback address then, and so does bind: loopback", "")
	}
	if clear, ok := m.get("clearContext"); ok {
		s.clear = clear.yes()
	}
	if (s.clear || r.ingress) && !m.has("ip") {
		s.bind = v1alpha1.BindLoopback
	}
	if r.ingress && !s.clear {
		v.find(dtab.Warning, CodeDiffers, "an Ingress controller is untrusted here: it takes l5d-dtab and l5d-ctx-* from nobody, where linkerd without clearContext took them from everybody",
			"if nobody outside can reach it, set trust: internal")
	}
	if tls, ok := m.get("tls"); ok {
		t := tls.fields()
		message := tls.path + " is not carried over: its certificate is a file of linkerd's, and this port speaks plain HTTP"
		if asks, ok := t.get("requireClientAuth"); ok && asks.yes() {
			message += "; nor are callers asked for a certificate of theirs"
		}
		tls.find(dtab.Error, CodeLost, message,
			"an edge listens for HTTPS on another port with spec.tls and a Secret (kubectl create secret tls NAME --cert "+t.text("certPath")+" --key "+t.text("keyPath")+"); do not expose this port")
	}
	if f, ok := m.get("addForwardedHeader"); ok {
		f.find(dtab.Warning, CodeDiffers, "Envoy writes x-forwarded-for and x-forwarded-proto, not Forwarded (RFC 7239)",
			"let services read x-forwarded-for; xffNumTrustedHops says how many proxies in front are trusted")
	}
	if a, ok := m.get("announce"); ok {
		a.find(dtab.Warning, CodeLost, "Kibble announces its listeners nowhere", "a Service of Kubernetes in front of the proxies makes them known")
	}
	if c, ok := m.get("maxConcurrentRequests"); ok {
		c.find(dtab.Warning, CodeLost, "a listener has no limit of concurrent requests here", "the bootstraps refuse work when memory is short; a limit by number is Envoy's own, in its bootstrap")
	}
	if c, ok := m.get("requestAuthorizers"); ok {
		c.find(dtab.Error, CodeLost, c.path+" has no counterpart: nobody is refused by the router", "authorize in front of it, or in the service")
	}
	m.notNeeded("Envoy has its own settings of connections, in its bootstrap", "engine", "socketOptions", "windowUpdateRatio", "headerTableBytes",
		"initialStreamWindowBytes", "maxConcurrentStreamsPerConnection", "maxFrameBytes", "maxHeaderListByts", "maxHeaderListBytes", "serverSession")
	m.notNeeded("only announcements had the names of servers", "label")
	m.rest("a server")
	return s
}

// bindOf says on which address to listen, and by which families; none: IPv4. Java
// takes IPv4 connections at :: too.
func bindOf(v value) (v1alpha1.Bind, []v1alpha1.IPFamily) {
	if v.text() == "localhost" {
		return v1alpha1.BindLoopback, nil
	}
	addr, err := netip.ParseAddr(v.text())
	switch {
	case err == nil && addr == netip.IPv6Unspecified():
		return v1alpha1.BindAny, []v1alpha1.IPFamily{v1alpha1.IPv6, v1alpha1.IPv4}
	case err == nil && addr == netip.IPv6Loopback():
		return v1alpha1.BindLoopback, []v1alpha1.IPFamily{v1alpha1.IPv6}
	case err == nil && addr.IsUnspecified():
		return v1alpha1.BindAny, nil
	case err == nil && addr.IsLoopback():
		return v1alpha1.BindLoopback, nil
	}
	v.find(dtab.Warning, CodeDiffers, "a Router listens on all addresses, on the loopback address or on the pod's own, not on "+v.text()+": bind: pod is assumed",
		"see whether that is the address that proxies have as POD_IP")
	return v1alpha1.BindPod, nil
}

package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
)

// checkPorts tells which addresses are taken, and how to use others. Envoys
// would share a taken port without a word, if the other one is an Envoy too.
func checkPorts(o options, top *topology) error {
	var taken []string
	check := func(address, what, remedy string) {
		l, err := net.Listen("tcp", address)
		if err == nil {
			l.Close()
			return
		}
		why := err.Error()
		if errors.Is(err, syscall.EADDRINUSE) {
			why = "it is in use"
		}
		taken = append(taken, fmt.Sprintf("%s (%s): %s; %s", address, what, why, remedy))
	}
	check(o.xds, "kibble's xDS", "choose another with --xds-address")
	check(o.admin, "kibble's admin pages", "choose another with --admin-address")
	check(o.edgeHTTP, "the edge Envoy's admin pages", "choose another with --edge-admin-address")
	routers, services := filepath.Join(o.dir, "routers.yaml"), filepath.Join(o.dir, "services.yaml")
	check(fmt.Sprintf("0.0.0.0:%d", top.ingress), "router ingress", "change its port in "+routers)
	for _, p := range top.pods {
		check(p.address(), p.service, "change its port or address in "+services)
	}
	for _, p := range top.proxies {
		check(fmt.Sprintf("%s:%d", p.ip, top.outgoing), "router outgoing at "+p.name, "change its port in "+routers)
		check(fmt.Sprintf("%s:%d", p.ip, top.incoming), "router incoming at "+p.name, "change its port in "+routers)
		check(p.admin(), "admin pages of the Envoy "+p.name, "change the pod's address in "+services)
	}
	if taken == nil {
		return nil
	}
	return fmt.Errorf("the demo cannot listen where it should (another demo still running?):\n  %s\nflags go after make as in: make demo FLAGS='--xds-address 127.0.0.1:18001'", strings.Join(taken, "\n  "))
}

package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"kibble.dev/internal/helloworld"
)

// checkPorts tells which addresses are taken, and how to use others. Envoys
// would share a taken port without a word, if the other one is an Envoy too.
func checkPorts(o options, top *helloworld.Topology) error {
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
	check(fmt.Sprintf("0.0.0.0:%d", top.Ingress), "router ingress", "change its port in "+routers)
	for _, p := range top.Pods {
		check(p.Address(), p.Service, "change its port or address in "+services)
	}
	for _, p := range top.Proxies {
		check(fmt.Sprintf("%s:%d", p.IP, top.Outgoing), "router outgoing at "+p.Name, "change its port in "+routers)
		check(fmt.Sprintf("%s:%d", p.IP, top.Incoming), "router incoming at "+p.Name, "change its port in "+routers)
		check(p.Admin(), "admin pages of the Envoy "+p.Name, "change the pod's address in "+services)
	}
	if taken == nil {
		return nil
	}
	return fmt.Errorf("the demo cannot listen where it should (another demo still running?):\n  %s\nflags go after make as in: make demo FLAGS='--xds-address 127.0.0.1:18001'", strings.Join(taken, "\n  "))
}

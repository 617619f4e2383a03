package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// The route table of a router is told in parts: a small route configuration, and
// its virtual hosts one by one, which Envoy asks for over VHDS. So the host that
// changed travels, not the table. Whoever does not know VHDS, and people, are
// given the same table as one resource, which Table puts together.

// inPartsMark begins the versions of route configurations whose virtual hosts
// come one by one. So the version alone tells which form of it somebody has.
const inPartsMark = "vhds-"

// NewRouteConfiguration makes the route configuration of a table whose virtual
// hosts travel one by one. The message has none, and must not be changed afterwards.
func NewRouteConfiguration(rc *routev3.RouteConfiguration, source string) (*Resource, error) {
	head, err := proto.MarshalOptions{Deterministic: true}.Marshal(rc)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", rc.GetName(), err)
	}
	asking := proto.CloneOf(rc)
	// The host that nobody told about yet may be any: the listener waits for the
	// first answer, however long it takes, and no request ever waits.
	asking.Vhds = &routev3.Vhds{ConfigSource: beforeOpening()}
	r, err := newResource(inPartsMark, rc.GetName(), asking, nil, source)
	if err != nil {
		return nil, err
	}
	r.head = head
	return r, nil
}

// NewVirtualHost makes a virtual host of a route configuration. Its name there,
// one of its domains, becomes the last part of the resource's name: Envoy finds
// the route configuration by what stands before the last slash, and a removal by
// a name that the message has too. The message must not be changed afterwards.
func NewVirtualHost(config string, vh *routev3.VirtualHost, clusters []string, source string) (*Resource, error) {
	vh.Name = config + "/" + vh.GetName()
	return NewResource(vh.GetName(), vh, clusters, source)
}

// TableOf gives the name of the route configuration that a virtual host is of.
func TableOf(host string) string { return host[:max(strings.LastIndexByte(host, '/'), 0)] }

// InParts says whether a version is that of a route configuration whose virtual
// hosts travel one by one.
func InParts(version string) bool { return strings.HasPrefix(version, inPartsMark) }

// Table gives the route configuration with its virtual hosts in it, in the order
// in which they are given. One that was not made by NewRouteConfiguration is
// whole already, and is given as it is.
func Table(config *Resource, hosts []*Resource) *Resource {
	if config.head == nil {
		return config
	}
	// Encoded messages can be concatenated: a repeated field goes on.
	size := len(config.head)
	for _, h := range hosts {
		size += protowire.SizeTag(virtualHosts) + protowire.SizeBytes(len(h.Body.Value))
	}
	body := append(make([]byte, 0, size), config.head...)
	var clusters []string
	var leads []Lead
	for _, h := range hosts {
		body = protowire.AppendTag(body, virtualHosts, protowire.BytesType)
		body = protowire.AppendBytes(body, h.Body.Value)
		clusters = append(clusters, h.Clusters...)
		if h.Leads != nil {
			leads = slices.Concat(leads, h.Leads)
		}
	}
	slices.Sort(clusters)
	slices.SortFunc(leads, func(a, b Lead) int { return strings.Compare(a.Route, b.Route) })
	sum := sha256.Sum256(body)
	return &Resource{
		Name: config.Name, Version: hex.EncodeToString(sum[:8]),
		Body:     &anypb.Any{TypeUrl: RouteType, Value: body},
		Clusters: slices.Compact(clusters), Leads: leads, Source: config.Source,
	}
}

// virtualHosts is the number of the field of a RouteConfiguration.
const virtualHosts = 2

// Whole gives the resources of a class with each route table as one resource,
// for whoever wants to see what a proxy has, however it travels.
func (c *ClassSnapshot) Whole() map[string]map[string]*Resource {
	all := make(map[string]map[string]*Resource, len(c.Resources))
	for typ, resources := range c.Resources {
		if typ != VirtualHostType {
			all[typ] = resources
		}
	}
	hosts := map[string][]*Resource{}
	for _, name := range sortedKeys(c.Resources[VirtualHostType]) {
		hosts[TableOf(name)] = append(hosts[TableOf(name)], c.Resources[VirtualHostType][name])
	}
	tables := make(map[string]*Resource, len(c.Resources[RouteType]))
	for name, config := range c.Resources[RouteType] {
		tables[name] = Table(config, hosts[name])
	}
	all[RouteType] = tables
	return all
}

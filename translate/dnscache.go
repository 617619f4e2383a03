package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	dnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/dynamic_forward_proxy/v3"
)

// dnsCacheConfig is the cache of names that requests go out to. The cluster and
// the filter of a listener must be given the same one.
func dnsCacheConfig() *dnsv3.DnsCacheConfig {
	return &dnsv3.DnsCacheConfig{Name: "kibble", DnsLookupFamily: clusterv3.Cluster_V4_PREFERRED}
}

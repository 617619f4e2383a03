package translate

import (
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	inspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// handshakeMost is how long a client may take to say which host it wants, and
	// again how long for the handshake.
	handshakeMost = 10 * time.Second
	// secretMost is how long a listener waits for a certificate before it opens
	// without it, so that one that Envoy refuses keeps no other host closed.
	secretMost = 5 * time.Second
)

// secure makes a router's listener one for HTTPS: a filter chain, with the same
// connection manager, for the hosts of each Secret. Envoy changes filter chains
// in place: connections of the others stay.
func secure(l *listenerv3.Listener, plan *tlsPlan) {
	filters := l.FilterChains[0].Filters
	l.FilterChains = nil
	l.ListenerFilters = []*listenerv3.ListenerFilter{{
		Name:       "envoy.filters.listener.tls_inspector",
		ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: mustAny(&inspectorv3.TlsInspector{})},
	}}
	l.ListenerFiltersTimeout = durationpb.New(handshakeMost)
	chain := func(secret string) *listenerv3.FilterChain {
		return &listenerv3.FilterChain{
			Name: secret, Filters: filters, TransportSocket: serverTLS(secret),
			TransportSocketConnectTimeout: durationpb.New(handshakeMost),
		}
	}
	for _, c := range plan.chains {
		own := chain(c.secret)
		own.FilterChainMatch = &listenerv3.FilterChainMatch{ServerNames: c.hosts}
		l.FilterChains = append(l.FilterChains, own)
	}
	if plan.fallback != "" {
		l.DefaultFilterChain = chain(plan.fallback)
		l.DefaultFilterChain.Name = "default " + plan.fallback
	}
}

// validateChains checks what secure added: the connection manager, which is the
// same in every chain, was checked before.
func validateChains(l *listenerv3.Listener) error {
	chains := slices.Clone(l.FilterChains)
	if l.DefaultFilterChain != nil {
		chains = append(chains, l.DefaultFilterChain)
	}
	for _, c := range chains {
		if err := validateDeep(c.TransportSocket); err != nil {
			return err
		}
	}
	return nil
}

// serverTLS shows the certificate of a Secret, which is delivered by itself.
func serverTLS(secret string) *corev3.TransportSocket {
	source := overADS()
	source.InitialFetchTimeout = durationpb.New(secretMost)
	return &corev3.TransportSocket{
		Name: "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: mustAny(&tlsv3.DownstreamTlsContext{
			CommonTlsContext: &tlsv3.CommonTlsContext{
				TlsParams:                      &tlsv3.TlsParameters{TlsMinimumProtocolVersion: tlsv3.TlsParameters_TLSv1_2},
				AlpnProtocols:                  []string{"h2", "http/1.1"},
				TlsCertificateSdsSecretConfigs: []*tlsv3.SdsSecretConfig{{Name: secret, SdsConfig: source}},
			},
		})},
	}
}

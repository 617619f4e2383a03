package translate

import (
	"net"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"
)

// encoded is the resource that holds the listener.
func (r listenerSpec) encoded(l *listenerv3.Listener, source string) (*Resource, error) {
	var clusters []string
	if r.Tracing != nil {
		clusters = []string{r.Tracing.cluster}
	}
	return encodedListener(l, r.OnDemand, clusters, source)
}

// encodedListener is the resource that holds a listener, at which requests may wait for
// clusters on demand.
func encodedListener(l *listenerv3.Listener, asks bool, clusters []string, source string) (*Resource, error) {
	mark := ""
	if asks {
		mark = asksMark
	}
	made, err := newResource(mark, l.Name, l, clusters, source)
	if err == nil {
		made.Asks = asks
	}
	return made, err
}

// asksMark begins the versions of listeners at which requests wait for clusters on
// demand, so that a proxy that comes back tells whether it has one.
const asksMark = "asks-"

// AsksBy says whether a version is that of such a listener: see Resource.Asks.
func AsksBy(version string) bool { return strings.HasPrefix(version, asksMark) }

// bindsOf gives the addresses at which a message has a proxy listen.
func bindsOf(m proto.Message) []string {
	l, ok := m.(*listenerv3.Listener)
	if !ok {
		return nil
	}
	all := []string{addressText(l.GetAddress())}
	for _, more := range l.GetAdditionalAddresses() {
		all = append(all, addressText(more.GetAddress()))
	}
	return slices.DeleteFunc(all, func(a string) bool { return a == "" })
}

// addressText writes the address of a socket, "" for one that no two can share:
// that of whatever port is free.
func addressText(a *corev3.Address) string {
	s := a.GetSocketAddress()
	if s.GetPortValue() == 0 {
		return ""
	}
	return net.JoinHostPort(s.GetAddress(), strconv.FormatUint(uint64(s.GetPortValue()), 10))
}

package translate

import (
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// How long a connection of HTTP/1.1 is kept that nobody uses. A server that closes it
// just when a request is sent leaves nobody a way to know whether it was worked on, so
// the proxy has to be first: servers give up after 5 seconds (Node.js, uvicorn, Apache
// httpd) or more, and some after 2 (gunicorn). The pod next to the proxy is connected
// to again at next to no cost.
const (
	idleMost     = 4 * time.Second
	idleMostNear = 1500 * time.Millisecond
)

// requestBuffer is how much of a request's body is kept until there is an answer, so
// that it can be sent to somebody else: Envoy's own default, of which guarded listeners
// would leave perConnectionBuffer. What is longer is lost if the endpoint that is tried
// first refuses the connection.
const requestBuffer = 1 << 20

// The other side is gone when it has acknowledged nothing for so long, be it data or
// the kernel's question whether it is there, which is asked of a silent connection.
// All of that together is deadAfter: the kernel takes TCP_USER_TIMEOUT for the limit of
// both, and with less would believe the loss of a single question (tcp(7)). It is also
// how long an application may leave a large body unread, for which nginx has a minute
// too (proxy_send_timeout).
const (
	askAfter  = 30 * time.Second
	askEvery  = 10 * time.Second
	askTimes  = 3
	deadAfter = askAfter + askTimes*askEvery
)

// Of Linux, where TCP_USER_TIMEOUT is (netinet/tcp.h).
const (
	levelTCP       = 6
	tcpUserTimeout = 18
)

// giveUp makes a cluster's connections end when the other side is gone without a word,
// as with a node that lost its power. By itself the kernel sends for a quarter of an
// hour what nobody acknowledges.
func giveUp(c *clusterv3.Cluster) {
	c.UpstreamConnectionOptions = &clusterv3.UpstreamConnectionOptions{TcpKeepalive: &corev3.TcpKeepalive{
		KeepaliveTime:     wrapperspb.UInt32(uint32(askAfter.Seconds())),
		KeepaliveInterval: wrapperspb.UInt32(uint32(askEvery.Seconds())),
		KeepaliveProbes:   wrapperspb.UInt32(askTimes),
	}}
	c.UpstreamBindConfig = &corev3.BindConfig{SocketOptions: []*corev3.SocketOption{{
		Level: levelTCP, Name: tcpUserTimeout,
		Value: &corev3.SocketOption_IntValue{IntValue: deadAfter.Milliseconds()},
	}}}
}

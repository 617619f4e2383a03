package xds

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/peer"

	"kibble.dev/internal/crowd"
)

// Bounds of connections on which nobody has made a call that was let in: of those
// that say nothing, never end their handshake, or open a stream and never speak.
const (
	strangersMost = 4096
	// introduction is how long one may take to make a call.
	introduction = 30 * time.Second
)

// Values of the label reason of kibble_xds_strangers_closed_total.
const (
	closedSilent  = "silent"
	closedCrowded = "crowded"
)

// door is a listener that knows which connections are those of strangers, and closes
// some so that others get in: those that have been there for long, and, when there
// are too many, the oldest of the address with the most.
type door struct {
	net.Listener
	metrics *metrics
	log     *slog.Logger

	mu        sync.Mutex
	clock     clock
	strangers map[string]*stranger // by address and port
	crowd     *crowd.Crowd         // of the strangers
	closed    map[string]int       // since it was logged
	silent    []*silent            // oldest first
	hushed    int                  // since it was logged
}

type stranger struct {
	*crowd.Member

	since time.Time
}

func newDoor(l net.Listener, o Options, m *metrics) *door {
	return &door{
		Listener: l, metrics: m, log: o.Logger, clock: clock{now: o.Now},
		strangers: map[string]*stranger{}, crowd: crowd.New(strangersMost), closed: map[string]int{},
	}
}

// Accept lets one more in. The connection is given as it is: gRPC sets options of TCP.
func (d *door) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	address := c.RemoteAddr().String()
	d.forget(d.strangers[address]) // it had the same port
	m, gone := d.crowd.Add(c)
	d.strangers[address] = &stranger{m, d.clock.read()}
	if gone != nil {
		d.close(d.strangers[gone.RemoteAddr().String()], closedCrowded)
	}
	d.metrics.strangers.Set(float64(len(d.strangers)))
	return c, nil
}

// forget takes somebody out of the strangers; nil is nobody.
func (d *door) forget(s *stranger) {
	if s == nil {
		return
	}
	delete(d.strangers, s.RemoteAddr().String())
	d.crowd.Remove(s.Member)
}

func (d *door) close(s *stranger, reason string) {
	d.forget(s)
	if s.Close() == nil { // else it had ended by itself
		d.closed[reason]++
		d.metrics.strangersClosed.WithLabelValues(reason).Inc()
	}
}

// expire closes those that have been strangers for too long, ends streams that have
// been silent for too long, and logs what it did.
func (d *door) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.read()
	for _, s := range d.strangers {
		if now.Sub(s.since) > introduction {
			d.close(s, closedSilent)
		}
	}
	d.hushLate(now)
	d.metrics.strangers.Set(float64(len(d.strangers)))
	if len(d.closed) > 0 {
		d.log.Warn("connections on which no call was let in were closed", closedSilent, d.closed[closedSilent], closedCrowded, d.closed[closedCrowded])
		clear(d.closed)
	}
}

// knows takes the connection of a call that was let in out of the strangers.
func (d *door) knows(ctx context.Context) {
	p, ok := peer.FromContext(ctx)
	if !ok || d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(d.strangers[p.Addr.String()])
}

func (m *metrics) ofStrangers(registered promauto.Factory) {
	m.strangers = registered.NewGauge(prometheus.GaugeOpts{
		Name: "kibble_xds_strangers", Help: "Connections on which nobody has made a call yet that was let in.",
	})
	m.strangersClosed = registered.NewCounterVec(prometheus.CounterOpts{
		Name: "kibble_xds_strangers_closed_total",
		Help: "Such connections that were closed: silent, for half a minute; crowded, because there were too many of them.",
	}, []string{"reason"})
}

package xds

import (
	"time"

	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// metrics of a server. Labels have few values: kinds of resources, not nodes.
type metrics struct {
	streams prometheus.Gauge
	served  *served
	builds  *prometheus.CounterVec
	pushes  *prometheus.CounterVec
	sent    *prometheus.CounterVec
	nacks   *prometheus.CounterVec
	answers *prometheus.HistogramVec
	late    *prometheus.GaugeVec
	lates   *prometheus.CounterVec
	refused prometheus.Gauge
	denied  *prometheus.CounterVec
	asked   prometheus.Counter

	askedHosts *prometheus.CounterVec

	strangers       prometheus.Gauge
	strangersClosed *prometheus.CounterVec
}

// Values of the label result of kibble_xds_pushes_total.
const (
	resultSent    = "sent"
	resultAcked   = "acked"
	resultRefused = "refused"
)

// Values of the label result of kibble_xds_published_total.
const (
	resultChanged   = "changed"
	resultUnchanged = "unchanged"
)

func newMetrics(r prometheus.Registerer) *metrics {
	registered := promauto.With(r)
	m := &metrics{
		streams: registered.NewGauge(prometheus.GaugeOpts{
			Name: "kibble_xds_streams", Help: "Connected proxies.",
		}),
		served: newServed(r),
		builds: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_published_total",
			Help: "Configurations that were made: changed, some resource is another one than before; unchanged, none is, and nothing is sent.",
		}, []string{"result"}),
		pushes: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_pushes_total",
			Help: "Responses to proxies, by type of resource: sent, and of these acked or refused.",
		}, []string{"type", "result"}),
		sent: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_resources_sent_total", Help: "Resources that changed in these responses, removals included.",
		}, []string{"type"}),
		nacks: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_nacks_total", Help: "Responses that a proxy refused.",
		}, []string{"type"}),
		answers: registered.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kibble_xds_ack_duration_seconds", Help: "Time from a response to the proxy's answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"type"}),
		late: registered.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kibble_xds_overdue", Help: "Proxies that owe an answer for longer than the limit. Of clusters: one is not getting warm.",
		}, []string{"type"}),
		lates: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_overdue_total", Help: "Responses that were not answered within the limit.",
		}, []string{"type"}),
		refused: registered.NewGauge(prometheus.GaugeOpts{
			Name: "kibble_xds_quarantined_resources", Help: "Resources that a connected proxy refused and that it is not given, counted for each proxy.",
		}),
		denied: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_denied_total",
			Help: "Streams and calls that got nothing: Unauthenticated, what they proved is not good; PermissionDenied, they claimed more than they proved; Unavailable, it could not be checked; DeadlineExceeded and ResourceExhausted, nothing was said on a stream for half a minute, or on too many.",
		}, []string{"code"}),
		asked: registered.NewCounter(prometheus.CounterOpts{
			Name: "kibble_xds_asked_clusters_total",
			Help: "Clusters of routers on demand that proxies asked for by name, because a request waited for them.",
		}),
		askedHosts: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_asked_hosts_total",
			Help: "Requests at routers on demand for hosts that the proxy did not know: known, it is told where they lead; unknown, there is no such host.",
		}, []string{"host"}),
	}
	m.ofStrangers(registered)
	return m
}

// short gives a type's label: few, whatever types proxies ask for.
func short(typ string) string {
	switch typ {
	case translate.ClusterType, translate.EndpointType, translate.ListenerType, translate.RouteType, translate.ExtensionType,
		translate.SecretType, translate.VirtualHostType:
		return translate.ShortType(typ)
	}
	return "other"
}

func (m *metrics) pushed(r *publish.Response) {
	m.pushes.WithLabelValues(short(r.Type), resultSent).Inc()
	m.sent.WithLabelValues(short(r.Type)).Add(float64(len(r.Resources) + len(r.Removed)))
}

func (m *metrics) answered(typ string, accepted bool, after time.Duration) {
	result := resultAcked
	if !accepted {
		result = resultRefused
		m.nacks.WithLabelValues(short(typ)).Inc()
	}
	m.pushes.WithLabelValues(short(typ), result).Inc()
	m.answers.WithLabelValues(short(typ)).Observe(after.Seconds())
}

func (m *metrics) askedHost(known bool) {
	label := "unknown"
	if known {
		label = "known"
	}
	m.askedHosts.WithLabelValues(label).Inc()
}

func (m *metrics) published(s *translate.Snapshot, changed bool) {
	m.served.snapshot.Store(s)
	result := resultUnchanged
	if changed {
		result = resultChanged
	}
	m.builds.WithLabelValues(result).Inc()
}

func (m *metrics) becameLate(types map[string]int) {
	for typ, n := range types {
		m.lates.WithLabelValues(short(typ)).Add(float64(n))
	}
}

// alarms counts what somebody should look at.
func (m *metrics) alarms(classes map[string]*class) {
	late, refused := map[string]int{}, 0
	for _, c := range classes {
		for p := range c.streams {
			overdue, n := p.Alarms()
			for _, typ := range overdue {
				late[short(typ)]++
			}
			refused += n
		}
	}
	m.late.Reset()
	for typ, n := range late {
		m.late.WithLabelValues(typ).Set(float64(n))
	}
	m.refused.Set(float64(refused))
}

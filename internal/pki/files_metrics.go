package pki

import "github.com/prometheus/client_golang/prometheus"

// register has the files looked at whenever somebody asks for the metrics, so
// that they are true also when no client comes.
func (f *Files) register(r prometheus.Registerer) {
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kibble_tls_certificate_expiry_timestamp_seconds", Help: "When the certificate of --tls-cert that is in use expires.",
		}, func() float64 {
			f.current()
			f.mu.Lock()
			defer f.mu.Unlock()
			return float64(f.leaf().NotAfter.Unix())
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "kibble_tls_certificate_unused",
			Help: "1 while the files of --tls-cert cannot be used and what they held before is.",
		}, func() float64 {
			f.current()
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.failed != "" {
				return 1
			}
			return 0
		}),
	)
	if f.ClientCA == "" {
		return
	}
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "kibble_tls_client_ca_expiry_timestamp_seconds",
		Help: "When the last of the authorities of --client-ca that are in use expires; from then on no proxy's certificate is accepted.",
	}, func() float64 {
		f.current()
		f.mu.Lock()
		defer f.mu.Unlock()
		return float64(f.by.end().Unix())
	}))
}

package demotest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"

	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/helloworld"
)

// idle tells by an error that an Envoy has requests of its routers in flight.
func idle(e *envoytest.Envoy) error {
	counters, err := stats(e, `http\..*downstream_rq_active`)
	if err != nil {
		return err
	}
	for name, n := range counters {
		if n > 0 && !strings.Contains(name, "admin") {
			return fmt.Errorf("%s is %d", name, n)
		}
	}
	return nil
}

// stats gives the counters and gauges of an Envoy whose names match.
func stats(e *envoytest.Envoy, filter string) (map[string]int64, error) {
	response, err := http.Get("http://" + e.Admin + "/stats?format=json&filter=" + filter)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var page struct {
		Stats []struct {
			Name  string `json:"name"`
			Value any    `json:"value"`
		} `json:"stats"`
	}
	if err := json.Unmarshal(b, &page); err != nil {
		return nil, fmt.Errorf("/stats: %w in %s", err, b)
	}
	all := map[string]int64{}
	for _, s := range page.Stats {
		if n, ok := s.Value.(float64); ok {
			all[s.Name] = int64(n)
		}
	}
	return all, nil
}

// Settled is Told, of Envoys that will be told no more unless something changes.
func (l *Lab) Settled() map[string]int64 {
	l.Helper()
	l.AwaitSettled()
	return l.Told()
}

// Told counts, for each Envoy and each subscription, the updates that it got
// and what they changed: clusters, endpoints, listeners, routes, extensions. The
// answer to a first request for all clusters or listeners is an update even when
// nothing is in it, and is not counted: of those, see Sent.
func (l *Lab) Told() map[string]int64 {
	l.Helper()
	const filter = `(update_success|update_rejected|config_reload|cluster_added|cluster_modified|cluster_removed|listener_added|listener_modified|listener_removed|update_no_rebuild)$`
	all := map[string]int64{}
	add := func(name string, e *envoytest.Envoy) {
		counters, err := stats(e, filter)
		l.Must(err)
		for counter, n := range counters {
			switch {
			case strings.Contains(counter, "xds_cluster"), counter == "cluster_manager.cds.update_success", counter == "listener_manager.lds.update_success":
			default:
				all[name+" "+counter] = n
			}
		}
	}
	add("edge", l.Edge)
	for name, e := range l.Envoys {
		add(name, e)
	}
	return all
}

// Sent is how many resources a control plane has sent since it was started, removals included.
func (l *Lab) Sent(r *Replica) float64 {
	l.Helper()
	return l.Metric(r, "kibble_xds_resources_sent_total")
}

// Difference are the counters that differ.
func Difference(before, after map[string]int64) map[string]int64 {
	all := maps.Clone(after)
	maps.DeleteFunc(all, func(name string, n int64) bool { return before[name] == n })
	for name, n := range all {
		all[name] = n - before[name]
	}
	return all
}

// AwaitEndpoint returns when an Envoy has an address among its endpoints.
func (l *Lab) AwaitEndpoint(e *envoytest.Envoy, ip string) {
	l.Helper()
	l.Eventually("an Envoy knows "+ip, func() error {
		if !strings.Contains(e.Get(l, "/clusters"), inClusters(ip)) {
			return errors.New("not yet")
		}
		return nil
	})
}

// inClusters is an address as it stands in an Envoy's page /clusters, before its port.
func inClusters(ip string) string { return "::" + net.JoinHostPort(ip, "") }

// AwaitUse returns when an Envoy has sent further requests to the endpoints of a
// cluster whose name ends so; somebody has to ask meanwhile.
func (l *Lab) AwaitUse(e *envoytest.Envoy, cluster string) {
	l.Helper()
	sent := func() (sum int64) {
		l.Helper()
		all, err := stats(e, regexp.QuoteMeta(strings.ReplaceAll(cluster, ".", "_"))+`\.upstream_rq_total$`)
		l.Must(err)
		for _, n := range all {
			sum += n
		}
		return sum
	}
	before := sent()
	l.Eventually("requests go to "+cluster, func() error {
		if now := sent(); now <= before {
			before = now // a cluster that was made anew counts from 0
			return fmt.Errorf("%d have until now", now)
		}
		return nil
	})
}

// Dial connects to a control plane with the certificate of a proxy class.
func (l *Lab) Dial(class string, r *Replica) *grpc.ClientConn {
	l.Helper()
	dir := filepath.Join(l.certs, "class-"+class)
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"))
	l.Must(err)
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(l.readFile(filepath.Join(dir, "ca.crt")))
	secured := credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}, RootCAs: authorities, ServerName: serverName,
	})
	// However long it was away, it is noticed within a second that it is back.
	again := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: limit}
	again.Backoff.MaxDelay = time.Second
	connection, err := grpc.NewClient(r.XDS, grpc.WithTransportCredentials(secured), grpc.WithConnectParams(again))
	l.Must(err)
	l.Cleanup(func() { _ = connection.Close() })
	return connection
}

// drained are the arguments by which an Envoy keeps a listener that is gone for
// some seconds, and not for ten minutes: as long as it does, it has the routes of
// that listener, and their clusters.
func drained() []string { return []string{"--drain-time-s", "10", "--drain-strategy", "gradual"} }

// startEnvoy starts the Envoy of a proxy, which knows all control planes that
// run; it returns when the Envoy is ready.
func (l *Lab) startEnvoy(p helloworld.Proxy) *envoytest.Envoy {
	l.Helper()
	return envoytest.Start(l, l.bootstrap(p, l.Replicas...), drained()...)
}

// AddEnvoy starts a further Envoy, of a class that has a Router, which knows
// these control planes only.
func (l *Lab) AddEnvoy(p helloworld.Proxy, of ...*Replica) {
	l.Helper()
	l.Envoys[p.Name] = envoytest.Start(l, l.bootstrap(p, of...), drained()...)
}

// AddEnvoyAlone is AddEnvoy in place of one that was added, which stops; it does not
// wait until the Envoy is ready.
func (l *Lab) AddEnvoyAlone(p helloworld.Proxy, of ...*Replica) {
	l.Helper()
	l.Envoys[p.Name].Stop()
	l.Envoys[p.Name] = envoytest.Run(l, l.bootstrap(p, of...), drained()...)
}

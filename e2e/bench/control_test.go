package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestControlPlane compares Kibble with the two floors (package floor) on a real
// Kubernetes API, which each of them has for itself while it is its turn.
func TestControlPlane(t *testing.T) {
	l := newLab(t)
	t.Run("change", l.changes)
	t.Run("start", l.starts)
}

// changes says how long a change takes from its write to the API until every
// proxy has it, and what it costs: of one endpoint, and of one dentry of a Router.
func (l *lab) changes(t *testing.T) {
	l = l.in(t)
	l.fill(*services)
	for _, clients := range counts(t, *clientCounts) {
		rows := map[string][]measured{}
		for range *rounds {
			for _, system := range measuredSystems(floorRaw, kibble, floorLinear) {
				rows[system] = append(rows[system], l.measure(system, clients))
			}
		}
		for _, change := range []string{"endpoint", "route"} {
			p := newTable(fmt.Sprintf("%s change, %d services x %d endpoints, %d clients, %d changes", change, *services, endpoints, clients, *changeCount**rounds))
			for _, system := range measuredSystems(floorRaw, floorLinear, kibble) {
				p.add(system, summary(rows[system], change)...)
			}
			p.print()
		}
	}
}

// measured is what one system did.
type measured struct {
	changes map[string]*cost // by what was changed
	rss     float64
}

// cost of a number of changes.
type cost struct {
	took  []time.Duration // until the last client had it
	all   []time.Duration // until each client had it
	cpu   time.Duration
	bytes int64 // to all clients
	size  int   // of the resource that brought it
	n     int   // clients
}

// measure runs a system, with clients, and changes things.
func (l *lab) measure(system string, clients int) measured {
	l.Helper()
	l.reset()
	s := l.start(system)
	defer s.stop()
	c := l.connect(s, clients, l.services)
	defer c.stop()
	c.report() // every client has everything
	for i := range warmUp {
		c.await(func() (command, func()) { return l.changeEndpoint(i) })
		c.await(func() (command, func()) { return l.changeRoute(i) })
	}
	m := measured{changes: map[string]*cost{}}
	for change, do := range map[string]func(int) (command, func()){"endpoint": l.changeEndpoint, "route": l.changeRoute} {
		k := &cost{n: clients}
		time.Sleep(settle) // what the changes before it left to do is not its own
		cpu, bytes := s.cpu(), c.bytes()
		for i := range *changeCount {
			began, r := c.await(func() (command, func()) { return do(i) })
			for _, at := range r.At {
				k.all = append(k.all, time.Duration(at-began.UnixNano()))
			}
			k.took = append(k.took, time.Duration(slices.Max(r.At)-began.UnixNano()))
			k.size = r.Size
			time.Sleep(pause)
		}
		k.cpu, k.bytes = s.cpu()-cpu, c.bytes()-bytes
		m.changes[change] = k
	}
	m.rss = s.rss()
	return m
}

// summary gives the columns of a table for one system.
func summary(rounds []measured, change string) []column {
	var took, all []time.Duration
	var cpu, bytes, rss []float64
	var size int
	for _, m := range rounds {
		k := m.changes[change]
		took, all = append(took, k.took...), append(all, k.all...)
		n := float64(len(k.took))
		cpu = append(cpu, float64(k.cpu.Microseconds())/1000/n)
		bytes = append(bytes, float64(k.bytes)/n/float64(k.n))
		rss = append(rss, m.rss)
		size = k.size
	}
	return []column{
		{"every client p50, ms", milliseconds(quantile(took, 0.5))}, {"p99, ms", milliseconds(quantile(took, 0.99))},
		{"any client p50, ms", milliseconds(quantile(all, 0.5))},
		{"CPU, ms/change", median(cpu)}, {"bytes/client", median(bytes)}, {"resource, bytes", float64(size)}, {"RSS, MiB", median(rss)},
	}
}

// starts says how long a control plane takes from its start until its first
// client has everything, and what it holds in memory with many of them.
func (l *lab) starts(t *testing.T) {
	l = l.in(t)
	for _, services := range counts(t, *serviceCounts) {
		l.fill(services)
		p := newTable(fmt.Sprintf("cold start, %d services x %d endpoints", services, endpoints))
		rows := map[string][][]float64{}
		for round := range *startCount {
			order := measuredSystems(floorRaw, kibble, floorLinear)
			if round%2 == 1 {
				slices.Reverse(order)
			}
			for _, system := range order {
				rows[system] = append(rows[system], l.coldStart(system))
			}
		}
		for _, system := range measuredSystems(floorRaw, floorLinear, kibble) {
			var columns []column
			for i, title := range []string{"first client complete, ms", "CPU until then, ms", "RSS then, MiB", fmt.Sprintf("RSS with %d clients, MiB", *many)} {
				var values []float64
				for _, row := range rows[system] {
					values = append(values, row[i])
				}
				columns = append(columns, column{title, median(values)})
			}
			p.add(system, columns...)
		}
		p.print()
	}
}

func (l *lab) coldStart(system string) []float64 {
	l.Helper()
	s := l.prepare(system)
	defer s.stop()
	first := l.connect(s, 1, l.services) // it tries again and again
	defer first.stop()
	began := time.Now()
	s.process.Start()
	took := time.Duration(first.report().At[0] - began.UnixNano())
	row := []float64{milliseconds(took), milliseconds(s.cpu()), s.rss()}
	others := l.connect(s, *many, l.services)
	defer others.stop()
	others.report()
	time.Sleep(settle)
	return append(row, s.rss())
}

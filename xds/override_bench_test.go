package xds_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// BenchmarkOverride asks a real Envoy inside for one service: without a rule,
// with one of the caller's own, and with one that draws, for which the resolver
// is asked each time. They take turns in short shares, so that all meet the same
// machine. It reports how many requests a second each got, and the ratios to
// those without a rule.
func BenchmarkOverride(b *testing.B) {
	l := newRuleLab(b, rulePolicies)
	const askers, share = 8, 200 * time.Millisecond
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: askers}}
	defer client.CloseIdleConnections()
	ask := func(rule string) {
		req, err := http.NewRequest(http.MethodGet, "http://"+l.at["out"], http.NoBody)
		if err != nil {
			b.Error(err)
			return
		}
		req.Host = "world"
		if rule != "" {
			req.Header.Set("l5d-dtab", rule)
		}
		resp, err := client.Do(req)
		if err != nil {
			b.Error(err)
			return
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			b.Error(resp.Status, err)
		}
	}
	load := func(rule string) float64 {
		ctx, cancel := context.WithTimeout(b.Context(), share)
		defer cancel()
		var wg sync.WaitGroup
		counts := make([]int, askers)
		began := time.Now()
		for i := range askers {
			wg.Go(func() {
				for ctx.Err() == nil {
					ask(rule)
					counts[i]++
				}
			})
		}
		wg.Wait()
		sum := 0
		for _, n := range counts {
			sum += n
		}
		return float64(sum) / time.Since(began).Seconds()
	}
	rules := []string{"", "/host/world => /srv/world-v2", "/host/world => 1 * /srv/world-v2 & 1 * /srv/hello"}
	sums := make([]float64, len(rules))
	load(rules[0])
	until(b, "the resolver is not asked any more", func() bool {
		before := l.asked.Load()
		load(rules[1])
		return l.asked.Load() == before
	})
	rounds := 0
	for b.Loop() {
		for i, rule := range rules {
			sums[i] += load(rule)
		}
		rounds++
	}
	b.ReportMetric(sums[0]/float64(rounds), "plain/s")
	b.ReportMetric(sums[1]/float64(rounds), "override/s")
	b.ReportMetric(sums[1]/sums[0], "override/plain")
	b.ReportMetric(sums[2]/sums[0], "drawn/plain")
}

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
// and with one of the caller's own that the resolver answers. The two take turns
// in short shares, so that both meet the same machine. It reports how many
// requests a second each got, and the ratio.
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
	const rule = "/host/world => /srv/world-v2"
	load("")
	load(rule)
	var plain, own float64
	rounds := 0
	for b.Loop() {
		plain += load("")
		own += load(rule)
		rounds++
	}
	b.ReportMetric(plain/float64(rounds), "plain/s")
	b.ReportMetric(own/float64(rounds), "override/s")
	b.ReportMetric(own/plain, "ratio")
}

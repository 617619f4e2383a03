package faults_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"kibble.dev/e2e/demotest"
)

// The API server has too much to do, and says when to ask again. Kibble does not
// ask more often than it is told, all goes on with what was read, and what was
// changed meanwhile arrives.
func refusedUntilLater(l *demotest.Lab, link *demotest.Link) {
	kibble := l.Replicas[0]
	for i, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		l.Must(link.Refuse(&demotest.Refusal{Status: status, RetryAfter: 2}))
		l.EditDtab("outgoing", []string{toV1, toV2}[i], []string{toV2, toV1}[i])
		patient(l, link, 15)
		l.AwaitReady(kibble)
		l.Await("earth", []string{"world", "earth"}[i])
		l.Must(link.Refuse(nil))
		l.Await("earth", []string{"earth", "world"}[i])
	}
}

// Status cannot be written, because the API server refuses that alone: what is
// read is followed as ever, and when it can be written it is.
func statusRefused(l *demotest.Lab, link *demotest.Link) {
	kibble := l.Replicas[0]
	l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	for _, refusal := range []demotest.Refusal{
		{Status: http.StatusTooManyRequests, RetryAfter: 1}, {Status: http.StatusInternalServerError},
	} {
		refusal.Only = func(r *http.Request) bool {
			return r.Method != http.MethodGet && (strings.HasSuffix(r.URL.Path, "/status") || strings.Contains(r.URL.Path, "/leases"))
		}
		l.Must(link.Refuse(&refusal))
		there(l)
		patient(l, link, 10)
		there(l)
		l.AwaitReady(kibble)
		l.Must(link.Refuse(nil))
		l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	}
	l.AwaitProxies(kibble)
}

// patient returns when some requests were refused, over some time, and fails the
// test if there were too many.
func patient(l *demotest.Lab, link *demotest.Link, most float64) {
	l.Helper()
	var took time.Duration
	var n int
	before, began := len(link.Refused()), time.Now()
	l.Eventually("requests are refused", func() error {
		refused := link.Refused()[before:]
		if n = len(refused); n > 0 {
			took = refused[n-1].Sub(refused[0])
		}
		if n < 2 || time.Since(began) < 5*time.Second {
			return errors.New("not enough of them")
		}
		return nil
	})
	l.Logf("%d requests were refused in %v", n, took)
	if rate := float64(n) / time.Since(began).Seconds(); rate > most {
		l.Error(fmt.Errorf("%.0f requests a second were refused", rate))
	}
}

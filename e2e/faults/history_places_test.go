package faults_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"kibble.dev/e2e/demotest"
)

// place is a proxy that is asked.
type place struct {
	name, router, address string
}

// hosts are those that tables of histories are about, and environments those that
// policies of histories lead into: two by a policy each, two of a family, and the
// first two at once.
var (
	hosts        = []string{"h0", "h1", "h2", "h3"}
	environments = []string{"e0", "e1", "n0", "n1", "e0,e1"}
)

// ownRule is the service that callers' own rules lead to.
const ownRule = "s3"

// barrier is the host by which it is seen how far a proxy is.
const barrier = "mark"

// edge tells whether it is one where environments are decided.
func (p place) edge() bool { return p.router == "ingress" }

// spellings of hosts, which do not count.
var spellings = map[string]string{"h0": "H0%s", "h1": "h1%s:8080", "h2": "h2%s:", "h3": "h3%s:9x"}

// domain is what stands behind hosts there.
func (p place) domain() string {
	if p.edge() {
		return ".test"
	}
	return ""
}

// questions are those of everybody about every host.
func (p place) questions() (all []question) {
	if strings.HasPrefix(p.router, extra) {
		return []question{{place: p.name, router: p.router, otherwise: fails, request: func() *http.Request {
			r := request(p.address, "any")
			r.Close = true
			return r
		}}}
	}
	for _, host := range hosts {
		all = append(all, p.question(host, "", "nobody"))
		for _, in := range environments {
			all = append(all, p.question(host, in, ""))
		}
		if !strings.HasPrefix(p.name, "alone") {
			all = append(all, p.slowly(host))
		}
		spelled := p.question(host, "", "")
		spelled.request = func() *http.Request { return request(p.address, fmt.Sprintf(spellings[host], p.domain())) }
		all = append(all, spelled)
		if p.edge() {
			forged := p.question(host, "", "")
			forged.request = func() *http.Request {
				return request(p.address, host+p.domain(), [2]string{"l5d-ctx-dogfood", environments[0]})
			}
			all = append(all, forged)
		} else {
			own := p.question(host, "", "")
			own.rule = ownRule
			own.request = func() *http.Request {
				return request(p.address, host, [2]string{"l5d-dtab", "/host/" + host + " => /srv/" + own.rule})
			}
			all = append(all, own)
		}
	}
	return all
}

// answerAfter is how long those who answer take for a request that has this header.
const answerAfter = "x-answer-after"

// slowly is a question that is answered late, by which time much may have changed, and
// that no proxy may ask twice. Its asker asks no others.
func (p place) slowly(host string) question {
	q := p.question(host, "", "")
	q.place += " slowly"
	q.request = func() *http.Request {
		r := request(p.address, host+p.domain(), [2]string{answerAfter, "400ms"})
		r.Method, r.Body = http.MethodPost, io.NopCloser(strings.NewReader("once"))
		return r
	}
	return q
}

// question is that of somebody in an environment. Of contexts that nobody decided
// on one is foreign. At the edge they are made of a cookie.
func (p place) question(host, in, foreign string) question {
	q := question{place: p.name, router: p.router, host: host, in: in, context: contextOf(in)}
	if p.edge() {
		q.otherwise = unrouted
		q.request = func() *http.Request {
			return request(p.address, host+p.domain(), [2]string{"Cookie", cookies(in, foreign)})
		}
		return q
	}
	q.otherwise, q.context = fails, q.context+foreign
	q.request = func() *http.Request {
		if q.context == "" {
			return request(p.address, host)
		}
		return request(p.address, host, [2]string{"l5d-ctx-dogfood", q.context})
	}
	return q
}

// cookies are those of somebody in environments: one for each policy, and one for the
// member of a family.
func cookies(in, foreign string) string {
	if in == "" {
		return "chaos=" + foreign
	}
	return "chaos=" + strings.ReplaceAll(in, ",", "-") + "; " + strings.ReplaceAll(in, ",", "=yes; ") + "=yes"
}

// contextOf is what requests carry inside of an environment.
func contextOf(in string) string {
	switch {
	case in == "marks":
		return "mark-family." + in
	case strings.HasPrefix(in, "n"):
		return "family." + in
	}
	return in
}

// served is where those who answer listen, and the port that all are reached by:
// that of the proxies beside pods, whose place they take.
const served = "10.244.70.%d"

// behind gives the names of those who may be behind a service, and their addresses.
func behind(service string) (names, addresses []string) {
	for i, name := range slices.Concat(targets(), namespaced, marks) {
		if name != service {
			continue
		}
		for n := range 2 {
			names = append(names, fmt.Sprintf("%s-%d", service, n))
			addresses = append(addresses, fmt.Sprintf(served, 10*i+n+1))
		}
	}
	return names, addresses
}

// serve starts all who answer. Each says its name, and in which context it was asked.
func serve(l *demotest.Lab) {
	l.Helper()
	for _, service := range slices.Concat(targets(), namespaced, marks) {
		names, addresses := behind(service)
		for i, name := range names {
			listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", addresses[i], l.Top.Incoming))
			l.Must(err)
			both := &http.Protocols{}
			both.SetHTTP1(true)
			both.SetUnencryptedHTTP2(true)
			server := &http.Server{Protocols: both, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // a test's
				if wait, err := time.ParseDuration(r.Header.Get(answerAfter)); err == nil {
					time.Sleep(wait)
				}
				_, _ = fmt.Fprint(w, name)
				if context := r.Header.Values("l5d-ctx-dogfood"); len(context) > 0 {
					_, _ = fmt.Fprint(w, " in ", strings.Join(context, ","))
				}
			})}
			go func() { _ = server.Serve(listener) }()
			l.Cleanup(func() { _ = server.Close() })
		}
	}
}

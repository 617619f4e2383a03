package faults_test

import (
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/internal/helloworld"
	"kibble.dev/internal/pki"
)

// front is where the edge is asked by HTTPS, and the fact of which certificate it
// shows there.
const (
	front     = "front"
	frontPort = 24193
	frontHost = "www.hello.world"
)

// A certificate that has expired, and the name in it.
const (
	hasExpired  = "expired"
	expiredName = "kibble.test"
)

// frontDoor is what the Secret of the edge's certificate holds.
type frontDoor struct {
	last    int      // the number of the last certificate
	pair    pki.Pair // that certificate
	spoiled string   // what else it holds
}

// shown are the answers to a question by HTTPS.
func (f facts) shown(q question) []string {
	all := []string{f[certificates][front]}
	if q.otherwise != "" {
		all = []string{q.otherwise}
	}
	switch f[trouble]["certificate"] {
	case "":
	case hasExpired:
		all = append(all, expiredName, nobody)
	default:
		all = append(all, nobody)
	}
	return all
}

// frontQuestions are about the certificate, on new connections, and about the demo, on
// one that stays open.
func (p place) frontQuestions(top *helloworld.Topology) []question {
	demo := helloworld.Questions(top)[0]
	ask := func(anew bool) func() *http.Request {
		return func() *http.Request {
			r := request(p.address, demo.Host)
			r.URL.Scheme, r.Close = "https", anew
			return r
		}
	}
	return []question{
		{place: p.name, router: front, host: "a new connection", request: ask(true)},
		{place: p.name, router: front, host: "an open connection", otherwise: demo.Want, request: ask(false)},
	}
}

// opens has the edge speak HTTPS.
func (h *history) opens() {
	h.lab.Helper()
	h.past.set(certificates, front, h.renew(1))
	h.past.calm()
	h.lab.Set("Router", "ingress", map[string]any{"port": int64(frontPort), "secretName": frontSecret}, "spec", "tls")
	h.shows()
	h.showsIt()
}

// doCertificate renews the certificate.
func doCertificate(h *history, what string) {
	h.change(certificates, front, h.renew(int(number(what))))
	h.shows()
}

// renew makes a certificate, and gives the name in it.
func (h *history) renew(n int) string {
	h.lab.Helper()
	name := fmt.Sprint(n, ".test")
	pair, err := authority(h.lab).Server([]string{name, frontHost}, time.Now().Add(-time.Minute), 24*time.Hour)
	h.lab.Must(err)
	h.front.last, h.front.pair = n, pair
	return name
}

// shows has the Secret hold the last certificate.
func (h *history) shows() {
	h.lab.Helper()
	h.front.spoiled = ""
	putSecret(h.lab, h.front.pair)
}

// doSpoil puts something into the Secret that cannot be used, or deletes it. The
// certificate of before stays, but for control planes that start: of one that has
// expired these do not know that there was a better one.
func doSpoil(h *history, what string) {
	h.front.spoiled = what
	if h.past.now()[trouble]["control plane"] != "" { // one may have started, and not have read it yet
		h.change(trouble, "certificate", what)
	}
	switch what {
	case "rubbish":
		putSecret(h.lab, pki.Pair{Certificate: []byte("no certificate"), Key: []byte("no key")})
	case hasExpired:
		putSecret(h.lab, server(h.lab, authority(h.lab), time.Now().Add(-48*time.Hour)))
	default:
		err := h.lab.Kube.CoreV1().Secrets("default").Delete(h.lab.Context(), frontSecret, metav1.DeleteOptions{})
		if !apierrors.IsNotFound(err) { // it may be gone already
			h.lab.Must(err)
		}
	}
}

// showsIt returns when the edge shows the last certificate.
func (h *history) showsIt() {
	h.lab.Helper()
	h.lab.Eventually("the edge shows the certificate", func() error { return shown(frontPort, h.front.pair) })
}

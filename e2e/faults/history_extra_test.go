package faults_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"

	"kibble.dev/e2e/demotest"
)

// There are two further Routers, which take each other's ports, at the edge or at
// sidecars, and one at the edge that another program has: extraPort is the first of the
// three. They move between two namespaces.
const (
	extraPort  = 24190
	extraPorts = 2
	elsewhereN = "team"
)

// inside ends the port of a further Router that is at sidecars.
const inside = " inside"

// extraPlaces are where the further Routers are asked, at the edge and at a sidecar.
func extraPlaces(sidecar place) (all []place) {
	ip, _, _ := strings.Cut(sidecar.address, ":")
	for i := range extraPorts {
		name := fmt.Sprint(extra, " ", i)
		all = append(all, place{"edge", name, fmt.Sprintf("127.0.0.1:%d", extraPort+i)},
			place{sidecar.name, name + inside, fmt.Sprintf("%s:%d", ip, extraPort+i)})
	}
	return all
}

// takePort has a program listen at the last of the ports.
func takePort(l *demotest.Lab) {
	l.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", extraPort+extraPorts))
	l.Must(err)
	l.Cleanup(func() { _ = listener.Close() })
}

func drawExtra(h *history, r *rand.Rand) (string, bool) {
	router, to := extra, other
	if r.IntN(2) == 0 {
		router, to = other, extra
	}
	port, now := pick(r, []string{"", "0", "1", "0", "1", "0" + inside, "1" + inside, "taken"}), h.past.now()[tables]
	if port == "taken" { // what it had inside it has no longer then, and where it was at the edge nobody says
		// One that has just moved may never have had another port, for proxies.
		_, moved := h.objects.moved[router]
		return router + " " + port, !moved && !strings.HasSuffix(now[router], inside)
	}
	return router + " " + port, port == "" || port != now[to]
}

// doExtra gives a further Router another port, or deletes it. Where the port is taken
// it stays where it was.
func doExtra(h *history, what string) {
	router, port, _ := strings.Cut(what, " ")
	refused := h.refused[router]
	if h.refused[router] = port == "taken"; h.refused[router] {
		h.objects.extra(router, fmt.Sprint(extraPorts))
		return
	}
	switch changed := h.change(tables, router, port); {
	case !changed && !refused:
	case port == "":
		h.lab.Must(h.lab.DeleteIn(h.objects.where(router), "Router", router))
	default:
		h.objects.extra(router, port)
	}
}

// doMove has a further Router be in the other namespace: there is one there before the
// one here goes.
func doMove(h *history, router string) {
	from := h.objects.where(router)
	h.objects.moved[router] = from != elsewhereN
	h.objects.extra(router, h.past.now()[tables][router])
	h.lab.Must(h.lab.DeleteIn(from, "Router", router))
}

// doSwap has the further Routers take each other's ports. Where both have one, either
// may be away for as long as a proxy takes to answer.
func doSwap(h *history, _ string) {
	if h.refused[extra] || h.refused[other] {
		return
	}
	now := h.past.now()[tables]
	if now[extra] != "" && now[other] != "" {
		h.change(tables, extra, "")
		h.change(tables, other, "")
	}
	doExtra(h, strings.TrimSpace(extra+" "+now[other]))
	doExtra(h, strings.TrimSpace(other+" "+now[extra]))
}

// where is the namespace of a further Router.
func (o *objects) where(router string) string {
	if o.moved[router] {
		return elsewhereN
	}
	return "default"
}

func (o *objects) extra(router, at string) {
	o.lab.Helper()
	class, bind := "edge", "loopback"
	port, isInside := strings.CutSuffix(at, inside)
	if isInside {
		class, bind = "sidecar", "pod"
	}
	o.lab.Apply(o.lab.Objects(fmt.Sprintf(`{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: %s, namespace: %s},
 spec: {proxyClass: %s, port: %d, bind: %s, dtab: "/svc => /#/io.l5d.k8s/default/http/%s ;"}}`,
		router, o.where(router), class, extraPort+number(port), bind, extraTo[router]))...)
}

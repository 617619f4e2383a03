package faults_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"

	"kibble.dev/e2e/demotest"
)

// There are two further Routers at the edge, which take each other's ports, and one
// that another program has: extraPort is the first of the three.
const (
	extraPort  = 24190
	extraPorts = 2
)

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
	port := pick(r, []string{"", "0", "1", "0", "1", "taken"})
	return router + " " + port, port == "" || port != h.past.now()[tables][to]
}

// doExtra gives a further Router another port, or deletes it. Where the port is taken
// it stays where it was.
func doExtra(h *history, what string) {
	router, port, _ := strings.Cut(what, " ")
	refused := h.refused[router]
	if h.refused[router] = port == "taken"; h.refused[router] {
		h.objects.extra(router, extraPorts)
		return
	}
	switch changed := h.change(tables, router, port); {
	case !changed && !refused:
	case port == "":
		h.lab.Delete("Router", router)
	default:
		h.objects.extra(router, number(port))
	}
}

// doSwap has the further Routers take each other's ports.
func doSwap(h *history, _ string) {
	if h.refused[extra] || h.refused[other] {
		return
	}
	now := h.past.now()[tables]
	doExtra(h, strings.TrimSpace(extra+" "+now[other]))
	doExtra(h, strings.TrimSpace(other+" "+now[extra]))
}

func (o *objects) extra(router string, port int64) {
	o.lab.Helper()
	o.lab.Apply(o.lab.Objects(fmt.Sprintf(`{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: %s},
 spec: {proxyClass: edge, port: %d, bind: loopback, dtab: "/svc => /#/io.l5d.k8s/default/http/%s ;"}}`, router, extraPort+port, extraTo[router]))...)
}

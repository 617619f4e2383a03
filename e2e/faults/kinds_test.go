package faults_test

import (
	"errors"
	"fmt"
	"strings"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
)

// kinds are all that the demo has objects of.
var kinds = []string{"routers", "dogfoodpolicies", "dtabs"}

// Somebody deletes the CustomResourceDefinitions, and with them every Router and
// policy. All goes on as it was, also after they are there again with nothing in
// them; what is applied again counts again, and a Router that somebody deletes goes.
func kindsDeleted(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	extra := edgeRouter(l, "extra", envoytest.FreePorts(l, 1)[0])
	before := l.Settled()
	again := l.TakeKinds(kinds...)
	servedAsTheyWere(l, kibble, "Router", 4) // the demo's and the extra one
	servedAsTheyWere(l, kibble, "DogfoodPolicy", 1)
	l.AwaitReady(kibble)
	l.Await("earth", "world")
	l.Must(extra())

	l.InstallKinds()
	l.Eventually("the new kinds are read", func() error {
		if l.Finding(kibble, "KB1013") != "" {
			return errors.New("they are not")
		}
		return nil
	})
	servedAsTheyWere(l, kibble, "Router", 4)
	l.Await("earth", "world")
	l.Must(extra())
	if told := demotest.Difference(before, l.Told()); len(told) > 0 {
		l.Errorf("proxies were told something: %v", told)
	}

	// A control plane that dies now begins with the same.
	awaitKept(l, kibble)
	kibble.Kill()
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	servedAsTheyWere(l, kibble, "Router", 4)
	l.Await("earth", "world")
	l.Must(extra())

	l.Apply(again...)
	servedAsTheyWere(l, kibble, "Router", 0)
	servedAsTheyWere(l, kibble, "DogfoodPolicy", 0)
	there(l)
	l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	l.Delete("Router", "extra")
	l.Eventually("what was deleted on purpose is gone", gone(extra))
	l.AwaitProxies(kibble)
}

// Somebody replaces the CustomResourceDefinitions by force: they are deleted and
// made anew in one go, also while Kibble cannot see it.
func kindsReplaced(l *demotest.Lab, link *demotest.Link) {
	kibble := l.Replicas[0]
	for _, seen := range []bool{true, false} {
		if !seen {
			link.Cut()
		}
		again := l.TakeKinds(kinds...)
		l.InstallKinds()
		if !seen {
			l.Must(link.Mend())
		}
		servedAsTheyWere(l, kibble, "Router", 3)
		l.Await("earth", "world")
		l.Apply(again...)
		servedAsTheyWere(l, kibble, "Router", 0)
		there(l)
	}
}

// servedAsTheyWere returns when so many objects of a kind are served though they are
// gone, and the findings, which are of what is served, name them or nothing of their kind.
func servedAsTheyWere(l *demotest.Lab, kibble *demotest.Replica, kind string, want float64) {
	l.Helper()
	l.Eventually(fmt.Sprintf("%v of kind %s are said to be served as they were", want, kind), func() error {
		if n := l.Metric(kibble, `kibble_discovery_kept_objects{kind="`+kind+`"}`); n != want {
			return fmt.Errorf("it is %v", n)
		}
		text := l.Finding(kibble, "KB1019")
		if named := strings.Contains(text, strings.ToLower(kind)+" default/"); named != (want > 0) {
			return fmt.Errorf("the findings say %q", text)
		}
		return nil
	})
}

// edgeRouter makes a Router of the edge that leads to world-v1, and gives what asks it.
func edgeRouter(l *demotest.Lab, name string, port int) (ask func() error) {
	l.Helper()
	l.Apply(l.Objects(fmt.Sprintf(`{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: %s},
 spec: {proxyClass: edge, port: %d, bind: loopback, dtab: "/svc => /#/io.l5d.k8s/default/http/world-v1 ;"}}`, name, port))...)
	ask = func() error { return through(fmt.Sprintf("127.0.0.1:%d", port), "world (") }
	l.Eventually(name+" answers", ask)
	return ask
}

// gone gives no error if asking gives one.
func gone(ask func() error) func() error {
	return func() error {
		if ask() == nil {
			return errors.New("it answers")
		}
		return nil
	}
}

package bootstrap_test

import (
	"bytes"
	"testing"
	"time"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
)

// The pauses between tries to reach Kibble are those of the bootstrap. Here they are
// a hundredth of a second at most: with Envoy's own, which grow to half a minute, so
// many tries would take a quarter of an hour.
func TestPausesAreTheBootstraps(t *testing.T) {
	l := envoytest.Listen(t)
	tries := make(chan struct{})
	go func() {
		defer close(tries)
		for {
			c, err := l.Accept()
			if err != nil {
				return // the test has ended
			}
			c.Close()
			tries <- struct{}{}
		}
	}()
	b, err := bootstrap.Render(bootstrap.Options{Class: "edge", NodeID: "edge-0", Server: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	const ours = "{base_interval: 0.5s, max_interval: 2s}"
	if !bytes.Contains(b, []byte(ours)) {
		t.Fatalf("there is no %s in\n%s", ours, b)
	}
	envoytest.Run(t, bytes.Replace(b, []byte(ours), []byte("{base_interval: 0.01s, max_interval: 0.01s}"), 1))
	late := time.After(time.Minute)
	for n := range 40 {
		select {
		case <-tries:
		case <-late:
			t.Fatalf("there were %d tries only", n)
		}
	}
	l.Close()
	for range tries { // until the goroutine has ended
	}
}

package envoytest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// FreePorts gives n ports of 127.0.0.1 that nobody listens on, each a different
// one. They are below those that the system gives to clients, so that none of
// them is taken by a connection before somebody listens on it.
func FreePorts(t testing.TB, n int) []int {
	t.Helper()
	const first, count = 20_000, 12_000
	var ports []int
	var open []net.Listener // until all are chosen
	defer func() {
		for _, l := range open {
			l.Close()
		}
	}()
	for tries := 0; len(ports) < n; tries++ {
		if tries > 1000 {
			t.Fatal("no port is free")
		}
		port := first + rand.IntN(count)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		ports, open = append(ports, port), append(open, l)
	}
	return ports
}

package envoytest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// FreePorts gives n ports of Loopback that nobody listens on. Until the test
// ends they are given to no other test of this machine. They are below those
// that the system gives to clients, so that none of them is taken by a
// connection before somebody listens on it, or between a server that ends and
// the next one; and below those that Kubernetes gives to Services on nodes.
func FreePorts(t testing.TB, n int) []int {
	t.Helper()
	const first, count = 20_000, 4_000 // those above are left to tests that name theirs
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		if tries > 1000 {
			t.Fatal("no port is free")
		}
		port := first + rand.IntN(count)
		if !reserve(t, port) {
			continue
		}
		if l, err := net.Listen("tcp", at(port)); err == nil {
			l.Close()
			ports = append(ports, port)
		}
	}
	return ports
}

// FreeAddress gives a port of FreePorts as host:port.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return at(FreePorts(t, 1)[0])
}

// Loopback is the address of this machine that nobody else reaches: 127.0.0.1, or
// ::1 in a network that has only IPv6.
func Loopback() string {
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		l.Close()
		return "127.0.0.1"
	}
	return "::1"
}

func at(port int) string { return net.JoinHostPort(Loopback(), strconv.Itoa(port)) }

// Listen listens at a FreeAddress: for a server that ends before the test does,
// whether it comes back there, or nobody is to answer any more.
func Listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

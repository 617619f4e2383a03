package livetest

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

// A request may be silent for as long as it likes inside, and a node that died
// says nothing: the kernel asks, on the connections of both sides.
func TestSilentConnectionsAreAsked(t *testing.T) {
	held, let := make(chan struct{}, 1), make(chan struct{})
	defer close(let)
	silent := upstream(t, func(http.ResponseWriter) {
		held <- struct{}{}
		<-let
	})
	x := start(t, hello, map[string][]pod{"world-v1": {{address: silent}}})
	address := x.address("inside")
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: world\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-held
	from := c.LocalAddr().String()
	until(t, "a timer runs on both connections", func() bool {
		return keepsAlive(t, address, from) && keepsAlive(t, "", silent)
	})
}

// keepsAlive tells whether the kernel has a keepalive timer for a connection
// between the ports of two addresses, at the end that has the first one; ""
// is any (proc(5), /proc/net/tcp: the timer 02 with nothing left to send).
func keepsAlive(t *testing.T, local, remote string) bool {
	t.Helper()
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		t.Skipf("there is no list of connections here: %v", err)
	}
	defer f.Close()
	port := func(address string) string {
		_, p, _ := net.SplitHostPort(address)
		n, _ := strconv.Atoi(p)
		return fmt.Sprintf(":%04X", n)
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		const established = "01"
		if len(fields) < 6 || fields[3] != established || !strings.HasSuffix(fields[2], port(remote)) ||
			local != "" && !strings.HasSuffix(fields[1], port(local)) {
			continue
		}
		return strings.HasPrefix(fields[5], "02:")
	}
	return false
}

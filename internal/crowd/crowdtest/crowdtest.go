// Package crowdtest holds a server of HTTP against the bound of its connections.
package crowdtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// limit is how long anything may take before a test gives up.
const limit = time.Minute

// Bounded fails the test unless a server that is reached by dial ends the oldest of the
// connections of an address, which have been answered and say nothing more, once there
// are more than most, and answers another address.
func Bounded(t testing.TB, most int, dial func(net.Dialer) (net.Conn, error)) {
	t.Helper()
	answered := func(host string) net.Conn {
		c, err := dial(net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}, Timeout: limit})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := get(c); err != nil {
			t.Fatalf("from %s: %v", host, err)
		}
		return c
	}
	var all []net.Conn
	for range most {
		all = append(all, answered("127.0.0.2"))
	}
	for i := range 3 {
		answered("127.0.0.3")
		if err := all[i].SetDeadline(time.Now().Add(limit)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, all[i]); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%d connections are there, want at most %d", most+1, most)
		}
	}
	if err := get(all[3]); err != nil {
		t.Errorf("one that there is room for: %v", err)
	}
}

// get asks for /healthz.
func get(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return err
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, %w", r.Status, err)
	}
	return nil
}

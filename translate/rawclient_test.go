package translate

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
)

// rawClient sends requests byte for byte, over one connection as long as that lasts.
type rawClient struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

func newRawClient(t testing.TB, address string) *rawClient {
	c := &rawClient{address: address}
	t.Cleanup(c.close)
	return c
}

func (c *rawClient) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// fatal is what testing.TB and rapid.T have in common.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// send gives the answer to a request, and its body.
func (c *rawClient) send(t fatal, request string) (*http.Response, string) {
	t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			t.Fatalf("dial: %v", err)
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	_, unsent := io.WriteString(c.conn, request) // one that is refused half-way is answered all the same
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		t.Fatalf("no answer to %q: %v", request, errors.Join(err, unsent))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer to %q: %v", request, err)
	}
	if resp.Close {
		c.close()
	}
	return resp, string(body)
}

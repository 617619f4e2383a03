package crowd_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"kibble.dev/internal/crowd"
)

// Who has few connections keeps them; one too many is closed itself where nobody has many.
func TestNobodyHasMany(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := crowd.Listen(inner, 2*crowd.Few)
	defer l.Close()
	connect := func(from string) (client, server net.Conn) {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		client, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		if server, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { server.Close() })
		return client, server
	}
	says := func(client, server net.Conn, want string) {
		t.Helper()
		_, _ = io.WriteString(server, "here") // it may be closed
		_ = client.SetReadDeadline(time.Now().Add(time.Minute))
		got := make([]byte, 4)
		if _, err := io.ReadFull(client, got); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		} else if err != nil {
			got = nil
		}
		if string(got) != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	var clients, servers []net.Conn
	for range crowd.Few {
		for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
			c, s := connect(from)
			clients, servers = append(clients, c), append(servers, s)
		}
	}
	c, s := connect("127.0.0.4")
	says(c, s, "")
	for i := range clients {
		says(clients[i], servers[i], "here")
	}
	servers[0].Close()
	c, s = connect("127.0.0.4")
	says(c, s, "here")
	servers[2].Close()
	connect("127.0.0.3")
	c, s = connect("127.0.0.4") // the oldest of 127.0.0.3, which has more than a few, goes
	says(c, s, "here")
	says(clients[1], servers[1], "")
	says(clients[3], servers[3], "here")
}

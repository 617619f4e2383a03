// Package crowd bounds the connections of a server, so that who holds many keeps
// nobody else out.
package crowd

import (
	"net"
	"slices"
)

// Few is how many connections an address may have when there is no room for more:
// those of a machine that come back at once, while those that were there first are
// being served.
const Few = 16

// Crowd is connections, by the address that they come from. It is for one goroutine
// at a time.
type Crowd struct {
	most, count int
	hosts       map[string][]*Member // oldest first
}

// Member is a connection of a Crowd.
type Member struct {
	net.Conn

	host string
	left bool
}

// New makes one of that many connections at most.
func New(most int) *Crowd { return &Crowd{most: most, hosts: map[string][]*Member{}} }

// Len is how many connections there are.
func (c *Crowd) Len() int { return c.count }

// Add takes a connection in. Where that is one too many, gone is who has been taken out
// for it, for the caller to close: the oldest of the address with the most, or, where
// none has more than Few, the new one itself.
func (c *Crowd) Add(conn net.Conn) (m, gone *Member) {
	address := conn.RemoteAddr().String()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	m = &Member{Conn: conn, host: host}
	c.hosts[host] = append(c.hosts[host], m)
	if c.count++; c.count > c.most {
		gone = c.leastWelcome(m)
		c.Remove(gone)
	}
	return m, gone
}

// leastWelcome is the one that has to go for one that has come.
func (c *Crowd) leastWelcome(newest *Member) *Member {
	busiest := newest.host
	for host, all := range c.hosts {
		if len(all) > len(c.hosts[busiest]) {
			busiest = host
		}
	}
	if all := c.hosts[busiest]; len(all) > Few {
		return all[0]
	}
	return newest
}

// Remove takes a connection out; one that has been taken out counts no more.
func (c *Crowd) Remove(m *Member) {
	if m.left {
		return
	}
	m.left = true
	c.count--
	rest := slices.DeleteFunc(c.hosts[m.host], func(o *Member) bool { return o == m })
	if c.hosts[m.host] = rest; len(rest) == 0 {
		delete(c.hosts, m.host)
	}
}

// Command clients stands in for many proxies: delta ADS streams, each on a
// connection of its own, that ask as an Envoy asks, acknowledge everything and
// keep nothing. It follows clusters and listeners as they come, and by name
// what these name: endpoints, routes, virtual hosts that travel one by one, and
// extensions.
//
// It reads commands from its input, one JSON object a line (type command), and
// says on its output what happened (type report). It ends with its input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
	"time"
)

// command asks for a report: of the moments at which each client gets a
// resource that holds a text, or of what they have received so far.
type command struct {
	// Text is looked for in endpoints, or, where Host is given, in the virtual
	// host of that domain.
	Text string `json:"text"`
	Host string `json:"host"`
	// Bytes asks for the bytes received.
	Bytes bool `json:"bytes"`
}

// report is an answer, in the order of the commands. The first report comes
// without a command, when every client has everything.
type report struct {
	// At is when each client had it, in nanoseconds since 1970, in no order.
	At []int64 `json:"at,omitempty"`
	// Bytes are of messages, over all clients.
	Bytes int64 `json:"bytes,omitempty"`
	// Size is that of the resource that was found, in bytes.
	Size int `json:"size,omitempty"`
}

func main() {
	var o options
	flag.StringVar(&o.address, "address", "127.0.0.1:18000", "host:port of the control plane")
	flag.StringVar(&o.class, "class", "sidecar", "node.cluster of the clients")
	flag.IntVar(&o.services, "services", 0, "how many clusters, endpoints and virtual hosts are everything")
	clients := flag.Int("clients", 1, "how many")
	flag.Parse()
	if err := run(context.Background(), o, *clients); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, o options, clients int) error {
	f := newFleet(o, clients)
	var streams sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer streams.Wait()
	defer cancel()
	failed := make(chan error, clients)
	for i := range clients {
		streams.Go(func() {
			c := &client{fleet: f, id: fmt.Sprintf("client-%d", i)}
			if err := c.run(ctx); err != nil && ctx.Err() == nil {
				failed <- err
			}
		})
	}
	commands := make(chan command)
	go func() {
		defer close(commands)
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			var c command
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				failed <- err
			}
			commands <- c
		}
	}()
	out := json.NewEncoder(os.Stdout)
	for {
		select {
		case err := <-failed:
			return err
		case r := <-f.reports:
			if err := out.Encode(r); err != nil {
				return err
			}
		case c, more := <-commands:
			if !more {
				return nil
			}
			if c.Bytes {
				f.reports <- report{Bytes: f.bytes.Load()}
			} else {
				f.watch(c)
			}
		}
	}
}

// options of all clients.
type options struct {
	address, class string
	services       int
}

// now is what reports are told in: all programs of a run share the clock.
func now() int64 { return time.Now().UnixNano() }

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/pflag"

	"kibble.dev/admin"
)

// adminClient asks the admin server of a running kibble serve.
type adminClient struct {
	address string
	// replica is what the server calls itself, if there may be others beside it.
	replica string
}

// notAll says to people that they see the proxies of one server of several.
func (c *adminClient) notAll(w io.Writer) {
	if c.replica != "" {
		fmt.Fprintf(w, "kibble: these are the proxies that are connected to %s; other replicas, if there are, have others: ask each\n", c.replica)
	}
}

func (c *adminClient) flags(f *pflag.FlagSet) {
	f.StringVar(&c.address, "admin-address", "127.0.0.1:9990", "host:port of the admin server of kibble serve")
}

// maxStatus bounds what is read of the server's answer.
const maxStatus = 256 << 20

// get asks for a path and reads the answer, JSON.
func (c *adminClient) get(ctx context.Context, path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.do(ctx, http.MethodGet, path, http.NoBody, into)
}

// post sends a value as JSON and reads the answer, JSON.
func (c *adminClient) post(ctx context.Context, path string, value, into any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode what is asked: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, bytes.NewReader(body), into)
}

func (c *adminClient) do(ctx context.Context, method, path string, sent io.Reader, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.address+path, sent)
	if err != nil {
		return wrongf("--admin-address %q is not an address: want host:port, such as 127.0.0.1:9990", c.address)
	}
	unreachable := func(err error) error {
		return &exitError{code: exitUnreachable, err: fmt.Errorf("the admin server of kibble serve at %s does not answer: %w", c.address, err)}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err
		}
		return unreachable(fmt.Errorf("%w; see that it runs there, or give --admin-address; in a cluster kubectl port-forward leads to it, such as kubectl port-forward -n kibble-system deployment/kibble 9990", err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxStatus))
	if err != nil {
		return unreachable(err)
	}
	if resp.StatusCode != http.StatusOK {
		return unreachable(fmt.Errorf("%s: %q", resp.Status, body[:min(len(body), 200)]))
	}
	c.replica = resp.Header.Get(admin.ReplicaHeader)
	if err := json.Unmarshal(body, into); err != nil {
		return unreachable(fmt.Errorf("not the answer of kibble serve: %w", err))
	}
	return nil
}

// follow shows what fetch gives, and again when it has changed, until the
// context ends. between is written before it is shown again.
func follow[T any](ctx context.Context, w io.Writer, between string, fetch func(context.Context) (T, error), show func(T) error) error {
	var last []byte
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		all, err := fetch(ctx)
		if ctx.Err() != nil {
			return nil // somebody has seen enough
		}
		if err != nil {
			return err
		}
		now, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("compare what was answered: %w", err)
		}
		if last == nil || !bytes.Equal(now, last) {
			if last != nil {
				fmt.Fprint(w, between)
			}
			if err := show(all); err != nil {
				return err
			}
			last = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// between is what parts one showing from the next in a format.
func (o *output) between() string {
	switch o.format {
	case "yaml":
		return "---\n"
	case "table":
		return "\n"
	}
	return ""
}

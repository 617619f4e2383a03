package kubetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
)

// Compact drops all history of etcd: a watch cannot go on from an old version,
// whoever serves it.
func (c *Cluster) Compact() {
	c.t.Helper()
	var status struct {
		Header struct {
			Revision string `json:"revision"`
		} `json:"header"`
	}
	c.etcdCall("/v3/maintenance/status", map[string]any{}, &status)
	c.etcdCall("/v3/kv/compaction", map[string]any{"revision": status.Header.Revision, "physical": true}, &struct{}{})
}

// etcdCall asks the JSON gateway of etcd.
func (c *Cluster) etcdCall(path string, question, answer any) {
	c.t.Helper()
	body, err := json.Marshal(question)
	if err != nil {
		c.t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", c.path("c.sock"))
	}}
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://etcd"+path, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport, Timeout: limit}).Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", response.Status)
	} else {
		err = json.NewDecoder(response.Body).Decode(answer)
	}
	if err != nil {
		c.t.Fatalf("etcd %s: %v", path, err)
	}
}

// Snapshot keeps what etcd holds, which must not run, and gives what puts that back
// later, when neither etcd nor the API server runs: as when somebody restores a
// snapshot, versions go back, and what was written since is gone.
func (c *Cluster) Snapshot() (restore func()) {
	c.t.Helper()
	data, kept := c.path("etcd"), c.path("snapshot")
	if err := os.CopyFS(kept, os.DirFS(data)); err != nil {
		c.t.Fatal(err)
	}
	return func() {
		c.t.Helper()
		if err := errors.Join(os.RemoveAll(data), os.CopyFS(data, os.DirFS(kept)), os.Chmod(data, 0o700)); err != nil {
			c.t.Fatal(err)
		}
	}
}

// Package envoytest runs a real Envoy in a test.
//
// The binary is the one that the environment variable KIBBLE_ENVOY names, as
// `make envoy` prints it. Every Envoy gets an admin address of its own on a
// free port, listens where its bootstrap says, and is stopped with the test.
// What it logged is shown when the test fails.
package envoytest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"kibble.dev/internal/child"
)

// limit is how long an Envoy may take to start, to become ready, and to stop.
const limit = time.Minute

// adminOverlay is merged over the bootstrap, so that no two Envoys ask for one admin port.
func adminOverlay() string {
	return fmt.Sprintf(`{"admin":{"address":{"socket_address":{"address":%q,"port_value":0}}}}`, Loopback())
}

// Binary is the path of the Envoy to test with. It fails the test when there is none.
func Binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("KIBBLE_ENVOY")
	if path == "" {
		t.Fatal("KIBBLE_ENVOY is not set: run make envoy, and set it to the path that it prints")
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("KIBBLE_ENVOY: %v: run make envoy", err)
	}
	return path
}

// Envoy is a running Envoy. Its methods may be called by several goroutines.
type Envoy struct {
	// Admin is the host:port of its admin listener.
	Admin string

	cmd    *exec.Cmd
	client *http.Client
	log    string
	done   chan struct{} // closed when the process has ended
}

// Start runs Envoy with a bootstrap (JSON or YAML) and returns when it is
// ready, which with dynamic resources is after it has them. args are further
// command line arguments, such as --service-node. The test's end stops it.
func Start(t testing.TB, bootstrap []byte, args ...string) *Envoy {
	t.Helper()
	e := Run(t, bootstrap, args...)
	e.WaitReady(t)
	return e
}

// Run is Start without the wait for readiness: it returns when the admin
// listener answers.
func Run(t testing.TB, bootstrap []byte, args ...string) *Envoy {
	t.Helper()
	dir := t.TempDir()
	config := write(t, dir, bootstrap)
	address := filepath.Join(dir, "admin")
	args = append([]string{"-c", config, "--config-yaml", adminOverlay(), "--admin-address-path", address}, args...)
	// Two workers, as beside a pod: what each of them knows changes by itself.
	for _, d := range [][2]string{{"--concurrency", "2"}, {"--log-level", "warning"}} {
		if !slices.Contains(args, d[0]) {
			args = append(args, d[0], d[1])
		}
	}
	if !slices.Contains(args, "--base-id") && !slices.Contains(args, "--use-dynamic-base-id") {
		args = append(args, "--disable-hot-restart")
	}
	e := &Envoy{
		cmd:    exec.Command(Binary(t), args...),
		client: &http.Client{Transport: &http.Transport{}, Timeout: limit},
		log:    filepath.Join(dir, "log"),
		done:   make(chan struct{}),
	}
	e.start(t)
	wait(t, e, "write its admin address", func() error {
		b, err := os.ReadFile(address)
		if err == nil && len(b) == 0 {
			err = errors.New("empty file")
		}
		e.Admin = strings.TrimSpace(string(b))
		return err
	})
	return e
}

// Validate fails the test unless Envoy accepts the bootstrap (`--mode validate`).
func Validate(t testing.TB, bootstrap []byte) {
	t.Helper()
	cmd := exec.Command(Binary(t), "--mode", "validate", "--log-level", "warning", "-c", write(t, t.TempDir(), bootstrap))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("envoy --mode validate: %v\n%s", err, out)
	}
}

// write puts the bootstrap into a file whose name tells Envoy the format.
func write(t testing.TB, dir string, bootstrap []byte) string {
	t.Helper()
	name := filepath.Join(dir, "bootstrap.yaml")
	if json.Valid(bootstrap) {
		name = filepath.Join(dir, "bootstrap.json")
	}
	if err := os.WriteFile(name, bootstrap, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func (e *Envoy) start(t testing.TB) {
	t.Helper()
	log, err := os.Create(e.log)
	if err != nil {
		t.Fatal(err)
	}
	e.cmd.Stdout, e.cmd.Stderr = log, log
	e.cmd.SysProcAttr = child.DiesWithParent()
	err = e.cmd.Start()
	log.Close() // the child has its own
	if err != nil {
		t.Fatalf("start envoy: %v", err)
	}
	go func() {
		_ = e.cmd.Wait()
		close(e.done)
	}()
	t.Cleanup(func() {
		e.Stop()
		if t.Failed() {
			t.Logf("envoy %d answered with an error:\n%s", e.cmd.Process.Pid, e.errors())
			t.Logf("envoy %d said:\n%s", e.cmd.Process.Pid, e.Log())
		}
	})
}

// Stop ends the Envoy and waits until it is gone. It may be called more than once.
func (e *Envoy) Stop() {
	_ = e.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-e.done:
	case <-time.After(limit):
		_ = e.cmd.Process.Kill()
		<-e.done
	}
	e.client.CloseIdleConnections()
}

// PID is the process id, as long as it runs.
func (e *Envoy) PID() int { return e.cmd.Process.Pid }

// Log is what Envoy has written so far to its standard output and error:
// access log and own log, the last 64 KiB of them.
func (e *Envoy) Log() string {
	b, err := os.ReadFile(e.log)
	if err != nil {
		return err.Error()
	}
	if most := 64 << 10; len(b) > most {
		b = b[len(b)-most:]
	}
	return string(b)
}

// errors gives the first lines of the access log whose status is 500 or more,
// however long ago they were written.
func (e *Envoy) errors() string {
	const most = 20
	log, err := os.Open(e.log)
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	var found []string
	for lines := bufio.NewScanner(log); lines.Scan() && len(found) < most; {
		if strings.Contains(lines.Text(), `"status":5`) {
			found = append(found, lines.Text())
		}
	}
	return strings.Join(found, "\n")
}

// WaitReady returns when /ready answers 200.
func (e *Envoy) WaitReady(t testing.TB) {
	t.Helper()
	wait(t, e, "become ready", func() error {
		_, err := e.get("/ready")
		return err
	})
}

// Ready tells whether /ready answers 200 now.
func (e *Envoy) Ready() bool {
	_, err := e.get("/ready")
	return err == nil
}

// Get gives the body of an admin page, such as "/stats?filter=ext_authz".
func (e *Envoy) Get(t testing.TB, page string) string {
	t.Helper()
	body, err := e.get(page)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func (e *Envoy) get(page string) (string, error) {
	resp, err := e.client.Get("http://" + e.Admin + page)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", page, resp.Status, body)
	}
	return string(body), err
}

// Listener gives the address that a listener is bound to, which a bootstrap
// with port 0 leaves open. It waits until the listener is there.
func (e *Envoy) Listener(t testing.TB, name string) string {
	t.Helper()
	var address string
	wait(t, e, "have listener "+name, func() error {
		body, err := e.get("/listeners?format=json")
		if err != nil {
			return err
		}
		address, err = findListener(body, name)
		return err
	})
	return address
}

func findListener(body, name string) (string, error) {
	var page struct {
		Listeners []struct {
			Name    string `json:"name"`
			Address struct {
				Socket struct {
					Address string `json:"address"`
					Port    int    `json:"port_value"`
				} `json:"socket_address"`
			} `json:"local_address"`
		} `json:"listener_statuses"`
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil {
		return "", fmt.Errorf("/listeners: %w", err)
	}
	for _, l := range page.Listeners {
		if l.Name == name && l.Address.Socket.Port != 0 {
			return net.JoinHostPort(l.Address.Socket.Address, strconv.Itoa(l.Address.Socket.Port)), nil
		}
	}
	return "", fmt.Errorf("no listener %q in %s", name, body)
}

// wait asks again and again until try gives nil. It fails the test at the
// limit, or as soon as Envoy has ended.
func wait(t testing.TB, e *Envoy, what string, try func() error) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-e.done:
			t.Fatalf("envoy ended (%v) and did not %s: %v", e.cmd.ProcessState, what, err)
		case <-deadline.C:
			t.Fatalf("envoy did not %s within %v: %v", what, limit, err)
		case <-tick.C:
		}
	}
}

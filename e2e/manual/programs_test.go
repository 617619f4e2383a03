//go:build linux

package manual_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"kibble.dev/internal/docstest"
)

// program is a command that goes on until it is stopped.
type program struct {
	command docstest.Command
	cmd     *exec.Cmd
	log     string
	done    chan struct{} // closed when it has ended
}

// ready says what is missing until a program does what it is for.
type ready func(said string) error

// endless gives for a command that goes on until it is stopped, as its readers
// know, when it is ready; nil: it ends.
func endless(c docstest.Command) ready {
	listens := func(address string) ready {
		return func(string) error {
			conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", address)
			if err == nil {
				_ = conn.Close()
			}
			return err
		}
	}
	switch {
	case c.Runs("make", "demo"):
		return says("until Ctrl-C")
	case c.Runs("kibble", "serve"):
		return answers("http://127.0.0.1:9990/readyz")
	case c.Runs("kibble", "webhook"):
		return listens("127.0.0.1:9443")
	case c.Runs("kibble", "drain"):
		return says("waiting for the end")
	case c.Runs("kubectl", "port-forward"), strings.Contains(c.Text, " port-forward "):
		return says("Forwarding from")
	case slices.ContainsFunc(c.Calls, func(call []string) bool { return slices.Contains(call, "--watch") }):
		return says("\n") // the first line of what it watches
	}
	return nil
}

func says(words string) ready {
	return func(said string) error {
		if !strings.Contains(said, words) {
			return fmt.Errorf("it does not say %q", words)
		}
		return nil
	}
}

func answers(url string) ready {
	return func(string) error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
		response, err := client.Get(url)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, response.Status)
		}
		return nil
	}
}

// background starts a program that the page supposes to run.
func (r *reader) background(text string, is ready) {
	r.Helper()
	r.start(docstest.Command{Text: text, Calls: [][]string{strings.Fields(text)}}, is)
}

// start starts a program and returns when it is ready. One that was started by
// the same words before, but for its arguments, is stopped first, for they would
// listen at the same ports.
func (r *reader) start(c docstest.Command, is ready) {
	r.Helper()
	r.running = slices.DeleteFunc(r.running, func(p *program) bool {
		same := slices.Equal(p.command.Calls[0][:2], c.Calls[0][:2])
		if same {
			r.end(p)
		}
		return same
	})
	log, err := os.CreateTemp(r.TempDir(), "log")
	r.Must(err)
	defer log.Close()
	p := &program{command: c, cmd: r.command(context.WithoutCancel(r.Context()), "exec "+strings.TrimSuffix(c.Text, "&")), log: log.Name(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	r.Must(p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	r.running = append(r.running, p)
	r.Eventually("this is ready: "+c.Text, func() error {
		err := is(r.said(p))
		select {
		case <-p.done:
			r.Fatalf("%s:%d: %s: it has ended:\n%s", r.file, c.Line, c.Text, r.said(p))
		default:
		}
		return err
	})
	r.Logf("started %s", c.Text)
	if do := r.after[c.Text]; do != nil {
		do(r, r.said(p))
	}
}

// said is what a program has printed.
func (r *reader) said(p *program) string {
	b, err := os.ReadFile(p.log)
	r.Must(err)
	return string(b)
}

// end ends a program as Ctrl-C does.
func (r *reader) end(p *program) {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT)
	select {
	case <-p.done:
	case <-time.After(limit):
		r.Errorf("%s:%d: %s: it does not end", r.file, p.command.Line, p.command.Text)
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // what it has left, if anything
	if r.Failed() {
		b, _ := os.ReadFile(p.log)
		r.Logf("%s said:\n%s", p.command.Text, b)
	}
}

// stop ends all programs of the reader.
func (r *reader) stop() {
	for _, p := range slices.Backward(r.running) {
		r.end(p)
	}
	r.running = nil
}

package bench_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
)

// Systems that are compared.
const (
	floorRaw    = "floor: bytes fanned out"
	floorLinear = "floor: LinearCache"
	kibble      = "kibble"

	class = "sidecar"
)

// measuredSystems gives those that -systems names.
func measuredSystems(all ...string) []string {
	return slices.DeleteFunc(all, func(system string) bool {
		short := map[string]string{floorRaw: "raw", floorLinear: "linear", kibble: "kibble"}[system]
		return !slices.Contains(strings.Split(*systems, ","), short)
	})
}

// build compiles the programs that are measured.
func build(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for module, packages := range map[string][]string{
		"../..": {"./cmd/kibble"}, "..": {"./bench/floor", "./bench/clients"},
	} {
		command := exec.Command("go", append([]string{"build", "-o", dir + "/"}, packages...)...)
		command.Dir = module
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	return dir
}

// system is a control plane in a process of its own.
type system struct {
	*lab

	process *kubetest.Process
	address string
}

// prepare makes a system that does not run yet.
func (l *lab) prepare(which string) *system {
	l.Helper()
	s := &system{lab: l, address: envoytest.FreeAddress(l.T)}
	args := map[string][]string{
		kibble:      {"kibble", "serve", "--kubeconfig", l.Kubeconfig, "--insecure-plaintext", "--xds-address", s.address, "--admin-address", envoytest.FreeAddress(l.T)},
		floorRaw:    {"floor", "--kubeconfig", l.Kubeconfig, "--address", s.address, "--serve", "raw"},
		floorLinear: {"floor", "--kubeconfig", l.Kubeconfig, "--address", s.address, "--serve", "linear"},
	}[which]
	s.process = kubetest.NewProcess(l.T, filepath.Join(l.programs, args[0]), filepath.Join(l.TempDir(), "log"), args[1:]...)
	return s
}

func (l *lab) start(which string) *system {
	l.Helper()
	s := l.prepare(which)
	s.process.Start()
	return s
}

func (s *system) stop() { s.process.Kill() }

// cpu is what the system has used.
func (s *system) cpu() time.Duration { return envoytest.CPUTime(s.process.PID()) }

// rss is the system's resident memory in MiB.
func (s *system) rss() float64 {
	s.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.PID()))
	s.must(err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kibi, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kibi / 1024
		}
	}
	s.Fatal("no VmRSS")
	return 0
}

// command and report are those of package clients.
type command struct {
	Text  string `json:"text,omitempty"`
	Host  string `json:"host,omitempty"`
	Bytes bool   `json:"bytes,omitempty"`
}

type report struct {
	At    []int64 `json:"at"`
	Bytes int64   `json:"bytes"`
	Size  int     `json:"size"`
}

// crowd is a process of clients.
type crowd struct {
	*lab

	in      io.WriteCloser
	reports chan report
	command *exec.Cmd
}

// connect starts clients of a system. Their first report says that all of them
// have everything.
func (l *lab) connect(s *system, clients, services int) *crowd {
	l.Helper()
	c := &crowd{lab: l, reports: make(chan report, 1)}
	c.command = exec.Command(filepath.Join(l.programs, "clients"), "--address", s.address, "--class", class,
		"--clients", strconv.Itoa(clients), "--services", strconv.Itoa(services))
	c.command.Stderr = os.Stderr
	var err error
	c.in, err = c.command.StdinPipe()
	l.must(err)
	out, err := c.command.StdoutPipe()
	l.must(err)
	l.must(c.command.Start())
	go func() {
		defer close(c.reports)
		for lines := json.NewDecoder(bufio.NewReader(out)); ; {
			var r report
			if lines.Decode(&r) != nil {
				return
			}
			c.reports <- r
		}
	}()
	return c
}

// stop ends the clients: they go when nobody tells them anything any more.
func (c *crowd) stop() {
	_ = c.in.Close()
	for range c.reports { // what was on its way
	}
	_ = c.command.Wait()
}

// report waits for what the clients have to say.
func (c *crowd) report() report {
	c.Helper()
	select {
	case r, more := <-c.reports:
		if !more {
			c.Fatal("the clients have ended")
		}
		return r
	case <-time.After(limit):
		c.Fatal("the clients are not told everything")
	}
	return report{}
}

func (c *crowd) tell(o command) {
	c.Helper()
	c.must(json.NewEncoder(c.in).Encode(o))
}

func (c *crowd) bytes() int64 {
	c.Helper()
	c.tell(command{Bytes: true})
	return c.report().Bytes
}

// await makes a change and returns when every client has it, with the moment
// before it was made.
func (c *crowd) await(change func() (command, func())) (began time.Time, r report) {
	c.Helper()
	o, do := change()
	c.tell(o)
	c.bytes() // they know what to look for
	began = time.Now()
	do()
	return began, c.report()
}

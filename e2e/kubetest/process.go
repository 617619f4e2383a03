package kubetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"kibble.dev/internal/child"
)

// limitOfEnd is how long a program that was asked to end may take.
const limitOfEnd = 2 * time.Minute

// Process is a program that can be stopped and started again. It ends with the
// test at the latest, and the end of its log is shown if the test failed.
type Process struct {
	// Env is its whole environment; nil: the test's.
	Env []string

	t          testing.TB
	path, log  string
	args       []string
	mu         sync.Mutex
	cmd        *exec.Cmd
	done       chan struct{} // closed when it has ended
	registered bool
}

// NewProcess makes one that writes to a log file and works in the log's directory.
func NewProcess(t testing.TB, path, log string, args ...string) *Process {
	return &Process{t: t, path: path, log: log, args: args}
}

// Start starts it; it must not run.
func (p *Process) Start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = log, log, filepath.Dir(p.log), p.Env
	cmd.SysProcAttr = child.DiesWithParent()
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.path, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	p.mu.Lock()
	p.cmd, p.done = cmd, done
	p.mu.Unlock()
	if !p.registered {
		p.registered = true
		p.t.Cleanup(p.end)
	}
}

// Terminate asks it to end (SIGTERM), and gives its exit code.
func (p *Process) Terminate() int {
	p.t.Helper()
	p.mu.Lock()
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-done:
	case <-time.After(limitOfEnd):
		p.t.Errorf("%s does not end within %v of SIGTERM", filepath.Base(p.path), limitOfEnd)
		p.Kill()
	}
	return cmd.ProcessState.ExitCode()
}

// PID is its process id; it must run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// Signal sends it a signal.
func (p *Process) Signal(s os.Signal) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("signal %s: %v", filepath.Base(p.path), err)
	}
}

// Log is what it has written so far.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Kill ends it at once, as a crash would, and waits until it is gone.
func (p *Process) Kill() {
	p.mu.Lock()
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	_ = cmd.Process.Kill()
	<-done
}

// Ended tells whether it has ended.
func (p *Process) Ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// end stops it for good and shows the end of its log if the test failed.
func (p *Process) end() {
	p.Kill()
	if !p.t.Failed() {
		return
	}
	b := p.Log()
	if most := 16 << 10; len(b) > most {
		b = b[len(b)-most:]
	}
	p.t.Logf("%s said:\n%s", filepath.Base(p.path), b)
}

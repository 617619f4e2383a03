package kubetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// process is a program that can be stopped and started again.
type process struct {
	t          testing.TB
	path, log  string
	args       []string
	mu         sync.Mutex
	cmd        *exec.Cmd
	done       chan struct{} // closed when it has ended
	registered bool
}

func newProcess(t testing.TB, path, log string, args []string) *process {
	return &process{t: t, path: path, log: log, args: args}
}

func (p *process) start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close() // the child has its own
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, filepath.Dir(p.log)
	cmd.SysProcAttr = diesWithParent()
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

// stop kills it and waits until it is gone.
func (p *process) stop() {
	p.mu.Lock()
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	_ = cmd.Process.Kill()
	<-done
}

func (p *process) ended() bool {
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
func (p *process) end() {
	p.stop()
	if !p.t.Failed() {
		return
	}
	b, err := os.ReadFile(p.log)
	if most := 16 << 10; err == nil && len(b) > most {
		b = b[len(b)-most:]
	}
	p.t.Logf("%s said:\n%s", filepath.Base(p.path), b)
}

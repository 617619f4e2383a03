package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"kibble.dev/internal/child"
)

// group owns the processes of the demo. All of its methods but watch belong to
// one goroutine.
type group struct {
	dir   string // of logs and other files
	procs []*process
	died  chan *process // processes that ended before stop
}

// process is a running program. It leads a process group of its own, so that
// Ctrl-C reaches the demo alone, which then stops all in order.
type process struct {
	name string
	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when it has ended
	err  error         // how; to be read after done
}

// most is how many processes a group may hold.
const most = 100

func newGroup(dir string) *group {
	return &group{dir: dir, died: make(chan *process, most)}
}

// file names a file of the group.
func (g *group) file(name string) string { return filepath.Join(g.dir, name) }

// start runs a program with only env and PATH as its environment, and its
// output in a log of that name.
func (g *group) start(name string, env []string, program string, args ...string) error {
	if len(g.procs) == most {
		return fmt.Errorf("start %s: more than %d processes", name, most)
	}
	p := &process{name: name, cmd: exec.Command(program, args...), log: g.file(name + ".log"), done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	defer log.Close() // the child has its own
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	p.cmd.SysProcAttr = child.DiesWithParent()
	p.cmd.SysProcAttr.Setpgid = true // a group of its own
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	g.procs = append(g.procs, p)
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
		g.died <- p
	}()
	return nil
}

// watch ends ctx when a process ends by itself.
func (g *group) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	select {
	case p := <-g.died:
		how := "exit code 0"
		if p.err != nil {
			how = p.err.Error()
		}
		cancel(fmt.Errorf("%s ended (%s); the end of its log %s:\n%s", p.name, how, p.log, tail(p.log)))
	case <-ctx.Done():
	}
}

// stop ends all processes, the last started first, and waits until they are gone.
func (g *group) stop() {
	for i := len(g.procs) - 1; i >= 0; i-- {
		g.procs[i].signal(syscall.SIGTERM)
	}
	soon := time.After(5 * time.Second)
	for _, p := range g.procs {
		select {
		case <-p.done:
		case <-soon:
			soon = time.After(0) // for all that follow
			p.signal(syscall.SIGKILL)
			<-p.done
		}
	}
}

// signal reaches the process and all that it started.
func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.done: // its number may be another's by now
	default:
		_ = syscall.Kill(-p.cmd.Process.Pid, s)
	}
}

// tails gives the ends of the logs of processes that wrote anything.
func (g *group) tails() string {
	var b strings.Builder
	for _, p := range g.procs {
		if t := tail(p.log); t != "" {
			fmt.Fprintf(&b, "\n%s:\n%s\n", p.log, t)
		}
	}
	return b.String()
}

// tail gives the last lines of a file, indented.
func tail(file string) string {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		return "  " + err.Error()
	}
	text := strings.TrimSpace(string(b))
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	lines = lines[max(0, len(lines)-12):]
	return "  " + strings.Join(lines, "\n  ")
}

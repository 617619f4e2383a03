//go:build linux

package manual_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/internal/docstest"
)

// limit is how long something may take that must happen.
const limit = 3 * time.Minute

// page is a document whose commands are run here.
type page struct {
	file string
	// env are variables that the page supposes to be set.
	env []string
	// has makes what the page supposes to be there.
	has func(*reader)
	// leaves takes away what would be in others' way.
	leaves func(*reader)
	// before is done right before a command, which is named word for word, and
	// after right after it, with what it printed.
	before map[string]func(*reader)
	after  map[string]func(*reader, string)
}

// reader is somebody who follows a page, in a new copy of the project.
type reader struct {
	*lab
	page
	dir     string
	running []*program
	met     map[string]bool // commands that were reached
}

// read makes a reader of a page.
func (l *lab) read(t *testing.T, p page) *reader {
	t.Helper()
	c := *l.Cluster
	c.TB = t
	under := *l
	under.Cluster = &c
	r := &reader{lab: &under, page: p, dir: filepath.Join(t.TempDir(), "kibble"), met: map[string]bool{}}
	must(t, copyProject(r.dir))
	t.Cleanup(r.stop)
	return r
}

// copyProject copies what is of the project's own. Nothing of Git: in a worktree
// that is a file, by which a reader's commits would be the project's.
func copyProject(to string) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		hidden := rel != "." && strings.HasPrefix(e.Name(), ".") || rel == "bin"
		switch {
		case hidden && e.IsDir():
			return fs.SkipDir
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case hidden, !e.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, info.Mode().Perm())
	})
}

// follow does what the page says, from its first line to its last.
func (r *reader) follow() {
	r.Helper()
	if r.has != nil {
		r.has(r)
	}
	for _, b := range r.blocks[r.file] {
		if b.SavedAs != "" {
			r.write(b.SavedAs, b.Text)
		}
		far, err := b.Afar()
		r.Must(err)
		if far {
			r.block(b)
		}
	}
	if r.leaves != nil {
		r.leaves(r)
	}
	for text := range r.before {
		if !r.met[text] {
			r.Errorf("%s has no command %q any more: this test prepares it", r.file, text)
		}
	}
	for text := range r.after {
		if !r.met[text] {
			r.Errorf("%s has no command %q any more: this test looks at what it prints", r.file, text)
		}
	}
	r.done[r.file] = true
}

// block runs the commands of a block; those that show no output in one shell, as
// far as they end.
func (r *reader) block(b docstest.Block) {
	r.Helper()
	all, err := b.Commands()
	r.Must(err)
	var script []docstest.Command
	flush := func() {
		if len(script) > 0 {
			r.script(script)
			script = nil
		}
	}
	for _, c := range all {
		r.met[c.Text] = true
		if docstest.NotRun()[c.Text] != "" {
			continue
		}
		if do := r.before[c.Text]; do != nil {
			flush()
			do(r)
		}
		ready := endless(c)
		switch {
		case ready != nil:
			flush()
			r.start(c, ready)
		case c.Prints != nil:
			r.shown(c)
		case r.after[c.Text] != nil:
			flush()
			r.after[c.Text](r, r.script([]docstest.Command{c}))
		default:
			script = append(script, c)
		}
	}
	flush()
}

// script runs commands in one shell, each of which must succeed. It gives what
// they printed.
func (r *reader) script(all []docstest.Command) string {
	r.Helper()
	text := ""
	for _, c := range all {
		if c.Runs("kibble", "diff") || c.Runs("kibble", "import") { // 1 says that there are differences, or things to do by hand
			text += "{ " + c.Text + "\n} || [ $? = 1 ]\n"
		} else {
			text += c.Text + "\n"
		}
	}
	out, err := r.bash(text)
	if err != nil {
		r.Fatalf("%s:%d: %v:\n%s\n%s", r.file, all[0].Line, err, text, out)
	}
	return out
}

// shown runs a command until it prints what the page shows. One that changes
// something is run once.
func (r *reader) shown(c docstest.Command) {
	r.Helper()
	r.Logf("$ %s", c.Text)
	late := time.Now().Add(limit)
	for {
		out, _ := r.run(c.Text) // the exit code is not shown in documents
		got, equal := c.Differs([]byte(out))
		if equal {
			break
		}
		if time.Now().After(late) || changes(c) {
			r.Fatalf("%s:%d: $ %s (-documented +printed)\n%s", r.file, c.Line, c.Text, cmp.Diff(c.Prints, got))
		}
		time.Sleep(200 * time.Millisecond)
	}
	if do := r.after[c.Text]; do != nil {
		do(r, "")
	}
}

// says runs a command until it prints words.
func (r *reader) says(command, words string) {
	r.Helper()
	r.Eventually("this prints "+words+": "+command, func() error {
		out, err := r.run(command)
		if err == nil && !strings.Contains(out, words) {
			err = errors.New(out)
		}
		return err
	})
}

// changes tells whether a command must not be run twice.
func changes(c docstest.Command) bool {
	for _, call := range c.Calls {
		switch {
		case call[0] == "curl", call[0] == "grep", call[0] == "kibble", call[0] == "kubectl" && len(call) > 1 && call[1] == "get":
		default:
			return true
		}
	}
	return false
}

// bash runs a script as the reader, and gives what it printed on both streams.
func (r *reader) bash(text string) (string, error) {
	r.Helper()
	began := time.Now()
	out, err := r.run("set -euo pipefail\n" + text)
	r.Logf("%5.1fs %s", time.Since(began).Seconds(), text)
	return out, err
}

func (r *reader) run(text string) (string, error) {
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	cmd := r.command(ctx, text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// command makes a shell with the reader's variables, in the project's copy. What
// it starts ends with it.
func (r *reader) command(ctx context.Context, text string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", text)
	cmd.Dir = r.dir
	cmd.Env = append([]string{
		"HOME=" + r.home, "KUBECONFIG=" + filepath.Join(r.home, ".kube", "config"), "PATH=/usr/local/bin:" + os.Getenv("PATH"),
		"GIT_CEILING_DIRECTORIES=" + filepath.Dir(r.dir), "GIT_CONFIG_NOSYSTEM=1", "NO_COLOR=1", "GOFLAGS=-buildvcs=false",
	}, r.goes...)
	for _, name := range []string{"KIBBLE_ENVOY", "KIBBLE_KUBE", "KIBBLE_NODE", "KIBBLE_HELM", "KIBBLE_CHROMIUM"} {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	cmd.Env = append(cmd.Env, r.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// write writes a file of the reader's.
func (r *reader) write(name, text string) {
	r.Helper()
	file := filepath.Join(r.dir, name)
	if filepath.IsAbs(name) {
		file = name
	}
	r.Must(os.MkdirAll(filepath.Dir(file), 0o755))
	r.Must(os.WriteFile(file, []byte(text), 0o644))
}

// do runs what the page supposes to have been done.
func (r *reader) do(text string) string {
	r.Helper()
	out, err := r.bash(text)
	if err != nil {
		r.Fatalf("%s: what it supposes to have been done: %v:\n%s\n%s", r.file, err, text, out)
	}
	return out
}

package docstest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// console runs blocks that show commands and what they print, in a folder with
// the examples.
type console struct {
	dir, path string
	help      map[string][]byte // what commands of kibble say of themselves, by their names
}

// program is the folder with kibble.
var program string

// TestMain builds kibble once for all tests.
func TestMain(m *testing.M) {
	var err error
	if program, err = os.MkdirTemp("", "docstest"); err != nil {
		panic(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(program, "kibble"), "kibble.dev/cmd/kibble")
	code := 1
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(program) // what is left goes with the machine's temporary files
	os.Exit(code)
}

func newConsole(t *testing.T) console {
	t.Helper()
	c := console{dir: t.TempDir(), path: program, help: map[string][]byte{}}
	if err := os.CopyFS(filepath.Join(c.dir, "examples"), os.DirFS(filepath.Join(root, "examples"))); err != nil {
		t.Fatal(err)
	}
	return c
}

// check runs each line after "$ " and compares what it prints, on either
// stream, with the lines that follow it in the block. A line "..." stands for
// any lines; how many blanks part two words does not count.
func (c console) check(t *testing.T, b block) {
	var command string
	var want []string
	run := func() {
		if command == "" {
			return
		}
		cmd := exec.Command("bash", "-c", command)
		cmd.Dir = c.dir
		cmd.Env = append(os.Environ(), "PATH="+c.path+":"+os.Getenv("PATH"), "NO_COLOR=1")
		out, _ := cmd.CombinedOutput() // the exit code is not shown in documents
		got := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
		if !matches(want, got) {
			t.Errorf("%s:%d: $ %s (-documented +printed)\n%s", b.file, b.line, command, cmp.Diff(want, got))
		}
	}
	for line := range strings.Lines(b.text) {
		line = strings.TrimRight(line, "\n")
		if next, ok := strings.CutPrefix(line, "$ "); ok {
			run()
			command, want = next, nil
		} else if next, ok := strings.CutPrefix(line, "> "); ok && len(want) == 0 {
			command += "\n" + next // as a shell asks for more
		} else {
			want = append(want, line)
		}
	}
	run()
}

// matches compares lines; "..." in want stands for any number of them.
func matches(want, got []string) bool {
	for i, w := range want {
		if w == "..." {
			rest := want[i+1:]
			return slices.ContainsFunc(indexes(len(got)), func(n int) bool { return n >= i && matches(rest, got[n:]) })
		}
		if i >= len(got) || !slices.Equal(strings.Fields(got[i]), strings.Fields(w)) {
			return false
		}
	}
	return len(want) == len(got) || len(want) == 0 && len(got) == 1 && got[0] == ""
}

// indexes are 0 to n, n included.
func indexes(n int) []int {
	all := make([]int, n+1)
	for i := range all {
		all[i] = i
	}
	return all
}

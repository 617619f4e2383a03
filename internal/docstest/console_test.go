package docstest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root is the project's folder.
const root = "../.."

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

// check runs each command that nobody else runs, and compares what it prints, on
// either stream, with what stands below it.
func (c console) check(t *testing.T, b Block) {
	all, err := b.Commands()
	if err != nil {
		t.Fatal(err)
	}
	if afar, _ := b.Afar(); afar {
		c.look(t, all)
		return
	}
	for _, command := range all {
		cmd := exec.Command("bash", "-c", command.Text)
		cmd.Dir = c.dir
		cmd.Env = append(os.Environ(), "PATH="+c.path+":"+os.Getenv("PATH"), "NO_COLOR=1")
		out, _ := cmd.CombinedOutput() // the exit code is not shown in documents
		if got, equal := command.Differs(out); !equal {
			t.Errorf("%s:%d: $ %s (-documented +printed)\n%s", command.File, command.Line, command.Text, cmp.Diff(command.Prints, got))
		}
	}
}

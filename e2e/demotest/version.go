package demotest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// differences are what another version of Kibble does otherwise: it has another
// opinion on a field of every cluster, and versions of its own for every resource.
func differences() []difference {
	return []difference{
		{"translate/cluster.go", "ConnectTimeout: durationpb.New(time.Second)", "ConnectTimeout: durationpb.New(1100 * time.Millisecond)"},
		{"translate/wire.go", "sha256.Sum256(body)", `sha256.Sum256(append(body, "of another version"...))`},
	}
}

// difference replaces a text of a source file.
type difference struct{ file, text, other string }

// anotherVersion has the control planes that are started from now on be of another
// version than this one: built of the same source, but for what differs. That
// stands for a release before or after this one, of which no test has the source.
func (l *Lab) anotherVersion() {
	l.Helper()
	root, err := filepath.Abs("../..")
	l.Must(err)
	dir := l.TempDir()
	replaced := map[string]string{}
	for _, d := range differences() {
		path := filepath.Join(root, filepath.FromSlash(d.file))
		source := string(l.readFile(path))
		if strings.Count(source, d.text) != 1 {
			l.Fatalf("%s does not hold %q once: say in differences what another version could do otherwise", d.file, d.text)
		}
		replaced[path] = filepath.Join(dir, filepath.Base(path))
		l.Must(os.WriteFile(replaced[path], []byte(strings.Replace(source, d.text, d.other, 1)), 0o600))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	l.Must(err)
	l.buildOver(dir, overlay)
}

// buildOver builds kibble with some of its source files replaced, into a directory;
// the control planes that are started from now on are that program.
func (l *Lab) buildOver(dir string, overlay []byte) {
	l.Helper()
	l.Must(os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	l.program = filepath.Join(dir, "kibble")
	command := exec.CommandContext(l.Context(), "go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", l.program, "./cmd/kibble")
	command.Dir = "../.."
	if out, err := command.CombinedOutput(); err != nil {
		l.Fatalf("%v\n%s", err, out)
	}
}

package discovery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// watched is a running Files over a path.
type watched struct {
	t       *testing.T
	updates chan Update
	last    Update
}

func watch(t *testing.T, f Files) *watched {
	t.Helper()
	w := &watched{t: t, updates: make(chan Update, 1000)}
	f.Deliver = func(u Update) { w.updates <- u }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

// until waits for an update of which a question is true.
func (w *watched) until(what string, ask func(Update) bool) {
	w.t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case w.last = <-w.updates:
			if ask(w.last) {
				return
			}
		case <-deadline:
			w.t.Fatalf("never came: %s; the last was: %s with\n%s", what, tables(w.last), lines(w.last.Findings))
		}
	}
}

// tables gives all Dtabs of an update as text.
func tables(u Update) string {
	if u.Inventory == nil {
		return "none"
	}
	var words []string
	for _, d := range u.Inventory.Dtabs {
		words = append(words, d.Object.Name+"="+d.Object.Spec.Dtab)
	}
	return strings.Join(words, " ")
}

func (w *watched) untilTables(want string) {
	w.t.Helper()
	w.until(want, func(u Update) bool { return tables(u) == want })
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesFollowsFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "sub", "b.yml")
	write(t, a, dtabYAML("a", "1"))
	write(t, filepath.Join(dir, ".hidden.yaml"), dtabYAML("hidden", "1"))
	write(t, filepath.Join(dir, "a.yaml~"), dtabYAML("backup", "1"))
	w := watch(t, Files{Path: dir})
	w.untilTables("a=1")
	first := w.last.Inventory
	write(t, a, dtabYAML("a", "2"))
	w.untilTables("a=2")
	if first.Dtabs[0].Object.Spec.Dtab != "1" {
		t.Error("the first inventory changed")
	}
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	write(t, b, dtabYAML("b", "1"))
	w.untilTables("a=2 b=1")
	write(t, b, dtabYAML("b", "2"))
	w.untilTables("a=2 b=2")
	must(t, os.Remove(a))
	w.untilTables("b=2")
	must(t, os.RemoveAll(filepath.Dir(b)))
	w.untilTables("")
}

func TestFilesReadsWhatEditorsDo(t *testing.T) {
	dir := t.TempDir()
	a := filepath.Join(dir, "a.yaml")
	write(t, a, dtabYAML("a", "1"))
	w := watch(t, Files{Path: dir})
	w.untilTables("a=1")

	write(t, filepath.Join(dir, ".a.yaml.tmp"), dtabYAML("a", "renamed"))
	must(t, os.Rename(filepath.Join(dir, ".a.yaml.tmp"), a))
	w.untilTables("a=renamed")

	must(t, os.Rename(a, a+"~"))
	write(t, a, dtabYAML("a", "backed-up"))
	must(t, os.Remove(a+"~"))
	w.untilTables("a=backed-up")

	file, err := os.OpenFile(a, os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	defer func() { must(t, file.Close()) }()
	w.until("a word on the empty file", func(u Update) bool { return strings.Contains(lines(u.Findings), codeEmpty) })
	if got := tables(w.last); got != "a=backed-up" {
		t.Errorf("the empty file has %q", got)
	}
	text := dtabYAML("a", "steps")
	_, err = file.WriteString(text[:len(text)/2])
	must(t, err)
	_, err = file.WriteString(text[len(text)/2:])
	must(t, err)
	w.untilTables("a=steps")
}

func TestFilesKeepsTheLastGoodContent(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "bad.yaml", dtabYAML("bad", "1")+"colour: red\n"+dtabYAML("good", "1"))
	write(t, "other.yaml", dtabYAML("other", "1"))
	w := watch(t, Files{Path: "."})
	w.untilTables("good=1 other=1")
	golden := func(want string) {
		t.Helper()
		if got := lines(w.last.Findings); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	golden("bad.yaml:6:1: error: there is no field \"colour\" here; there are apiVersion, kind, metadata, spec, status [KB1003]\n")

	write(t, "bad.yaml", dtabYAML("bad", "2")+dtabYAML("good", "2"))
	w.untilTables("bad=2 good=2 other=1")
	golden("")

	write(t, "bad.yaml", strings.Replace(dtabYAML("bad", "3"), `"3"`, "{}", 1)+dtabYAML("good", "3"))
	w.until("the error", func(u Update) bool { return len(u.Findings) > 0 })
	golden("bad.yaml: info: what the file held before stays in use until its errors are mended [KB1017]\n" +
		"bad.yaml:5:14: error: text wanted, this is a mapping [KB1005]\n")
	write(t, "other.yaml", dtabYAML("other", "2"))
	w.untilTables("bad=2 good=2 other=2")

	write(t, "bad.yaml", dtabYAML("bad", "4"))
	w.untilTables("bad=4 other=2")
	golden("")
}

func TestFilesTellsOfDuplicates(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write(t, "b.yaml", dtabYAML("x", "b"))
	w := watch(t, Files{Path: "."})
	w.untilTables("x=b")
	write(t, "a.yaml", dtabYAML("x", "a"))
	w.untilTables("x=a")
	want := "b.yaml:2:1: error: Dtab default/x is already written at a.yaml:2:1, which counts; rename or take away one of them [KB1010]\n"
	if got := lines(w.last.Findings); got != want {
		t.Errorf("got %s", got)
	}
	must(t, os.Remove("a.yaml"))
	w.untilTables("x=b")
}

func TestFilesOfOneFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	write(t, file, dtabYAML("a", "1"))
	write(t, filepath.Join(dir, "other.yaml"), dtabYAML("other", "1"))
	w := watch(t, Files{Path: file})
	w.untilTables("a=1")
	write(t, file+".new", dtabYAML("a", "2"))
	must(t, os.Rename(file+".new", file))
	w.untilTables("a=2")
	must(t, os.Remove(file))
	w.until("the loss", func(u Update) bool { return len(u.Findings) > 0 })
	if got, want := lines(w.last.Findings), file+": error: this cannot be read: no such file or directory; what was read last stays in use [KB1014]\n"; got != want || tables(w.last) != "a=2" {
		t.Errorf("got %s with %s", tables(w.last), got)
	}
	write(t, file, dtabYAML("a", "3"))
	w.untilTables("a=3")
}

func TestFilesSurvivesTheLossOfItsDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "config")
	must(t, os.Mkdir(dir, 0o755))
	write(t, filepath.Join(dir, "a.yaml"), dtabYAML("a", "1"))
	w := watch(t, Files{Path: dir})
	w.untilTables("a=1")
	must(t, os.Rename(dir, dir+".old"))
	w.until("the loss", func(u Update) bool { return len(u.Findings) > 0 && tables(u) == "a=1" })
	must(t, os.Mkdir(dir, 0o755))
	write(t, filepath.Join(dir, "a.yaml"), dtabYAML("a", "2"))
	w.untilTables("a=2")
	write(t, filepath.Join(dir, "a.yaml"), dtabYAML("a", "3"))
	w.untilTables("a=3")
}

func TestFilesReadsEndpointFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "router.yaml"), `
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: a}
spec: {proxyClass: edge, port: 4142, namers: [{kind: io.l5d.fs, rootDir: disco/here}]}
`)
	w := watch(t, Files{Path: dir})
	w.until("a word on the directory", func(u Update) bool { return len(u.Findings) == 1 })
	ask := func(want string) func(Update) bool {
		return func(u Update) bool {
			file := u.Inventory.Files["disco/here"]["web"]
			if file == nil {
				return want == "none"
			}
			return fmt.Sprint(file.Endpoints) == want
		}
	}
	web := filepath.Join(dir, "disco", "here", "web")
	must(t, os.MkdirAll(filepath.Dir(web), 0o755))
	write(t, web, "10.0.0.1 80\n")
	w.until("the file", ask("[{10.0.0.1 80 1}]"))
	if len(w.last.Findings) > 0 {
		t.Error(lines(w.last.Findings))
	}
	write(t, web, "10.0.0.2 80 * 3\n")
	w.until("its change", ask("[{10.0.0.2 80 3}]"))
	before := w.last.Inventory
	write(t, web, "10.0.0.2\n")
	w.until("its error", func(u Update) bool { return len(u.Findings) == 2 && ask("[{10.0.0.2 80 3}]")(u) })
	write(t, filepath.Join(dir, "a.yaml"), dtabYAML("a", "1"))
	w.untilTables("a=1")
	if before.Files["disco/here"]["web"] != w.last.Inventory.Files["disco/here"]["web"] {
		t.Error("the file is another one without need")
	}
	write(t, web, "")
	w.until("no endpoints", ask("[]"))
	must(t, os.Remove(web))
	w.until("no file", ask("none"))
}

func TestFilesWaitsForRestButNotForEver(t *testing.T) {
	for name, f := range map[string]Files{
		"rest":  {Quiet: time.Millisecond, MaxDelay: time.Hour},
		"delay": {Quiet: time.Hour, MaxDelay: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			f.Path = t.TempDir()
			w := watch(t, f)
			w.untilTables("")
			write(t, filepath.Join(f.Path, "a.yaml"), dtabYAML("a", "1"))
			w.untilTables("a=1")
		})
	}
}

func TestMissingPathIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nowhere")
	if _, _, err := ReadDir(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadDir: %v", err)
	}
	f := Files{Path: path, Deliver: func(Update) { t.Error("nothing was read, but delivered") }}
	if err := f.Run(context.Background()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Run: %v", err)
	}
}

func TestReadStream(t *testing.T) {
	inv, found, err := ReadStream("stdin", strings.NewReader(serviceYAML("web", 80)+"---\nkind: Router\n"))
	must(t, err)
	if inv.Services[translate.Key{Namespace: "default", Name: "web"}] == nil || inv.Has(dtab.KindK8s, dtab.Path{"default", "80", "nope"}) {
		t.Error("the Service is not there")
	}
	if got := lines(found); !strings.HasPrefix(got, "stdin:7:1: error: ") {
		t.Errorf("got %s", got)
	}
}

// What a file held before the process began stands in for what it lacks now
// that it has an error; once it was sound, it does not any more.
func TestFilesRecallsLastGood(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	write(t, a, dtabYAML("a", "1")+"---\n"+dtabYAML("c", "1"))
	write(t, b, dtabYAML("b", "1"))
	good, _, err := ReadDir(dir)
	must(t, err)
	write(t, a, dtabYAML("a", "2")+"---\n{")
	must(t, os.Remove(b))
	w := watch(t, Files{Path: dir, LastGood: good})
	w.untilTables("a=2 c=1")
	write(t, a, dtabYAML("a", "3"))
	w.untilTables("a=3")
}

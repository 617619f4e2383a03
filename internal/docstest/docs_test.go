package docstest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

const root = "../.."

// Every kind of block has a check; a block of another kind is a mistake.
func TestBlocks(t *testing.T) {
	_, blocks, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	commands := newConsole(t)
	checks := map[string]func(*testing.T, block){
		"text":    func(*testing.T, block) {},
		"yaml":    checkYAML,
		"json":    checkJSON,
		"dtab":    checkDtab,
		"sh":      commands.known,
		"console": commands.check,
	}
	for _, b := range blocks {
		t.Run(fmt.Sprintf("%s:%d", filepath.Base(b.file), b.line), func(t *testing.T) {
			check, ok := checks[b.lang]
			if !ok {
				t.Fatalf("%s:%d: a block of %q: want one of text, yaml, json, dtab, sh, console", b.file, b.line, b.lang)
			}
			check(t, b)
		})
	}
}

// A link within the project leads to something.
func TestLinks(t *testing.T) {
	docs, _, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		for _, link := range d.links {
			if strings.Contains(link, "://") || strings.HasPrefix(link, "#") {
				continue
			}
			target, _, _ := strings.Cut(link, "#")
			if _, err := os.Stat(filepath.Join(filepath.Dir(d.file), target)); err != nil {
				t.Errorf("%s: link %s: %v", d.file, link, err)
			}
		}
	}
}

// Objects of ours must be read and translated without an error.
func checkYAML(t *testing.T, b block) {
	var anything any
	if !strings.Contains(b.text, "apiVersion:") {
		if err := yaml.Unmarshal([]byte(b.text), &anything); err != nil {
			t.Errorf("%s:%d: %v", b.file, b.line, err)
		}
		return
	}
	inventory, findings, err := discovery.ReadStream(b.file, strings.NewReader(strings.Repeat("\n", b.line-1)+b.text))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Severity == dtab.Error {
			t.Error(f)
		}
	}
	// The objects stand among those of the demo, in place of its own of the same name.
	among, _, err := discovery.ReadDir(filepath.Join(root, "examples", "hello-world"))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(among.Services, inventory.Services)
	among.Routers = replace(among.Routers, inventory.Routers)
	among.Dtabs = replace(among.Dtabs, inventory.Dtabs)
	among.Policies = replace(among.Policies, inventory.Policies)
	for _, f := range translate.NewModel(among, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).Findings() {
		if f.Severity == dtab.Error {
			t.Error(f)
		}
	}
}

// replace gives old and all of now, without those of old that have a name of now.
func replace[T any](old, now []*translate.Sourced[T]) []*translate.Sourced[T] {
	name := func(s *translate.Sourced[T]) string {
		o := any(&s.Object).(metav1.Object)
		return o.GetNamespace() + "/" + o.GetName()
	}
	all := slices.DeleteFunc(slices.Clone(old), func(o *translate.Sourced[T]) bool {
		return slices.ContainsFunc(now, func(n *translate.Sourced[T]) bool { return name(n) == name(o) })
	})
	all = append(all, now...)
	slices.SortFunc(all, func(a, b *translate.Sourced[T]) int { return strings.Compare(name(a), name(b)) })
	return all
}

func checkJSON(t *testing.T, b block) {
	if !json.Valid([]byte(b.text)) {
		t.Errorf("%s:%d: not JSON", b.file, b.line)
	}
}

func checkDtab(t *testing.T, b block) {
	if _, err := dtab.Parse(dtab.Source{Name: b.file, Line: b.line}, b.text); err != nil {
		t.Error(err)
	}
}

// console runs blocks that show commands and what they print, in a folder with
// the examples.
type console struct{ dir, path string }

func newConsole(t *testing.T) console {
	t.Helper()
	c := console{dir: t.TempDir(), path: t.TempDir()}
	build := exec.Command("go", "build", "-o", filepath.Join(c.path, "kibble"), "kibble.dev/cmd/kibble")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
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
		} else {
			want = append(want, line)
		}
	}
	run()
}

// known tells whether what people are to type is there: targets of the
// Makefile, and commands and flags of kibble.
func (c console) known(t *testing.T, b block) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch filepath.Base(words[0]) {
		case "make":
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(words[1]) + `:`).Match(makefile) {
				t.Errorf("%s:%d: the Makefile has no target %q", b.file, b.line, words[1])
			}
		case "kibble":
			isFlag := func(w string) bool { return strings.HasPrefix(w, "-") }
			sub := words[1:]
			if i := slices.IndexFunc(sub, isFlag); i >= 0 {
				sub = sub[:i]
			}
			help, err := exec.Command(filepath.Join(c.path, "kibble"), append(sub, "--help")...).CombinedOutput()
			if err != nil {
				t.Errorf("%s:%d: kibble %s --help: %v\n%s", b.file, b.line, strings.Join(sub, " "), err, help)
			}
			for _, w := range words {
				flag, _, _ := strings.Cut(w, "=")
				if isFlag(w) && !regexp.MustCompile(`(?m)(^|[ ,])`+regexp.QuoteMeta(flag)+`([ ,]|$)`).Match(help) {
					t.Errorf("%s:%d: kibble %s has no flag %s", b.file, b.line, strings.Join(sub, " "), flag)
				}
			}
		}
	}
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

// A Go file that a document names is there, so that nobody searches in vain.
func TestFileNames(t *testing.T) {
	docs, _, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		files = append(files, filepath.ToSlash(path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range docs {
		for _, m := range regexp.MustCompile("`([a-z0-9_/-]+[.]go)`").FindAllStringSubmatch(d.text, -1) {
			if !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, "/"+m[1]) }) {
				t.Errorf("%s: there is no file %s", d.file, m[1])
			}
		}
	}
}

// Every target of the Makefile has its line of help.
func TestMakefile(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(makefile)) {
		if regexp.MustCompile(`^[a-z]+:`).MatchString(line) && !strings.Contains(line, " ## ") {
			t.Errorf("no help after ##: %s", line)
		}
	}
}

// Every module that the project requires by itself has a line that says why,
// and no other has.
func TestDependencies(t *testing.T) {
	list := func(file, pattern string) []string {
		b, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(b), -1) {
			all = append(all, m[1])
		}
		slices.Sort(all)
		return all
	}
	want := list("go.mod", `(?m)^\t(\S+) v[^ ]+$`)
	got := list("docs/dependencies.md", "(?m)^\\| `([^`]+)`")
	for _, m := range want {
		if !slices.Contains(got, m) {
			t.Errorf("docs/dependencies.md has no line for %s", m)
		}
	}
	for _, m := range got {
		if !slices.Contains(want, m) {
			t.Errorf("docs/dependencies.md has a line for %s, which go.mod does not require", m)
		}
	}
}

package docstest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/suite"
	"kibble.dev/translate"
)

// Every kind of block has a check; a block of another kind is a mistake.
func TestBlocks(t *testing.T) {
	_, blocks, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	commands := newConsole(t)
	checks := map[string]func(*testing.T, Block){
		"text":    prose,
		"yaml":    commands.checkYAML,
		"json":    checkJSON,
		"dtab":    checkDtab,
		"sh":      commands.shell,
		"console": commands.check,
		"promql":  func(*testing.T, Block) {}, // tools/promql parses them: a module of its own
	}
	for _, b := range blocks {
		t.Run(fmt.Sprintf("%s:%d", filepath.Base(b.File), b.Line), func(t *testing.T) {
			if mistake := strings.HasSuffix(b.File, findingsPage) && b.Lang != "console" && b.Lang != "text"; mistake {
				return // TestExamplesOfFindings looks for it
			}
			check, ok := checks[b.Lang]
			if !ok {
				t.Fatalf("%s:%d: a block of %q: want one of %s", b.File, b.Line, b.Lang, strings.Join(slices.Sorted(maps.Keys(checks)), ", "))
			}
			check(t, b)
		})
	}
}

// Objects of ours must be read and translated without an error.
func (c console) checkYAML(t *testing.T, b Block) {
	if strings.Contains(b.Text, "\ntests:\n") {
		_, found := suite.Read(b.File, []byte(strings.Repeat("\n", b.Line-1)+b.Text))
		for _, f := range found {
			t.Error(f)
		}
		return
	}
	if !strings.Contains(b.Text, "apiVersion:") {
		var anything any
		if err := yaml.Unmarshal([]byte(b.Text), &anything); err != nil {
			t.Errorf("%s:%d: %v", b.File, b.Line, err)
		}
		c.shell(t, b)
		return
	}
	inventory, findings, err := discovery.ReadStream(b.File, strings.NewReader(strings.Repeat("\n", b.Line-1)+b.Text))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		if f.Severity == dtab.Error {
			t.Error(f)
		}
	}
	// The objects stand among those of the demo, in place of its own of the same
	// name, or on the same port.
	among, _, err := discovery.ReadDir(filepath.Join(root, "examples", "hello-world"))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(among.Services, inventory.Services)
	among.Routers = slices.DeleteFunc(among.Routers, func(old *translate.Sourced[v1alpha1.Router]) bool {
		return slices.ContainsFunc(inventory.Routers, func(now *translate.Sourced[v1alpha1.Router]) bool {
			return now.Object.Spec.ProxyClass == old.Object.Spec.ProxyClass && now.Object.Spec.Port == old.Object.Spec.Port
		})
	})
	among.Routers = replace(among.Routers, inventory.Routers)
	among.Dtabs = replace(among.Dtabs, inventory.Dtabs)
	among.Policies = replace(among.Policies, inventory.Policies)
	m := translate.NewModel(among, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	_, unserved := m.Snapshot()
	for _, f := range slices.Concat(m.Findings(), unserved) {
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

func checkJSON(t *testing.T, b Block) {
	if !json.Valid([]byte(b.Text)) {
		t.Errorf("%s:%d: not JSON", b.File, b.Line)
	}
}

func checkDtab(t *testing.T, b Block) {
	if _, err := dtab.Parse(dtab.Source{Name: b.File, Line: b.Line}, b.Text); err != nil {
		t.Error(err)
	}
}

// A Go file that a document names is there, so that nobody searches in vain.
func TestFileNames(t *testing.T) {
	docs, _, err := Read(root)
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
				t.Errorf("%s: there is no file %s", d.File, m[1])
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

package suite

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
	"kibble.dev/translate"
)

// noon is the time of all tests here.
var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// The tests of the examples pass, and use every rule.
func TestExamples(t *testing.T) {
	dirs, err := filepath.Glob("../examples/*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, dir := range dirs {
		inv, found, err := discovery.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(inv.Routers) == 0 {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			tests, mistakes := readAll(t, dir)
			for _, f := range append(found, mistakes...) {
				if f.Severity == dtab.Error {
					t.Error(f)
				}
			}
			results, coverage := Run(inv, tests, noon)
			for _, r := range results {
				if !r.Passed() {
					t.Errorf("%s: %s: %v %s", r.Pos, r.Name, r.Mismatches, r.Problem)
				}
			}
			for _, d := range coverage.Unused() {
				t.Errorf("no test uses %s of %s", d, d.Pos)
			}
		})
		seen++
	}
	if seen < 3 {
		t.Errorf("only %d examples have routers", seen)
	}
}

func readAll(t *testing.T, dir string) (tests []Test, found []dtab.Finding) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !discovery.IsTests(path) {
			return err
		}
		data, err := os.ReadFile(path)
		some, f := Read(path, data)
		tests, found = append(tests, some...), append(found, f...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, found
}

// Mistakes in a file are told with their place, all at once.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/mistakes/*.test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tests, found := Read(filepath.Base(file), data)
			var b strings.Builder
			for _, f := range found {
				fmt.Fprintln(&b, f)
			}
			fmt.Fprintln(&b, "tests left:", len(tests))
			golden.Check(t, strings.TrimSuffix(file, ".test.yaml")+".golden", b.String())
		})
	}
}

// What becomes of each kind of question and expectation.
func TestRun(t *testing.T) {
	files, err := filepath.Glob("testdata/run/*.objects.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".objects.yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			inv, found, err := discovery.ReadDir(file)
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(name + ".test.yaml")
			if err != nil {
				t.Fatal(err)
			}
			tests, mistakes := Read(filepath.Base(name)+".test.yaml", data)
			var b strings.Builder
			for _, f := range append(found, mistakes...) {
				fmt.Fprintln(&b, f)
			}
			results, coverage := Run(inv, tests, noon)
			for _, r := range results {
				fmt.Fprintf(&b, "%d %s\n", r.Pos.Line, r.Name)
				for _, m := range r.Mismatches {
					fmt.Fprintf(&b, "    %s: expected %s, got %s\n", m.Field, m.Expected, m.Got)
				}
				if r.Problem != "" {
					fmt.Fprintf(&b, "    %s\n", r.Problem)
				}
			}
			fmt.Fprintf(&b, "%d of %d rules\n", coverage.Used(), coverage.Rules())
			for _, d := range coverage.Unused() {
				fmt.Fprintf(&b, "    %d %s\n", d.Pos.Line, d)
			}
			golden.Check(t, name+".golden", b.String())
		})
	}
}

// Running tests leaves the inventory as it was.
func TestInventoryStays(t *testing.T) {
	inv, _, err := discovery.ReadDir("../examples/hello-world")
	if err != nil {
		t.Fatal(err)
	}
	before, _ := translate.NewModel(inv, noon).Preview("")
	tests, _ := readAll(t, "../examples/hello-world")
	Run(inv, tests, noon)
	after, _ := translate.NewModel(inv, noon).Preview("")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

// Whatever a file holds, reading it ends, and each test has a place in it.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"../examples/*/*.test.yaml", "testdata/*/*.test.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tests, found := Read("a.test.yaml", data)
		for _, one := range tests {
			if one.Pos.Line == 0 || one.Name == "" || one.Router() == "" {
				t.Errorf("%+v", one)
			}
		}
		for _, f := range found {
			if f.Code == "" || f.Message == "" {
				t.Errorf("%+v", f)
			}
		}
		Run(&translate.Inventory{}, tests, noon)
	})
}

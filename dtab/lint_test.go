package dtab_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
)

// TestLint compares what is found in each table of testdata/lint.
func TestLint(t *testing.T) {
	files, err := filepath.Glob("testdata/lint/*.dtab")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			table, err := dtab.Parse(dtab.Source{Name: filepath.Base(file)}, string(text))
			if err != nil {
				t.Fatal(err)
			}
			l := dtab.Linter{Dtab: table, Namers: interpreter("", world{"default/http/web": true}).Namers, Failover: strings.Contains(file, "failover")}
			var b strings.Builder
			for _, f := range l.Lint() {
				b.WriteString(f.String() + "\n")
			}
			for i, reached := range dtab.Reached(table, l.Namers, []dtab.Shape{{Elems: []dtab.Elem{{Label: "svc"}, {Any: true}}}}) {
				if !reached {
					b.WriteString(dtab.Unnamed(&table[i]).String() + "\n")
				}
			}
			golden.Check(t, file+".golden", b.String())
		})
	}
}

// without gives an interpreter without one rule.
func without(in dtab.Interpreter, i int) dtab.Interpreter {
	in.Dtab = slices.Delete(slices.Clone(in.Dtab), i, i+1)
	return in
}

// sameAnswer fails if two interpreters answer a name differently. Names that
// take too long to bind by either are not compared.
func sameAnswer(t *rapid.T, what string, a, b dtab.Interpreter, name dtab.Path, all bool) {
	a.MaxWork, b.MaxWork = 5000, 5000
	bind := (*dtab.Interpreter).Bind
	if all {
		bind = (*dtab.Interpreter).BindAll
	}
	x, errX := bind(&a, name)
	y, errY := bind(&b, name)
	for _, err := range []error{errX, errY} {
		if failed, ok := errors.AsType[*dtab.BindError](err); ok && failed.Kind == dtab.ErrWork {
			return
		}
	}
	// cmp takes too long for trees of many hundred branches.
	if !reflect.DeepEqual(x, y) || message(errX) != message(errY) {
		t.Fatalf("%s: %s is %v, %q, and without it %v, %q:\n%s", what, name, x, message(errX), y, message(errY), a.Dtab.Indented("  "))
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestUselessRulesChangeNothing: whoever takes away a rule that is said to be
// unreachable, or to stand in the table twice, changes no answer.
func TestUselessRulesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInterpreter(t)
		// Rules that decide and rules that are repeated are rare by themselves.
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			d := in.Dtab[rapid.IntRange(0, len(in.Dtab)-1).Draw(t, "of")]
			if rapid.Bool().Draw(t, "decides") {
				d.Dst = rapid.SampledFrom([]dtab.Tree{
					dtab.Fail{}, dtab.Empty{}, dtab.Alt{d.Dst, dtab.Fail{}}, dtab.Alt{d.Dst, dtab.Leaf{Path: dtab.Path{"$", "nil"}}},
					dtab.Leaf{Path: dtab.Path{"$", "inet", "127.1", "80"}}, dtab.Union{{Weight: 1, Tree: d.Dst}, {Weight: 1, Tree: dtab.Empty{}}},
				}).Draw(t, "dst")
			}
			if n := len(d.Prefix); n > 1 && rapid.Bool().Draw(t, "shorter") {
				d.Prefix = d.Prefix[:n-1]
			}
			in.Dtab = append(in.Dtab, d)
		}
		for i := range in.Dtab {
			in.Dtab[i].Pos.Line = i + 1
		}
		failover := rapid.Bool().Draw(t, "failover")
		for _, f := range (dtab.Linter{Dtab: in.Dtab, Namers: in.Namers, Failover: failover}).Lint() {
			if f.Code != "KB3003" && f.Code != "KB3004" {
				continue
			}
			for range 10 {
				name := anyPath().Draw(t, "name")
				if rapid.Bool().Draw(t, "below") {
					name = nil
					for _, e := range in.Dtab[f.Pos.Line-1].Prefix {
						if e.Any {
							e.Label = "a"
						}
						name = append(name, e.Label)
					}
					name = append(name, anyPath().Draw(t, "rest")...)
				}
				// Behind itself, a rule that stands twice stands in for nothing new.
				sameAnswer(t, f.String(), in, without(in, f.Pos.Line-1), name, failover && f.Code == "KB3003")
			}
		}
	})
}

// TestUnnamedRulesChangeNothing: whoever takes away a rule that no name of the
// roots comes to changes no answer for names of the roots.
func TestUnnamedRulesChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInterpreter(t)
		n, err := dtab.NewNamer(dtab.NamerConfig{Kind: dtab.KindRewrite, Prefix: dtab.Path{"rw"}, Pattern: "/{x}/*", Name: "/b/{x}/c"}, world{})
		if err != nil {
			t.Fatal(err)
		}
		in.Namers = append(in.Namers, n)
		root := rapid.SampledFrom([]string{"s", "a", "b", "c"}).Draw(t, "root")
		shape := dtab.Shape{Elems: []dtab.Elem{{Label: root}, {Any: true}}, Open: rapid.Bool().Draw(t, "open")}
		reached := dtab.Reached(in.Dtab, in.Namers, []dtab.Shape{shape})
		for i := len(reached) - 1; i >= 0; i-- {
			if reached[i] {
				continue
			}
			for range 5 {
				name := dtab.Path{root, anySegment().Draw(t, "segment")}
				if shape.Open {
					name = name.Join(anyPath().Draw(t, "rest")...)
				}
				sameAnswer(t, in.Dtab[i].String(), in, without(in, i), name, true)
			}
		}
	})
}

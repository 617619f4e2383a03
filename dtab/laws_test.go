package dtab_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"kibble.dev/dtab"
)

func TestTreeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree := anyTree(3).Draw(t, "tree")
		got, err := dtab.ParseTree(tree.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tree, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", tree, diff)
		}
	})
}

func TestTableRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := anyTable().Draw(t, "table")
		got, err := dtab.Parse(dtab.Source{}, table.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := diffTables(table, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", table, diff)
		}
	})
}

func diffTables(want, got dtab.Dtab) string {
	return cmp.Diff(want, got, cmpopts.IgnoreFields(dtab.Dentry{}, "Pos"), cmpopts.EquateEmpty())
}

func TestFormatKeepsMeaningAndComments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, comments := messy(t, anyTable().Draw(t, "table"))
		want, err := dtab.Parse(dtab.Source{}, text)
		if err != nil {
			t.Fatal(err)
		}
		formatted, err := dtab.Format(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := dtab.Parse(dtab.Source{}, formatted)
		if err != nil {
			t.Fatalf("%v in:\n%s", err, formatted)
		}
		if diff := diffTables(want, got); diff != "" {
			t.Fatalf("%q is %q (-want +got):\n%s", text, formatted, diff)
		}
		rest := formatted
		for i := range comments {
			_, after, found := strings.Cut(rest, fmt.Sprintf("# c%d\n", i))
			if !found {
				t.Fatalf("%q is %q: comment %d is lost or out of order", text, formatted, i)
			}
			rest = after
		}
		again, err := dtab.Format(formatted)
		if err != nil || again != formatted {
			t.Fatalf("%q is %q, and again %q, %v", text, formatted, again, err)
		}
	})
}

func TestSimplifyTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once := dtab.Simplify(anyTree(3).Draw(t, "tree"))
		if twice := dtab.Simplify(once); twice.String() != once.String() {
			t.Fatalf("%s, then %s", once, twice)
		}
	})
}

// A rule at the end of a table is tried first.
func TestLaterEntryWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInterpreter(t)
		path := anyPath().Draw(t, "path")
		var prefix dtab.Prefix
		for _, segment := range path {
			prefix = append(prefix, dtab.Elem{Label: segment})
		}
		in.Dtab = append(in.Dtab, dtab.Dentry{Prefix: prefix, Dst: dtab.Fail{}})
		tree, err := in.Bind(path)
		if err != nil || tree != dtab.Tree(dtab.Fail{}) {
			t.Fatalf("%v, %v", tree, err)
		}
	})
}

func TestBindIsTheFirstOfBindAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInterpreter(t)
		path := anyPath().Draw(t, "path")
		one, oneErr := in.Bind(path)
		all, allErr := in.BindAll(path)
		if oneErr != nil || allErr != nil {
			if fmt.Sprint(oneErr) != fmt.Sprint(allErr) {
				t.Fatalf("Bind: %v, BindAll: %v", oneErr, allErr)
			}
			return
		}
		if firstOf(all).String() != one.String() {
			t.Fatalf("Bind: %s, BindAll: %s", one, all)
		}
	})
}

// firstOf takes the first of all alternatives.
func firstOf(tree dtab.Tree) dtab.Tree {
	switch tree := tree.(type) {
	case dtab.Alt:
		return firstOf(tree[0])
	case dtab.Union:
		union := slices.Clone(tree)
		for i := range union {
			union[i].Tree = firstOf(union[i].Tree)
		}
		return union
	}
	return tree
}

// A trace has Bind's outcome, and the steps it takes end where the requests go.
func TestDelegateAgreesWithBind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInterpreter(t)
		path := anyPath().Draw(t, "path")
		if diff := diffTrace(in, path); diff != "" {
			t.Fatalf("%s under %s: %s", path, in.Dtab, diff)
		}
	})
}

// diffTrace says where Delegate does not agree with Bind.
func diffTrace(in dtab.Interpreter, path dtab.Path) string {
	root := in.Delegate(path)
	tree, err := in.Bind(path)
	if want := dtab.OutcomeOf(tree, err); root.Outcome != want {
		return fmt.Sprintf("outcome %s, Bind has %s", root.Outcome, want)
	}
	if err != nil {
		var bind *dtab.BindError
		if !errors.As(err, &bind) || root.Err == nil || *root.Err != *bind {
			return fmt.Sprintf("error %v, Bind has %v", root.Err, err)
		}
		return ""
	}
	if root.Tree.String() != tree.String() {
		return fmt.Sprintf("tree %s, Bind has %s", root.Tree, tree)
	}
	var ends, want []string
	if !collectTaken(root, &ends) {
		return "" // the trace is too long to show all
	}
	for _, share := range dtab.Shares(tree) {
		if !share.Empty {
			want = append(want, share.Bound.String())
		}
	}
	return cmp.Diff(want, ends)
}

// collectTaken collects the bound names that taken steps end in. It is false if
// the trace breaks off.
func collectTaken(s *dtab.Step, ends *[]string) bool {
	if !s.Taken {
		return true
	}
	if s.Kind == dtab.StepBound {
		*ends = append(*ends, s.Tree.String())
		return true
	}
	if s.Kind == dtab.StepPath && len(s.Children) == 0 && s.Outcome != dtab.OutcomeError {
		return false
	}
	for _, child := range s.Children {
		if !collectTaken(child, ends) {
			return false
		}
	}
	return true
}

package goldentest

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"kibble.dev/discovery"
	"kibble.dev/translate"
)

// What the listeners of a class have its proxies ask for is what there is for them,
// neither more nor less; and a listener under another name asks for the same.
func TestAskedBy(t *testing.T) {
	inputs, err := filepath.Glob("testdata/golden/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, in := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(in), ".in.yaml"), func(t *testing.T) {
			inv, _, err := discovery.ReadDir(in)
			if err != nil {
				t.Fatal(err)
			}
			snapshot, _ := translate.NewModel(inv, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)).Snapshot()
			for class, c := range snapshot.Classes {
				asked, there := map[translate.Ref]bool{}, map[translate.Ref]bool{}
				for _, l := range listenersOf(c) {
					refs := refsOf(t, l)
					for _, ref := range refs {
						asked[ref] = true
					}
					under, err := translate.Under("other", l)
					if err != nil || under.Name != "other" || under.Asks != l.Asks || !slices.Equal(under.Binds, l.Binds) || !slices.Equal(refs, refsOf(t, under)) {
						t.Errorf("%s: %s under another name is %v: %v", class, l.Name, under, err)
					}
					if back, err := translate.Under(l.Name, under); err != nil || back.Version != l.Version || !proto.Equal(back.Body, l.Body) {
						t.Errorf("%s: %s is another one under its own name: %v", class, l.Name, err)
					}
				}
				for _, typ := range []string{translate.RouteType, translate.ExtensionType, translate.SecretType} {
					for name := range c.Resources[typ] {
						there[translate.Ref{Type: typ, Name: name}] = true
					}
				}
				for ref := range asked {
					if !there[ref] {
						t.Errorf("%s: %v is asked for and not there", class, ref)
					}
				}
				for ref := range there {
					if !asked[ref] {
						t.Errorf("%s: nobody asks for %v", class, ref)
					}
				}
			}
		})
	}
}

func listenersOf(c *translate.ClassSnapshot) []*translate.Resource {
	var all []*translate.Resource
	for _, l := range c.Resources[translate.ListenerType] {
		all = append(all, l)
	}
	for _, at := range c.AtPods {
		for _, scope := range at.Samples() {
			all = append(all, at.At(scope))
		}
	}
	return all
}

func refsOf(t *testing.T, l *translate.Resource) []translate.Ref {
	t.Helper()
	refs, err := translate.AskedBy(l)
	if err != nil {
		t.Fatal(err)
	}
	return refs
}

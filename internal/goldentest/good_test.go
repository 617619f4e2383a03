package goldentest

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/discovery"
	"kibble.dev/translate"
)

// What is written down of a model makes the same resources, byte for byte, but
// for those that need a Secret, and holds nothing of a Secret.
func TestGood(t *testing.T) {
	inputs, err := filepath.Glob("testdata/golden/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	same := 0
	for _, in := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(in), ".in.yaml"), func(t *testing.T) {
			inv, _, err := discovery.ReadDir(in)
			if err != nil {
				t.Fatal(err)
			}
			secret := len(inv.Secrets) + len(inv.KeyFiles)
			m := translate.NewModel(inv, now)
			text, err := json.Marshal(m.Good())
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range inv.Secrets {
				for key, value := range s {
					if enc, _ := json.Marshal(string(value)); len(value) > 20 && strings.Contains(string(text), strings.Trim(string(enc), `"`)[:20]) {
						t.Errorf("a Secret's %s is written down", key)
					}
				}
			}
			var good translate.Good
			if err := json.Unmarshal(text, &good); err != nil {
				t.Fatal(err)
			}
			if secret > 0 {
				return
			}
			same++
			want, _ := m.Snapshot()
			got, _ := good.Model(now).Snapshot()
			if diff := cmp.Diff(versions(want), versions(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if same < 50 {
		t.Errorf("only %d cases were compared", same)
	}
}

// versions gives the version of each resource.
func versions(s *translate.Snapshot) map[string]string {
	all := map[string]string{}
	for class, c := range s.Classes {
		for typ, of := range c.Resources {
			for name, r := range of {
				all[class+" "+typ+" "+name] = r.Version
			}
		}
		for name, of := range c.Local {
			for scope, r := range of {
				all[class+" "+name+" "+string(scope)] = r.Version
			}
		}
		for name, at := range c.AtPods {
			for _, scope := range at.Samples() {
				all[class+" "+name+" "+string(scope)] = at.At(scope).Version
			}
		}
	}
	return all
}

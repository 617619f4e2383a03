// Package goldentest tests translation by examples: testdata/golden/<case>.in.yaml
// holds manifests, <case>.out.yaml what becomes of them. `go test -update`
// writes the latter anew; read the difference before you commit it.
package goldentest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"sigs.k8s.io/yaml"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
	"kibble.dev/translate"
)

// wholeMark in the first line of an input asks for all resources in the output.
const wholeMark = "# Whole:"

// outcome is what an output file holds.
type outcome struct {
	// Rows of the preview by router.
	Rows map[string][]string `json:"rows"`
	// Findings of reading, of the model and of the snapshot.
	Findings []string `json:"findings,omitempty"`
	// Resources by class and type, then by name, and by scope for local ones.
	Resources map[string]map[string]any `json:"resources,omitempty"`
}

func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/golden/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, in := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(in), ".in.yaml"), func(t *testing.T) {
			text, err := os.ReadFile(in)
			if err != nil {
				t.Fatal(err)
			}
			whole := strings.HasPrefix(string(text), wholeMark)
			got := encode(t, translated(t, in, whole))
			out := strings.TrimSuffix(in, ".in.yaml") + ".out.yaml"
			golden.Check(t, out, got)
			orderDoesNotMatter(t, in, string(text))
		})
	}
}

// orderDoesNotMatter shuffles the documents of an input. All that may change is
// the lines that are named.
func orderDoesNotMatter(t *testing.T, in, text string) {
	t.Helper()
	want := placeless(t, translated(t, in, true))
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "disco"), os.DirFS("testdata/golden/disco")); err != nil {
		t.Fatal(err)
	}
	docs := strings.Split(strings.TrimSuffix(text, "\n"), "\n---\n")
	shuffled := filepath.Join(dir, filepath.Base(in))
	for seed := range uint64(2) {
		random := rand.New(rand.NewPCG(seed, 0))
		random.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		if err := os.WriteFile(shuffled, []byte(strings.Join(docs, "\n---\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, placeless(t, translated(t, shuffled, true))); diff != "" {
			t.Fatalf("the order of the documents matters (-want +got):\n%s", diff)
		}
	}
}

// placeless takes the places in files out of an outcome.
func placeless(t *testing.T, o outcome) string {
	t.Helper()
	place := regexp.MustCompile(`[^\s("]*\.in\.yaml(:\d+)*`)
	for i, f := range o.Findings {
		o.Findings[i] = place.ReplaceAllString(f, "FILE")
	}
	slices.Sort(o.Findings)
	return place.ReplaceAllString(encode(t, o), "FILE")
}

func encode(t *testing.T, o outcome) string {
	t.Helper()
	b, err := yaml.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// translated reads one file and translates it, on a day in 2026.
func translated(t *testing.T, path string, whole bool) outcome {
	t.Helper()
	inv, found, err := discovery.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	m := translate.NewModel(inv, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	snapshot, more := m.Snapshot()
	rows, err := m.Preview("")
	if err != nil {
		t.Fatal(err)
	}
	o := outcome{Rows: map[string][]string{}, Findings: describe(slices.Concat(found, m.Findings(), more))}
	for _, name := range m.RouterNames() {
		o.Rows[name] = []string{}
	}
	for _, r := range rows {
		o.Rows[r.Router] = append(o.Rows[r.Router], line(r))
	}
	resources := resourcesOf(t, snapshot)
	if whole {
		o.Resources = resources
	}
	return o
}

func describe(found []dtab.Finding) []string {
	var all []string
	for _, f := range found {
		text := f.String()
		if f.Hint != "" && !strings.Contains(text, f.Hint) {
			text += " (" + f.Hint + ")"
		}
		all = append(all, text)
	}
	return all
}

// line writes a row as `host match [policies]: share service, else fallback & ...`.
func line(r translate.Row) string {
	text := r.Host
	if r.Match != "" {
		text += " {" + r.Match + "}"
	}
	if len(r.Policies) > 0 {
		text += " [" + strings.Join(r.Policies, ",") + "]"
	}
	var to []string
	for _, s := range r.To {
		part := s.Service
		if s.Share != 1 {
			part = fmt.Sprintf("%.4g %s", s.Share, s.Service)
		}
		to = append(to, strings.Join(append([]string{part}, s.Fallback...), ", else "))
	}
	return text + ": " + strings.Join(to, " & ")
}

// resourcesOf gives the resources of a snapshot. Envoy would accept each.
func resourcesOf(t *testing.T, s *translate.Snapshot) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for class, cs := range s.Classes {
		for typ, named := range cs.Whole() {
			for name, r := range named {
				add(all, class+" "+translate.ShortType(typ), name, decode(t, r))
			}
		}
		for name, scoped := range cs.Local {
			for scope, r := range scoped {
				add(all, class+" "+translate.ShortType(r.Body.TypeUrl), name+" @"+string(scope), decode(t, r))
			}
		}
		for name, at := range cs.AtPods {
			for _, scope := range at.Samples() {
				add(all, class+" "+translate.ShortType(translate.ListenerType), name+" @"+string(scope), decode(t, at.At(scope)))
			}
		}
	}
	return all
}

func add(all map[string]map[string]any, kind, name string, v any) {
	if all[kind] == nil {
		all[kind] = map[string]any{}
	}
	all[kind][name] = v
}

func decode(t *testing.T, r *translate.Resource) any {
	t.Helper()
	m, err := r.Body.UnmarshalNew()
	if err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	checked, ok := m.(interface{ ValidateAll() error })
	if !ok {
		t.Fatalf("%s: a %T cannot be validated", r.Name, m)
	}
	if err := checked.ValidateAll(); err != nil {
		t.Errorf("%s: Envoy would refuse it: %v", r.Name, err)
	}
	if s, ok := m.(*tlsv3.Secret); ok { // a key stands in the input only
		s.GetTlsCertificate().PrivateKey = nil
	}
	b, err := protojson.Marshal(m)
	if err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	var v any
	if err := yaml.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	return v
}

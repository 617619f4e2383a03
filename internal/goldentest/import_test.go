package goldentest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"kibble.dev/discovery"
	"kibble.dev/importer"
	"kibble.dev/translate"
)

// imported is a configuration of linkerd, its router, the Router of a golden case
// that is the same (none, if it is only served), and the case.
type imported struct{ config, router, golden, world string }

// imports gives them by golden case.
func imports() map[string]imported {
	cases := map[string]imported{
		"demo-ingress":         {"ingress", "ingress", "ingress", ""},
		"demo-outgoing":        {"ingress", "outgoing", "outgoing", ""},
		"demo-daemonset":       {"ingress", "outgoing", "outgoing", ""},
		"demo-incoming":        {"ingress", "incoming", "incoming", ""},
		"latency":              {"latency", "outgoing", "outgoing", ""},
		"egress":               {"egress", "outgoing", "outgoing", ""},
		"grpc":                 {"grpc", "outgoing", "outgoing", ""},
		"ingress-controller":   {"ingress-controller", "ingress", "ingress", ""},
		"namerd-internal":      {"namerd", "outgoing", "outgoing", ""},
		"namerd-external":      {"namerd", "external", "external", ""},
		"gob":                  {"gob", "outgoing", "outgoing", ""},
		"servicemesh-outgoing": {"servicemesh", "http-outgoing", "outgoing", ""},
		"servicemesh-incoming": {"servicemesh", "http-incoming", "incoming", ""},
		"servicemesh-grpc":     {"servicemesh", "grpc-outgoing", "outgoing", ""},
	}
	for same := range strings.FieldsSeq(`gob-compose gob-compose-grpc consul consul-subdomain marathon rancher k8s-external k8s-prod
		k8s-porthost dogs fs-any fs-app fs-method fs-union inet-any inet-two inet-hostport method-any mesh rewrite serversets
		transformer-replace transformer-const`) {
		cases[same] = imported{same, "outgoing", "outgoing", ""}
	}
	for world, c := range cases {
		c.world = world
		cases[world] = c
	}
	return cases
}

// oldImports are configurations of before linkerd 1.0, which have no golden case
// that is the same, among the Services and files of one.
func oldImports() []imported {
	return []imported{
		{"before-0.6", "outgoing", "", "fs-app"},
		{"before-0.9", "int", "", "demo-outgoing"},
		{"before-0.9-ingress", "ingress", "", "ingress-controller"},
		{"before-0.9-mesh", "outgoing", "", "demo-daemonset"},
		{"before-0.9-mesh", "incoming", "", "demo-daemonset"},
		{"long-prefix", "outgoing", "", "fs-app"},
		{"rewrite-default", "outgoing", "", "fs-app"},
	}
}

// TestImported imports configurations of linkerd, puts what comes of them
// beside the Services of a golden case, and expects the rows of that case: what
// is imported routes as the table that was written for Kibble.
func TestImported(t *testing.T) {
	for golden, c := range imports() {
		t.Run(golden, func(t *testing.T) {
			want, found := goldenRows(t, golden)["default/"+c.golden]
			if !found {
				t.Fatalf("%s has no router %s", golden, c.golden)
			}
			if diff := cmp.Diff(want, importedRows(t, golden, c.config, c.router)); diff != "" {
				t.Errorf("(-golden +imported)\n%s", diff)
			}
		})
	}
}

func goldenRows(t *testing.T, golden string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "golden", golden+".out.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var o outcome
	if err := yaml.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	return o.Rows
}

// importedRows previews a router of an imported configuration among the objects
// of a golden case.
func importedRows(t *testing.T, golden, config, router string) []string {
	t.Helper()
	rows, err := translate.NewModel(importedWorld(t, golden, config), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)).Preview("")
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for _, r := range rows {
		if r.Router == "default/"+router {
			all = append(all, line(r))
		}
	}
	return all
}

// importedWorld are the objects of a golden case, with those of an imported
// configuration in place of its Routers and Dtabs.
func importedWorld(t *testing.T, golden, config string) *translate.Inventory {
	t.Helper()
	in, err := os.ReadFile(filepath.Join("testdata", "golden", golden+".in.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	docs := slices.DeleteFunc(strings.Split(string(in), "\n---\n"), func(doc string) bool {
		return strings.Contains(doc, "kind: Router\n") || strings.Contains(doc, "kind: Dtab\n")
	})
	names, err := filepath.Glob(filepath.Join("..", "..", "importer", "testdata", "linkerd", config, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var files []importer.File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, importer.File{Name: name, Data: data})
	}
	result := importer.Linkerd(files, importer.Options{Namespace: "default"})
	for _, o := range result.Objects {
		text, err := o.YAML()
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, string(text))
	}
	// A rootDir is relative to the manifest.
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "disco"), os.DirFS("testdata/golden/disco")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(strings.Join(docs, "\n---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, _, err := discovery.ReadDir(filepath.Join(dir, "all.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

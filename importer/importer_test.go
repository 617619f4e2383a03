package importer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
	"kibble.dev/translate"
)

// TestGolden imports each directory testdata/TOOL/CASE and compares with
// CASE.out: the objects, then what was found.
func TestGolden(t *testing.T) {
	tools := map[string]func([]File, Options) *Result{"linkerd": Linkerd, "namerd": Namerd, "nginx": Nginx}
	for tool, from := range tools {
		cases, err := filepath.Glob(filepath.Join("testdata", tool, "*"))
		if err != nil || len(cases) == 0 {
			t.Fatalf("no cases of %s: %v", tool, err)
		}
		for _, dir := range cases {
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				continue
			}
			t.Run(tool+"/"+filepath.Base(dir), func(t *testing.T) {
				golden.Check(t, dir+".out", shown(t, from(filesOf(t, dir), Options{})))
			})
		}
	}
}

// filesOf reads the files of a case in the order of their names.
func filesOf(t *testing.T, dir string) []File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	var files []File
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, File{Name: filepath.Base(name), Data: data})
	}
	return files
}

func shown(t *testing.T, r *Result) string {
	t.Helper()
	b := strings.Builder{}
	b.WriteString(whole(t, r))
	for _, f := range r.Findings {
		b.WriteString("#: " + f.String() + "\n")
	}
	return b.String()
}

// whole is the YAML of all objects.
func whole(t interface {
	Helper()
	Fatal(args ...any)
}, r *Result) string {
	t.Helper()
	var all []string
	for _, o := range r.Objects {
		text, err := o.YAML()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return strings.Join(all, "---\n")
}

// What is said of a place is true: the word stands there.
func TestPlaces(t *testing.T) {
	places := 0
	for _, tool := range []string{"linkerd", "namerd", "nginx"} {
		dirs, err := filepath.Glob(filepath.Join("testdata", tool, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range dirs {
			if filepath.Ext(dir) == ".out" {
				continue
			}
			files := filesOf(t, dir)
			from := Linkerd
			if tool == "nginx" {
				from = Nginx
			}
			for _, f := range from(files, Options{}).Findings {
				line := lineAt(t, files, f.Pos)
				if f.Pos.Col < 1 || f.Pos.Col > len(line)+1 {
					t.Errorf("%s: there is no such column in %q", f, line)
					continue
				}
				// Paths of fields end in the field's name, which stands there.
				path, _, _ := strings.Cut(f.Message, " ")
				if name := path[strings.LastIndexByte(path, '.')+1:]; strings.Contains(path, "].") && !strings.Contains(name, "[") {
					places++
					if !strings.HasPrefix(line[f.Pos.Col-1:], name) {
						t.Errorf("%s: %q stands there, not %s", f, line[f.Pos.Col-1:], name)
					}
				}
			}
		}
	}
	if places < 10 {
		t.Errorf("only %d places were compared", places)
	}
}

func lineAt(t *testing.T, files []File, pos dtab.Pos) string {
	t.Helper()
	for _, f := range files {
		if lines := strings.Split(string(f.Data), "\n"); f.Name == pos.Source && pos.Line >= 1 && pos.Line <= len(lines) {
			return lines[pos.Line-1]
		}
	}
	t.Fatalf("there is no %s", pos)
	return ""
}

// Any table comes out as the text that went in, comments and blanks and all (but
// for those at the ends of lines, where they are in the way), by whichever way: in a literal block, as a quoted text, in a ConfigMap, or as a file.
func TestAnyTableSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := anyTable(t)
		if _, err := dtab.Parse(dtab.Source{}, table); err != nil {
			t.Fatalf("the test makes what is no table: %v", err)
		}
		quoted, err := json.Marshal(table)
		if err != nil {
			t.Fatal(err)
		}
		config := "routers:\n- protocol: http\n  servers: [{port: 4140, ip: 0.0.0.0}]\n"
		ways := map[string]string{
			"quoted": config + "  dtab: " + string(quoted) + "\n",
			"json":   `{"routers": [{"protocol": "http", "servers": [{"port": 4140, "ip": "0.0.0.0"}], "dtab": ` + string(quoted) + "}]}",
		}
		if literal(table) {
			ways["literal"] = config + "  dtab: |" + chomp(table) + "\n" + indented(table, "    ")
			ways["ConfigMap"] = "kind: ConfigMap\napiVersion: v1\ndata:\n  config.yaml: |\n" + indented(ways["literal"], "    ")
		}
		for way, in := range ways {
			r := Linkerd([]File{{Name: "in.yaml", Data: []byte(in)}}, Options{})
			if got := routerTable(t, whole(t, r)); got != tableText(table).Value {
				t.Fatalf("%s: %q became %q\n%s", way, table, got, whole(t, r))
			}
		}
		if looksLikeTable(table) {
			r := Namerd([]File{{Name: "in.dtab", Data: []byte(table)}}, Options{})
			inv, found, err := discovery.ReadStream("out", strings.NewReader(whole(t, r)))
			if err != nil || len(found) > 0 || inv.Dtabs[0].Object.Spec.Dtab != tableText(table).Value {
				t.Fatal(err, found, table, whole(t, r))
			}
		}
	})
}

// anyTable makes a table with comments, blanks and labels of all kinds.
func anyTable(t *rapid.T) string {
	space := rapid.SampledFrom([]string{"", " ", "  ", "\n", "\t", " # why: {a} [b] \"c\" 'd' é\n", "\n\n# note\n", " \n   ", "\r\n"})
	label := rapid.SampledFrom([]string{"svc", "host", "#", "$", "io.l5d.k8s", "%", "a-b_c", "x:80", "*", "inet", "1.1"})
	path := func(name string, wild bool) string {
		labels := rapid.SliceOfN(label, 1, 4).Draw(t, name)
		text := ""
		for _, l := range labels {
			switch {
			case l == "*" && !wild:
				l = "any"
			case l == "%":
				l = `\x25`
			}
			text += "/" + l
		}
		return text
	}
	b := strings.Builder{}
	n := rapid.IntRange(1, 5).Draw(t, "entries")
	for i := range n {
		b.WriteString(space.Draw(t, "before") + path("prefix", true) + space.Draw(t, "a") + "=>" + space.Draw(t, "b"))
		b.WriteString(path("dst", false))
		if op := rapid.SampledFrom([]string{"", "|", "&"}).Draw(t, "op"); op != "" {
			b.WriteString(" " + op + " " + path("dst2", false))
		}
		b.WriteString(space.Draw(t, "after"))
		if i < n-1 {
			b.WriteString(";")
		}
	}
	return b.String()
}

// chomp is what a literal block's header says of its last line breaks.
func chomp(text string) string {
	switch {
	case !strings.HasSuffix(text, "\n"):
		return "-"
	case strings.HasSuffix(text, "\n\n"):
		return "+"
	}
	return ""
}

func indented(text, by string) string {
	b := strings.Builder{}
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString(by)
		}
		b.WriteString(line)
	}
	if !strings.HasSuffix(text, "\n") {
		b.WriteString("\n")
	}
	return b.String()
}

// routerTable reads the objects back as Kibble does.
func routerTable(t interface {
	Helper()
	Fatal(args ...any)
}, text string) string {
	t.Helper()
	inv, found, err := discovery.ReadStream("out", strings.NewReader(text))
	if err != nil || len(found) > 0 || len(inv.Routers) != 1 {
		t.Fatal(err, found, text)
	}
	return inv.Routers[0].Object.Spec.Dtab
}

// Whatever a file holds, importing ends, gives YAML that can be read, and every
// finding has a place and words.
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*/*")
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
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, from := range []func([]File, Options) *Result{Linkerd, Namerd, Nginx} {
			r := from([]File{{Name: "in", Data: data}}, Options{})
			for _, finding := range r.Findings {
				if finding.Pos.Line < 1 || finding.Pos.Col < 1 || finding.Message == "" {
					t.Errorf("without place or words: %s", finding)
				}
			}
			_, found, err := discovery.ReadStream("out", strings.NewReader(whole(t, r)))
			if err != nil {
				t.Fatal(err)
			}
			for _, finding := range found {
				if finding.Code == "yaml-syntax" || finding.Code == "unknown-field" || finding.Code == "wrong-type" {
					t.Errorf("%s\n%s", finding, whole(t, r))
				}
			}
		}
	})
}

// What is made of sound configurations is accepted by all that reads it.
func TestAccepted(t *testing.T) {
	for _, name := range []string{"ingress", "servicemesh", "egress", "grpc", "ingress-controller", "namerd", "gob", "latency", "tls", "before-1.0", "fs-interpreter"} {
		t.Run(name, func(t *testing.T) {
			r := Linkerd(filesOf(t, filepath.Join("testdata", "linkerd", name)), Options{})
			inv, found, err := discovery.ReadStream("out", strings.NewReader(whole(t, r)))
			if err != nil {
				t.Fatal(err)
			}
			m := translate.NewModel(inv, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			_, more := m.Snapshot()
			for _, f := range append(append(found, m.Findings()...), more...) {
				if f.Severity == dtab.Error {
					t.Error(f)
				}
			}
			routers := 0
			for _, o := range r.Objects {
				if o.Kind == v1alpha1.KindRouter {
					routers++
				}
			}
			if len(m.RouterNames()) != routers {
				t.Errorf("%d Routers of %d are served", len(m.RouterNames()), routers)
			}
		})
	}
}

package docstest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// findingsPage is where findings are described. What stands there in blocks of
// yaml and dtab are mistakes.
const findingsPage = "reference/findings.md"

// TestExamplesOfFindings: the example in the section of a finding provokes it.
func TestExamplesOfFindings(t *testing.T) {
	c := newConsole(t)
	_, blocks, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string][]Block{}
	for _, b := range blocks {
		if strings.HasSuffix(b.File, findingsPage) {
			of[b.code] = append(of[b.code], b)
		}
	}
	for code := range codes(t) {
		t.Run(code, func(t *testing.T) {
			examples := of[code]
			switch {
			case len(examples) == 2:
				changed(t, code, examples[0], examples[1])
			case len(examples) != 1:
				t.Errorf("it has %d examples: want one, or what there was and what it becomes", len(examples))
			case examples[0].Lang == "text":
				worded(t, code, examples[0])
				if code == "KB1016" {
					c.noWatches(t, code)
				}
			case examples[0].Lang == "console":
				if !strings.Contains(examples[0].Text, code) { // TestBlocks runs it
					t.Errorf("the example does not show %s", code)
				}
			default:
				if found := c.mistake(t, code, examples[0]); !slices.Contains(found, code) {
					t.Errorf("the example is found to be %v", found)
				}
			}
		})
	}
}

// mistake gives the codes that kibble finds in an example, which is read with
// the Services of the demo.
func (c console) mistake(t *testing.T, code string, b Block) []string {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	args := []string{"lint", "-f", dir, "-o", "json"}
	switch code[:4] {
	case "KB60":
		file("example.test.yaml", b.Text)
		args[0] = "test"
	case "KB70":
		args = []string{"import", "linkerd", file("linkerd.yaml", b.Text), "--report", "json"}
	default:
		services, err := os.ReadFile(filepath.Join(root, "examples", "hello-world", "services.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		file("services.yaml", string(services))
		file("example.yaml", object(b))
	}
	out, _ := exec.Command(filepath.Join(c.path, "kibble"), args...).CombinedOutput() // it finds mistakes, so it fails
	var all []string
	for _, m := range regexp.MustCompile(`"code": "(KB\d{4})"`).FindAllStringSubmatch(string(out), -1) {
		all = append(all, m[1])
	}
	return all
}

// object gives the YAML of an example; a table is that of a Router.
func object(b Block) string {
	if b.Lang == "yaml" {
		return b.Text
	}
	text := "apiVersion: kibble.dev/v1alpha1\nkind: Router\nmetadata: {name: example}\nspec:\n  proxyClass: sidecar\n  port: 4140\n  dtab: |\n"
	for line := range strings.Lines(b.Text) {
		text += "    " + line
	}
	return text
}

// changed follows a directory as kibble serve does: what was there becomes
// something else, or a command makes it so, and that is the mistake.
func changed(t *testing.T, code string, before, after Block) {
	t.Helper()
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "example.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(object(before))
	updates := make(chan discovery.Update, 100)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	files := &discovery.Files{Path: dir, Deliver: func(u discovery.Update) { updates <- u }}
	go func() { done <- files.Run(ctx) }()
	m := translate.NewModel((<-updates).Inventory, time.Now())
	if after.Lang == "sh" {
		cmd := exec.CommandContext(ctx, "bash", "-c", after.Text)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	} else {
		write(object(after))
	}
	isIt := func(f dtab.Finding) bool { return f.Code == code }
	for {
		select {
		case u := <-updates:
			m = m.Next(u.Inventory, time.Now())
			if slices.ContainsFunc(slices.Concat(u.Findings, m.Findings()), isIt) {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				return
			}
		case err := <-done:
			t.Fatalf("it was not found: %v", err)
		}
	}
}

// worded is for what takes a cluster, a kernel or a bug to happen: the section
// shows the words, which are those of the code, and a test elsewhere provokes it.
func worded(t *testing.T, code string, b Block) {
	t.Helper()
	how, known := map[string]struct{ words, said, provoked string }{
		"KB1013": {"list and watch", "discovery/resources.go", "e2e/discovery/cluster_test.go"},
		"KB1016": {"changes here are not seen: ", "discovery/watch.go", "internal/docstest/provoke_test.go"},
		"KB1018": {"the cluster has not been read yet; ", "cmd/kibble/keeper.go", "e2e/faults/state_test.go"},
		"KB1019": {"the CustomResourceDefinition of this object was deleted", "discovery/vanished.go", "e2e/faults/kinds_test.go"},
		"KB1202": {"Envoy would refuse ", "translate/maker.go", "translate/unroutable_test.go"},
		"KB1203": {"Envoy refuses ", "xds/trial/trial.go", "xds/trial/trial_test.go"},
	}[code]
	if !known || !strings.Contains(b.Text, how.words) || !strings.HasSuffix(strings.TrimSpace(b.Text), "["+code+"]") {
		t.Fatalf("%s:%d: want an example that provokes it, or the words %q and the code in brackets", b.File, b.Line, how.words)
	}
	for file, word := range map[string]string{how.said: how.words, how.provoked: code} {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), word) {
			t.Errorf("%s does not say %q", file, word)
		}
	}
}

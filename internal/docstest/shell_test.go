package docstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"kibble.dev/internal/helloworld"
)

// shell looks at every command of a block that people are to type, or that a
// pipeline of theirs runs. e2e/manual runs them; mistakes in names are told here,
// without a cluster and for those commands too that no test can run.
func (c console) shell(t *testing.T, b Block) {
	t.Helper()
	all, err := b.Commands()
	if err != nil {
		t.Error(err)
	}
	c.look(t, all)
}

func (c console) look(t *testing.T, all []Command) {
	t.Helper()
	for _, command := range all {
		for _, words := range command.Calls {
			if problem := c.command(words); problem != "" {
				t.Errorf("%s:%d: %s: %s", command.File, command.Line, strings.Join(words, " "), problem)
			}
		}
	}
}

// command gives what is wrong with a command, or nothing. Of ours, and of those
// that are given our names, the names are checked.
func (c console) command(words []string) string {
	switch filepath.Base(words[0]) {
	case "make":
		return makeTarget(words[1:])
	case "kibble":
		return c.kibble(words[1:])
	case "helm":
		return chartValues(words[1:])
	case "kubectl":
		verbs := []string{"annotate", "apply", "create", "delete", "describe", "explain", "get", "label", "logs", "patch", "port-forward", "rollout", "wait"}
		if len(words) > 1 && words[1] == "kibble" {
			return c.kibble(words[2:])
		}
		if len(words) > 1 && !slices.Contains(verbs, words[1]) {
			return "no such verb is used in this manual: " + strings.Join(verbs, ", ")
		}
	case "go":
		return packages(words[1:])
	case ":", "base64", "bash", "cat", "cd", "cp", "curl", "echo", "envoy", "gh", "git", "mkdir", "namerctl", "openssl", "rm", "sed", "sleep", "grep", "ln", "source", "jq", "tail":
	default:
		return "this program is not among those of the manual: is it a mistake, or one more for internal/docstest?"
	}
	return ""
}

// makeTarget checks the arguments of make.
func makeTarget(args []string) string {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		return err.Error()
	}
	for _, a := range args {
		name, _, isVariable := strings.Cut(a, "=")
		form := `(?m)^` + regexp.QuoteMeta(a) + `:`
		if isVariable {
			form = `(?m)^(export )?` + regexp.QuoteMeta(name) + `\s*[?:]=`
		}
		if !strings.HasPrefix(a, "-") && !regexp.MustCompile(form).Match(makefile) {
			return "the Makefile does not have " + a
		}
	}
	return ""
}

// packages checks that the folders are there that go is given, in one of the
// modules.
func packages(args []string) string {
	for _, a := range args {
		if !strings.HasPrefix(a, "./") || strings.HasSuffix(a, "...") {
			continue
		}
		_, err := os.Stat(filepath.Join(root, a))
		if _, other := os.Stat(filepath.Join(root, "e2e", a)); err != nil && other != nil {
			return "there is no package " + a
		}
	}
	return ""
}

// kibble checks the name of the command and its flags against its own help.
func (c console) kibble(args []string) string {
	isFlag := func(w string) bool { return strings.HasPrefix(w, "-") && w != "-" }
	sub := args
	if i := slices.IndexFunc(sub, isFlag); i >= 0 {
		sub = sub[:i]
	}
	name := strings.Join(sub, " ")
	help, known := c.help[name]
	if !known {
		var err error
		if help, err = exec.Command(filepath.Join(c.path, "kibble"), append(slices.Clone(sub), "--help")...).CombinedOutput(); err != nil {
			return err.Error() + "\n" + string(help)
		}
		c.help[name] = help
	}
	for _, w := range args {
		flag, _, _ := strings.Cut(w, "=")
		if isFlag(w) && !regexp.MustCompile(`(?m)(^|[ ,])`+regexp.QuoteMeta(flag)+`([ ,]|$)`).Match(help) {
			return "there is no flag " + flag
		}
	}
	return ""
}

// chartValues checks what is given to --set against the values of our chart.
func chartValues(args []string) string {
	b, err := os.ReadFile(filepath.Join(root, "charts", "kibble", "values.yaml"))
	if err != nil {
		return err.Error()
	}
	var values map[string]any
	if err := yaml.Unmarshal(b, &values); err != nil {
		return err.Error()
	}
	for i, a := range args {
		if i == 0 || !strings.HasPrefix(args[i-1], "--set") {
			continue
		}
		for _, set := range regexp.MustCompile(`(?:^|,)([A-Za-z.]+)=`).FindAllStringSubmatch(a, -1) {
			if !hasValue(values, strings.Split(set[1], ".")) {
				return "the chart has no value " + set[1]
			}
		}
	}
	return ""
}

// hasValue tells whether there is a value, or an empty mapping that may hold it.
func hasValue(values map[string]any, path []string) bool {
	v, ok := values[path[0]]
	inner, isMap := v.(map[string]any)
	switch {
	case !ok || len(path) == 1:
		return ok
	case isMap && len(inner) == 0:
		return true
	case isMap:
		return hasValue(inner, path[1:])
	}
	return false
}

// prose is what stands in blocks of text: pictures and output. A command there
// would be looked at by nobody.
func prose(t *testing.T, b Block) {
	t.Helper()
	first := regexp.MustCompile(`(?m)^(\$ .*|(?:kibble|kubectl|helm|make|curl|go|cd|export) .*)$`).FindString(b.Text)
	if first != "" {
		t.Errorf("%s:%d: %q is a command: in a block of console it is run, in one of sh it is checked", b.File, b.Line, first)
	}
}

// Answers of the demo that a document shows are those that the demo is checked
// for: each is a mark and what it is about, the command, and the answer.
func TestDemoAnswers(t *testing.T) {
	top, err := helloworld.Read(filepath.Join(root, "examples", "hello-world"))
	if err != nil {
		t.Fatal(err)
	}
	_, blocks, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, b := range blocks {
		for about := range strings.SplitSeq(b.Text, "✓ ") {
			lines := strings.Split(about, "\n")
			if lines[0] == "" || len(lines) < 3 || !strings.HasPrefix(b.Text, "✓ ") {
				continue
			}
			shown++
			i := slices.IndexFunc(helloworld.Questions(top), func(q helloworld.Question) bool { return q.About == lines[0] })
			if i < 0 {
				t.Errorf("%s:%d: the demo does not ask %q", b.File, b.Line, lines[0])
				continue
			}
			q := helloworld.Questions(top)[i]
			if lines[1] != "  $ "+q.Curl(top.Edge()) || lines[2] != "  "+q.Want {
				t.Errorf("%s:%d: want:\n  $ %s\n  %s", b.File, b.Line, q.Curl(top.Edge()), q.Want)
			}
		}
	}
	if shown == 0 {
		t.Error("no document shows an answer of the demo")
	}
}

package docstest

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"
)

// Command is one thing that a reader types.
type Command struct {
	Text string // as bash reads it; it may have several lines
	File string
	Line int // where it begins, from 1
	// Prints are the lines that the document shows below it; nil in blocks that
	// show none.
	Prints []string
	// Calls are the simple commands in it, word by word; what the shell would put
	// into a word is X.
	Calls [][]string
}

// Commands gives what there is to type in a block, in its order: in one of
// console what stands behind "$ ", in one of sh each statement, in one of yaml
// each statement of a pipeline's "run:". Other blocks have none.
func (b Block) Commands() ([]Command, error) {
	switch b.Lang {
	case "console":
		return b.shown()
	case "sh":
		return b.statements(b.Text, b.Line)
	case "yaml":
		return b.steps()
	}
	return nil, nil
}

// Afar tells whether e2e/manual runs the commands of the block: all those that
// show no output or are a pipeline's, because they leave something behind or
// take something that is to be there; and of the others those that ask a cluster
// or a server.
func (b Block) Afar() (bool, error) {
	all, err := b.Commands()
	if err != nil || len(all) == 0 || b.code != "" { // TestExamplesOfFindings runs what provokes a finding
		return false, err
	}
	return b.Lang != "console" || slices.ContainsFunc(all, func(c Command) bool {
		return slices.ContainsFunc(c.Calls, asksAround)
	}), nil
}

// asksAround tells whether a call asks a cluster or a server.
func asksAround(words []string) bool {
	switch words[0] {
	case "curl", "helm", "kubectl":
		return true
	case "kibble":
		return slices.ContainsFunc(words, func(w string) bool {
			return slices.Contains([]string{"config", "proxies", "--live", "--kubeconfig", "--context", "-n"}, w)
		})
	}
	return false
}

// shown reads a console: commands, and what each prints.
func (b Block) shown() ([]Command, error) {
	var all []Command
	for i, line := range strings.Split(strings.TrimSuffix(b.Text, "\n"), "\n") {
		last := len(all) - 1
		if text, ok := strings.CutPrefix(line, "$ "); ok {
			all = append(all, Command{Text: text, File: b.File, Line: b.Line + i, Prints: []string{}})
		} else if last < 0 {
			return nil, fmt.Errorf("%s:%d: a console begins with a command, which stands behind \"$ \"", b.File, b.Line)
		} else if text, ok := strings.CutPrefix(line, "> "); ok && len(all[last].Prints) == 0 {
			all[last].Text += "\n" + text // as a shell asks for more
		} else {
			all[last].Prints = append(all[last].Prints, line)
		}
	}
	for i, c := range all {
		parsed, err := b.statements(c.Text, c.Line)
		if err != nil {
			return nil, err
		}
		for _, p := range parsed {
			all[i].Calls = append(all[i].Calls, p.Calls...)
		}
	}
	return all, nil
}

// statements reads a script that begins at a line of the file.
func (b Block) statements(text string, line int) ([]Command, error) {
	file, err := syntax.NewParser(syntax.KeepComments(false)).Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", b.File, line, err)
	}
	var all []Command
	for _, s := range file.Stmts {
		c := Command{Text: text[s.Pos().Offset():s.End().Offset()], File: b.File, Line: line + int(s.Pos().Line()) - 1}
		syntax.Walk(s, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
				var words []string
				for _, w := range call.Args {
					words = append(words, plain(w))
				}
				c.Calls = append(c.Calls, words)
			}
			return true
		})
		all = append(all, c)
	}
	return all, nil
}

// steps reads what stands behind "run:" in a pipeline.
func (b Block) steps() ([]Command, error) {
	var all []Command
	var wrong error
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for i, inner := range n.Content {
			if n.Kind != yaml.MappingNode || i%2 == 0 || n.Content[i-1].Value != "run" || inner.Kind != yaml.ScalarNode {
				walk(inner)
				continue
			}
			line := b.Line + inner.Line - 1
			if inner.Style == yaml.LiteralStyle {
				line++
			}
			found, err := b.statements(expression.ReplaceAllString(inner.Value, "X"), line)
			all, wrong = append(all, found...), errors.Join(wrong, err)
		}
	}
	for decoder := yaml.NewDecoder(strings.NewReader(b.Text)); ; {
		var n yaml.Node
		if decoder.Decode(&n) != nil { // the end, or a mistake that others tell of
			return all, wrong
		}
		walk(&n)
	}
}

// expression is what a pipeline puts in.
var expression = regexp.MustCompile(`\$\{\{[^}]*\}\}`)

// plain gives a word without quotes. What the shell would put in is a name.
func plain(w *syntax.Word) string {
	var out strings.Builder
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			out.WriteString(strings.ReplaceAll(p.Value, "\\\n", ""))
		case *syntax.SglQuoted:
			out.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				if l, ok := inner.(*syntax.Lit); ok {
					out.WriteString(l.Value)
				} else {
					out.WriteString("X")
				}
			}
		default:
			out.WriteString("X")
		}
	}
	return out.String()
}

// Runs tells whether one of the command's calls is of a program, with these words
// first.
func (c Command) Runs(program string, words ...string) bool {
	return slices.ContainsFunc(c.Calls, func(call []string) bool {
		return filepath.Base(call[0]) == program && len(call) > len(words) && slices.Equal(call[1:len(words)+1], words)
	})
}

// Differs compares what a command has printed with what the document shows, and
// gives the lines of it; equal is whether they match. A line "..." stands for any
// lines, a word "..." for any word, and at the end of a line for any words; how many blanks part two words does not count.
func (c Command) Differs(printed []byte) (got []string, equal bool) {
	got = strings.Split(string(bytes.TrimRight(printed, "\n")), "\n")
	return got, matches(c.Prints, got)
}

// matches compares lines; "..." in want stands for any number of them.
func matches(want, got []string) bool {
	for i, w := range want {
		if w == "..." {
			rest := want[i+1:]
			return slices.ContainsFunc(indexes(len(got)), func(n int) bool { return n >= i && matches(rest, got[n:]) })
		}
		if i >= len(got) || !matchesLine(strings.Fields(w), strings.Fields(got[i])) {
			return false
		}
	}
	return len(want) == len(got) || len(want) == 0 && len(got) == 1 && got[0] == ""
}

func matchesLine(want, got []string) bool {
	if last := len(want) - 1; last > 0 && want[last] == "..." && len(got) >= last {
		want, got = want[:last], got[:last]
	}
	return slices.EqualFunc(want, got, func(w, g string) bool { return w == g || w == "..." })
}

// indexes are 0 to n, n included.
func indexes(n int) []int {
	all := make([]int, n+1)
	for i := range all {
		all[i] = i
	}
	return all
}

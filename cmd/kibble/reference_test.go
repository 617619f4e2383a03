package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kibble.dev/internal/golden"
)

const reference = "../../docs/reference"

const commandsHead = `# Every command

What ` + "`kibble COMMAND --help`" + ` says. This page is made from the commands themselves by ` + "`make generate`" + `.

## Exit codes

They are the same for all commands.

| Code | Meaning |
|---|---|
| 0 | all is well |
| %d | the command worked, and found mistakes, or differences |
| %d | it was called wrongly, or was given a file that cannot be read |
| %d | something that it needs cannot be reached: the cluster, or the server |

## Commands

`

// TestCommandsPage: docs/reference/commands.md describes every command, and each
// of them shows how it is used.
func TestCommandsPage(t *testing.T) {
	root := newRootCommand()
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	fmt.Fprintf(&b, commandsHead, exitFindings, exitUsage, exitUnreachable)
	all := below(root)
	for _, c := range all {
		if c.HasParent() && c.Parent() == root {
			fmt.Fprintf(&b, "- [%s](#%s): %s\n", c.CommandPath(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
		}
	}
	for _, c := range all {
		c.InitDefaultHelpFlag()
		section(&b, c)
		if ours := !strings.HasPrefix(c.CommandPath(), "kibble completion"); ours && !c.HasSubCommands() && c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
	}
	golden.Check(t, filepath.Join(reference, "commands.md"), b.String())
}

// below gives the commands of a command that people see, in the order of help.
func below(c *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			all = append(append(all, sub), below(sub)...)
		}
	}
	return all
}

func section(b *strings.Builder, c *cobra.Command) {
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n", c.CommandPath(), prose(long))
	if c.Runnable() && !c.HasSubCommands() {
		fmt.Fprintf(b, "\nUsage: `%s`\n", c.UseLine())
	}
	if c.HasSubCommands() {
		b.WriteString("\n")
		for _, sub := range below(c) {
			fmt.Fprintf(b, "- [%s](#%s): %s\n", sub.CommandPath(), strings.ReplaceAll(sub.CommandPath(), " ", "-"), sub.Short)
		}
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", dedent(c.Example))
	}
	rows := flagRows(c.NonInheritedFlags())
	if len(rows) > 0 {
		fmt.Fprintf(b, "\n| Flag | Default | What it says |\n|---|---|---|\n%s", strings.Join(rows, ""))
	}
}

// flagRows gives a line of a table for each flag but --help.
func flagRows(flags *pflag.FlagSet) []string {
	var rows []string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		typ, usage := pflag.UnquoteUsage(f)
		if typ != "" {
			name += " " + typ
		}
		value := "-"
		if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "false" {
			value = "`" + strings.Trim(f.DefValue, "[]") + "`"
		}
		rows = append(rows, "| `"+name+"` | "+value+" | "+escaped(usage)+" |\n")
	})
	return rows
}

// prose gives a help text as Markdown: what is indented there is a block.
func prose(text string) string {
	var out bytes.Buffer
	inBlock := false
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		line = strings.TrimPrefix(line, "#### ") // those of cobra are no headings of this page
		indented := strings.HasPrefix(line, "  ")
		switch {
		case indented && !inBlock:
			out.WriteString("\n```text\n")
		case !indented && inBlock:
			out.WriteString("```\n")
		}
		inBlock = indented
		if indented || strings.HasPrefix(line, "\t") { // with a tab it is a block already
			out.WriteString(line)
		} else {
			out.WriteString(escaped(line))
		}
	}
	if inBlock {
		out.WriteString("```\n")
	}
	return strings.TrimSpace(out.String())
}

// escaped takes the meaning of Markdown from what has one in it.
func escaped(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`).Replace(s)
}

// dedent takes the blanks away that help has before each line.
func dedent(s string) string {
	lines := strings.Split(strings.Trim(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}

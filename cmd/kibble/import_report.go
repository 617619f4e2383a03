package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"kibble.dev/dtab"
	"kibble.dev/importer"
)

// reportImport tells what was made, and what was found.
func reportImport(w io.Writer, format string, files int, objects []*importer.Object, found []dtab.Finding) error {
	// The worst comes first; within that, the order of the input.
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b dtab.Finding) int {
		return slices.Index(severities(), string(a.Severity)) - slices.Index(severities(), string(b.Severity))
	})
	switch format {
	case "json":
		return reportJSON(w, objects, found)
	case "markdown":
		return reportMarkdown(w, files, objects, found)
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if len(found) > 0 {
		fmt.Fprintln(t, "SEVERITY\tPLACE\tCODE\tWHAT, AND WHAT TO DO")
	}
	for _, f := range found {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Severity, f.Pos, f.Code, f.Message)
		if f.Hint != "" {
			fmt.Fprintf(t, "\t\t\t-> %s\n", f.Hint)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "kibble: "+summary(files, objects, found))
	return err
}

// summary is one line: what was made of how many files, and how it went.
func summary(files int, objects []*importer.Object, found []dtab.Finding) string {
	count := map[string]int{}
	for _, o := range objects {
		count[o.Kind]++
	}
	for _, f := range found {
		count[string(f.Severity)]++
	}
	var made []string
	for _, kind := range []struct{ one, many string }{{"Router", "Routers"}, {"Dtab", "Dtabs"}, {"DogfoodPolicy", "DogfoodPolicies"}} {
		if n := count[kind.one]; n > 0 {
			made = append(made, several(n, kind.one, kind.many))
		}
	}
	if len(made) == 0 {
		made = []string{"nothing"}
	}
	return fmt.Sprintf("%s from %s; %s, %s, %s", strings.Join(made, ", "), several(files, "file", "files"),
		several(count["error"], "error", "errors"), several(count["warning"], "warning", "warnings"), several(count["info"], "remark", "remarks"))
}

func several(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func reportJSON(w io.Writer, objects []*importer.Object, found []dtab.Finding) error {
	type object struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	}
	out := struct {
		Objects  []object       `json:"objects"`
		Findings []dtab.Finding `json:"findings"`
	}{Objects: []object{}, Findings: append([]dtab.Finding{}, found...)}
	for _, o := range objects {
		out.Objects = append(out.Objects, object{o.Kind, o.Name})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func reportMarkdown(w io.Writer, files int, objects []*importer.Object, found []dtab.Finding) error {
	var b strings.Builder
	b.WriteString("# Import: " + summary(files, objects, found) + "\n")
	cell := strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace
	if len(found) > 0 {
		b.WriteString("\n| Severity | Place | What | What to do | Code |\n|---|---|---|---|---|\n")
	}
	for _, f := range found {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", f.Severity, cell(f.Pos.String()), cell(f.Message), cell(f.Hint), f.Code)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

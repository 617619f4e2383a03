package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"kibble.dev/translate"
)

// diffMarkdown prints a difference as a comment for a pull request.
func diffMarkdown(w io.Writer, d *translate.Difference) error {
	var b strings.Builder
	b.WriteString("### What changes for requests\n\n")
	if d.Empty() {
		b.WriteString("Nothing: no request notices the change.\n")
	}
	if len(d.Moves) > 0 {
		b.WriteString("| Router | Host | Environment | From | To | Because of |\n|---|---|---|---|---|---|\n")
	}
	for _, m := range d.Moves {
		var why []string
		for _, c := range m.Why {
			why = append(why, causeText(c))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", cell(m.Router), cell(movedText(m)), cell(environmentText(m)),
			sharesCode(m.From), sharesCode(m.To), codes(why))
	}
	if len(d.Objects) > 0 {
		if len(d.Moves) > 0 {
			b.WriteString("\n")
		}
		for _, o := range d.Objects {
			b.WriteString("- " + code(objectText(o)) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sharesCode(shares []translate.RowShare) string {
	var all []string
	for i := range shares {
		all = append(all, shareText(shares, i))
	}
	return codes(all)
}

func codes(texts []string) string {
	if len(texts) == 0 {
		return "-"
	}
	for i, t := range texts {
		texts[i] = cell(t)
	}
	return strings.Join(texts, "<br>")
}

// cell is code for the cell of a table, where a bar would end it.
func cell(text string) string { return strings.ReplaceAll(code(text), "|", `\|`) }

// code makes a text stand as it is: what objects say must not become links,
// mentions or markup of a comment.
func code(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "-" || text == "" {
		return cmp.Or(text, "-")
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

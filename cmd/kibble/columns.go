package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// columns is a table with lines between its rows that are not part of the
// columns, which text/tabwriter cannot have.
type columns struct{ rows [][]string }

// row adds a row of cells.
func (c *columns) row(cells ...string) { c.rows = append(c.rows, cells) }

// line adds a line that stands by itself.
func (c *columns) line(text string) { c.rows = append(c.rows, []string{text}) }

// print writes all rows, with two blanks between columns.
func (c *columns) print(w io.Writer) error {
	var widths []int
	for _, r := range c.rows {
		for i, cell := range r {
			if len(r) == 1 {
				break
			}
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, r := range c.rows {
		var line strings.Builder
		for i, cell := range r {
			line.WriteString(cell)
			if i < len(r)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

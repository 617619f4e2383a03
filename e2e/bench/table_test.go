package bench_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// table is printed when it is complete: a line for each system, and in brackets
// how many times the value of the first line each value is.
type table struct {
	title string
	rows  []row
}

type row struct {
	name    string
	columns []column
}

type column struct {
	title string
	value float64
}

func newTable(title string) *table { return &table{title: title} }

func (p *table) add(name string, columns ...column) {
	p.rows = append(p.rows, row{name, columns})
}

// print writes the table with ratios, plain without.
func (p *table) print() { p.write(true) }

func (p *table) printPlain() { p.write(false) }

func (p *table) write(ratios bool) {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	titles := []string{""}
	for _, c := range p.rows[0].columns {
		titles = append(titles, c.title)
	}
	fmt.Fprintf(out, "\n%s\n%s\n", p.title, strings.Join(titles, "\t"))
	for i, r := range p.rows {
		cells := []string{r.name}
		for j, c := range r.columns {
			text := number(c.value)
			if first := p.rows[0].columns[j].value; ratios && i > 0 && first > 0 {
				text += fmt.Sprintf(" (%.2fx)", c.value/first)
			}
			cells = append(cells, text)
		}
		fmt.Fprintln(out, strings.Join(cells, "\t"))
	}
	_ = out.Flush()
}

// number writes three digits, or all before the point.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func quantile(took []time.Duration, q float64) time.Duration {
	slices.Sort(took)
	return took[int(q*float64(len(took)-1)+0.5)]
}

func median(values []float64) float64 {
	slices.Sort(values)
	if n := len(values); n%2 == 0 {
		return (values[n/2-1] + values[n/2]) / 2
	}
	return values[len(values)/2]
}

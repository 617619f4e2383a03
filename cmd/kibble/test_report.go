package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"kibble.dev/dtab"
	"kibble.dev/suite"
	"kibble.dev/translate"
)

// testReport is what became of the tests.
type testReport struct {
	options  *testRun
	results  []suite.Result
	mistakes []dtab.Finding
	coverage *suite.Coverage
}

// failed tells that something is not as it should be.
func (r *testReport) failed() bool {
	_, failures := r.count()
	return failures > 0 || r.coverage.Percent() < r.options.least
}

func (r *testReport) count() (passed, failed int) {
	for _, one := range r.results {
		if one.Passed() {
			passed++
		} else {
			failed++
		}
	}
	return passed, failed
}

func (r *testReport) print(w io.Writer, out *output) error {
	switch out.format {
	case "json":
		return out.print(w, r.json())
	case "junit":
		return r.junit(w)
	}
	var b bytes.Buffer
	for _, one := range r.results {
		switch {
		case !one.Passed():
			printFailure(&b, one)
		case r.options.verbose:
			fmt.Fprintf(&b, "ok    %s  %s\n", place(one.Pos), one.Name)
		}
	}
	passed, failed := r.count()
	switch {
	case failed > 0:
		fmt.Fprintf(&b, "%d of %d tests failed\n", failed, passed+failed)
	default:
		fmt.Fprintf(&b, "%s passed\n", counted(passed, "test"))
	}
	r.printCoverage(&b)
	_, err := b.WriteTo(w)
	return err
}

// printCoverage lists the rules that no test used, as far as that is wanted.
func (r *testReport) printCoverage(w io.Writer) {
	c := r.coverage
	low := c.Percent() < r.options.least
	if !r.options.coverage && !low {
		return
	}
	fmt.Fprintf(w, "coverage: %d of %s used, %s", c.Used(), counted(c.Rules(), "rule"), translate.Percent(c.Percent()/100))
	if low {
		fmt.Fprintf(w, "; --min-coverage asks for %s", translate.Percent(r.options.least/100))
	}
	fmt.Fprintln(w)
	for _, d := range c.Unused() {
		fmt.Fprintf(w, "  not used: %s\n", ruleText(&d))
	}
}

// printFailure says what was expected, what came, and why.
func printFailure(w io.Writer, r suite.Result) {
	fmt.Fprintf(w, "FAIL  %s  %s\n", place(r.Pos), r.Name)
	if r.Name != r.Asks {
		fmt.Fprintf(w, "      asked     %s\n", r.Asks)
	}
	if r.Problem != "" {
		fmt.Fprintf(w, "      problem   %s\n\n", r.Problem)
		return
	}
	for _, m := range r.Mismatches {
		fmt.Fprintf(w, "      %s\n        expected  %s\n        got       %s\n", m.Field, m.Expected, m.Got)
	}
	fmt.Fprintln(w)
	var why bytes.Buffer
	printExplanation(&why, r.Explanation, func(translate.PolicyVerdict) bool { return false })
	for line := range strings.Lines(why.String()) {
		if strings.TrimSpace(line) == "" {
			fmt.Fprintln(w)
			continue
		}
		fmt.Fprint(w, "      "+line)
	}
	fmt.Fprintln(w)
}

// place is file:line.
func place(p dtab.Pos) string {
	p.Col = 0
	return p.String()
}

// counted is a number with a noun.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

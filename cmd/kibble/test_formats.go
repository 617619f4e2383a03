package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"kibble.dev/dtab"
	"kibble.dev/suite"
)

// testsJSON is a report as JSON.
type testsJSON struct {
	Version  string         `json:"version"`
	Passed   int            `json:"passed"`
	Failed   int            `json:"failed"`
	Tests    []testJSON     `json:"tests"`
	Coverage coverageJSON   `json:"coverage"`
	Mistakes []dtab.Finding `json:"mistakes,omitempty"`
}

type testJSON struct {
	Name        string           `json:"name"`
	Asks        string           `json:"asks"`
	File        string           `json:"file"`
	Line        int              `json:"line"`
	Router      string           `json:"router"`
	Passed      bool             `json:"passed"`
	Mismatches  []suite.Mismatch `json:"mismatches,omitempty"`
	Problem     string           `json:"problem,omitempty"`
	Explanation *explained       `json:"explanation,omitempty"`
}

type coverageJSON struct {
	Rules   int        `json:"rules"`
	Used    int        `json:"used"`
	Percent float64    `json:"percent"`
	Unused  []ruleJSON `json:"unused"`
}

type ruleJSON struct {
	Rule   string `json:"rule"`
	Origin string `json:"origin"`
	Source string `json:"source"`
}

// json gives all that is known; of tests that passed not how.
func (r *testReport) json() testsJSON {
	j := testsJSON{Version: "kibble.dev/test/v1alpha1", Tests: []testJSON{}, Mistakes: r.mistakes}
	j.Passed, j.Failed = r.count()
	for _, one := range r.results {
		t := testJSON{
			Name: one.Name, Asks: one.Asks, File: one.Pos.Source, Line: one.Pos.Line, Router: one.Router(),
			Passed: one.Passed(), Mismatches: one.Mismatches, Problem: one.Problem,
		}
		if !one.Passed() && one.Explanation != nil {
			t.Explanation = &explained{one.Explanation, stepJSON(one.Explanation.Trace)}
		}
		j.Tests = append(j.Tests, t)
	}
	j.Coverage = coverageJSON{Rules: r.coverage.Rules(), Used: r.coverage.Used(), Percent: r.coverage.Percent(), Unused: []ruleJSON{}}
	for _, d := range r.coverage.Unused() {
		j.Coverage.Unused = append(j.Coverage.Unused, ruleJSON{d.Prefix.String() + " => " + d.Dst.String(), d.Origin, d.Pos.String()})
	}
	return j
}

// The XML that continuous integration reads: a suite for each file, a case for
// each test. There is no time in it: nothing here takes any that counts.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	File    string     `xml:"file,attr,omitempty"`
	Line    int        `xml:"line,attr,omitempty"`
	Failure *junitText `xml:"failure"`
	Error   *junitText `xml:"error"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",cdata"`
}

// junit prints the report as JUnit's XML. A mistake in a file is an error of a
// case of its own, so that nobody takes a file for tested that is not.
func (r *testReport) junit(w io.Writer) error {
	all := junitSuites{Name: "kibble"}
	at := map[string]int{}
	add := func(file string, c junitCase) {
		if _, ok := at[file]; !ok {
			at[file] = len(all.Suites)
			all.Suites = append(all.Suites, junitSuite{Name: file})
		}
		s := &all.Suites[at[file]]
		s.Cases = append(s.Cases, c)
		s.Tests++
		all.Tests++
		if c.Failure != nil {
			s.Failures++
			all.Failures++
		}
		if c.Error != nil {
			s.Errors++
			all.Errors++
		}
	}
	for _, f := range r.mistakes {
		add(f.Pos.Source, junitCase{Name: f.Message, Class: f.Code, File: f.Pos.Source, Line: f.Pos.Line, Error: &junitText{f.Message, f.String()}})
	}
	for _, one := range r.results {
		c := junitCase{Name: one.Name, Class: one.Router(), File: one.Pos.Source, Line: one.Pos.Line}
		if !one.Passed() {
			var text strings.Builder
			printFailure(&text, one)
			c.Failure = &junitText{inShort(one), text.String()}
		}
		add(one.Pos.Source, c)
	}
	if low := r.coverage.Percent() < r.options.least; low {
		var text strings.Builder
		r.printCoverage(&text)
		message, _, _ := strings.Cut(text.String(), "\n")
		add("coverage", junitCase{Name: "coverage", Class: "coverage", Failure: &junitText{message, text.String()}})
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("encode the output: %w", err)
	}
	_, err := fmt.Fprintln(w)
	return err
}

// inShort says in one line why a test failed.
func inShort(r suite.Result) string {
	if r.Problem != "" {
		return r.Problem
	}
	m := r.Mismatches[0]
	return m.Field + ": expected " + m.Expected + ", got " + m.Got
}

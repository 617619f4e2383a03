package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/suite"
	"kibble.dev/translate"
)

// newTestCommand makes `kibble test`.
func newTestCommand() *cobra.Command {
	var in input
	var out output
	var t testRun
	cmd := &cobra.Command{
		Use:   "test -f DIR [TESTS...]",
		Short: "Run tests of routing: files beside the objects that say where requests are to go",
		Long: `Run tests of routing: files that end in .test.yaml and say where requests are to
go. Without TESTS those below DIR are run; TESTS are such files, or directories
with some. docs/how-to/testing.md describes what stands in them.

A test that fails is printed with what was expected, what became of the request,
and each step of the delegation with the rule (file:line:column). The rules that
no test used are listed by --coverage, and --min-coverage asks for a share.

The exit code is 1 if a test fails, a file or an object has a mistake, or less
is covered than --min-coverage.`,
		Example: `  kibble test -f examples/hello-world
  kibble test -f examples/hello-world --run world --verbose
  kibble test -f routing tests --coverage --min-coverage 90
  kibble test -f routing -o junit > report.xml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.check(&out); err != nil {
				return err
			}
			return t.test(cmd, &in, &out, args)
		},
	}
	in.flags(cmd)
	out.flags(cmd, "table", "json", "junit")
	f := cmd.Flags()
	f.BoolVarP(&t.verbose, "verbose", "v", false, "print the tests that pass, too")
	f.BoolVar(&t.coverage, "coverage", false, "print which rules no test used")
	f.Float64Var(&t.least, "min-coverage", 0, "the exit code is 1 if fewer percent of the rules are used")
	f.StringVar(&t.only, "run", "", "only tests whose name matches this regular expression")
	return cmd
}

// testRun is what of the tests is wanted.
type testRun struct {
	verbose, coverage bool
	least             float64
	only              string
	matches           *regexp.Regexp
}

func (t *testRun) check(out *output) error {
	if err := out.check(); err != nil {
		return err
	}
	if t.least < 0 || t.least > 100 {
		return fmt.Errorf("--min-coverage %v is not a share: want percents from 0 to 100", t.least)
	}
	var err error
	if t.matches, err = regexp.Compile(t.only); err != nil {
		return fmt.Errorf("--run %q is not a regular expression: %w", t.only, err)
	}
	if t.only != "" && t.least > 0 {
		return errors.New("--run leaves tests out, and --min-coverage counts what all of them use: use one of them")
	}
	return nil
}

func (t *testRun) test(cmd *cobra.Command, in *input, out *output, places []string) error {
	tests, mistakes, err := t.read(in, places)
	if err != nil {
		return err
	}
	inventory, found, err := in.inventory(cmd)
	if err != nil {
		return err
	}
	now := time.Now()
	found = append(found, translate.NewModel(inventory, now).Findings()...)
	printFindings(cmd.ErrOrStderr(), slices.Concat(found, mistakes))
	report := testReport{mistakes: mistakes, options: t}
	report.results, report.coverage = suite.Run(inventory, tests, now)
	if err := report.print(cmd.OutOrStdout(), out); err != nil {
		return err
	}
	if report.failed() {
		return &exitError{code: exitFindings}
	}
	return verdict(slices.Concat(found, mistakes))
}

// read reads the tests that are wanted.
func (t *testRun) read(in *input, places []string) (tests []suite.Test, mistakes []dtab.Finding, err error) {
	if len(places) == 0 {
		if in.path == "" && !in.cluster.asked() {
			return nil, nil, errNothingToRead
		}
		if in.path == "" || in.path == "-" {
			return nil, nil, wrongf("which tests? give files that end in .test.yaml, or directories with some, behind the flags")
		}
		place := beside(in.path)
		if _, err := os.Stat(place); place != in.path && errors.Is(err, fs.ErrNotExist) {
			return nil, nil, wrongf("there are no tests of %s: want them in %s", quoted(in.path), quoted(place))
		}
		places = []string{place}
	}
	files := map[string]string{}
	for _, place := range places {
		some, err := discovery.Tests(place)
		switch {
		case err != nil:
			return nil, nil, cannotRead(place, err)
		case len(some) == 0:
			return nil, nil, wrongf("there are no tests in %s: want files that end in .test.yaml", quoted(place))
		}
		for _, f := range some {
			files[f.Name] = f.Text
		}
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		some, found := suite.Read(file, []byte(files[file]))
		tests, mistakes = append(tests, some...), append(mistakes, found...)
	}
	all := len(tests)
	tests = slices.DeleteFunc(tests, func(one suite.Test) bool { return !t.matches.MatchString(one.Name) })
	if all > 0 && len(tests) == 0 {
		return nil, nil, wrongf("no test has a name that matches --run %q", t.only)
	}
	return tests, mistakes, nil
}

// beside gives where the tests of objects are: below their directory, or in the
// file beside theirs.
func beside(path string) string {
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return path
	}
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".test.yaml"
}

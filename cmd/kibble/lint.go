package main

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds/trial"
)

// newLintCommand makes `kibble lint`.
func newLintCommand() *cobra.Command {
	var in input
	var out output
	var failOn, envoy string
	cmd := &cobra.Command{
		Use:   "lint -f DIR",
		Short: "Find mistakes in objects, and rules that hardly do what they are meant to",
		Long: `Find mistakes in objects, such as an API server would refuse, and what can be
served but hardly does what it is meant to: rules that are never used, names
that go in circles, services that do not exist, overrides that change nothing,
policies that anybody can satisfy. Each finding has a code that
docs/reference/findings.md explains.

The exit code is 1 if there is a finding as bad as --fail-on, or worse; with
never it is 0 whatever was found.`,
		Example: `  kibble lint -f examples/hello-world
  kibble lint -f routing --fail-on warning
  kibble lint -f routing -o sarif > kibble.sarif`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if !slices.Contains(severities(), failOn) {
				return fmt.Errorf("unknown severity %q of --fail-on: use one of error, warning, info, never", failOn)
			}
			m, found, err := in.read(cmd)
			if err != nil {
				return err
			}
			snapshot, more := m.Snapshot()
			refused, err := askEnvoy(cmd, envoy, snapshot)
			if err != nil {
				return err
			}
			found = dtab.SortFindings(slices.Concat(found, more, m.Lint(), refused))
			if err := printLint(cmd.OutOrStdout(), cmd.ErrOrStderr(), found, &out); err != nil {
				return err
			}
			if fails(found, failOn) {
				return &exitError{code: exitFindings}
			}
			return nil
		},
	}
	in.flags(cmd)
	out.flags(cmd, "table", "json", "sarif")
	cmd.Flags().StringVar(&envoy, "validate-with-envoy", "", "also ask this Envoy program whether it takes what becomes of the objects")
	cmd.Flags().StringVar(&failOn, "fail-on", "error", "the exit code is 1 for findings of this severity and worse: error, warning, info, never")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions([]cobra.Completion{"error", "warning", "info", "never"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// askEnvoy gives what an Envoy refuses of a snapshot; nothing where no program is
// named.
func askEnvoy(cmd *cobra.Command, envoy string, snapshot *translate.Snapshot) ([]dtab.Finding, error) {
	if envoy == "" {
		return nil, nil
	}
	t := trial.New(trial.Options{Envoy: envoy, Limit: time.Minute, Logger: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))})
	found := trial.Findings(snapshot, t.Check(cmd.Context(), snapshot))
	if _, all := t.Knows(snapshot); !all {
		return nil, &exitError{code: exitUnreachable, err: fmt.Errorf("--validate-with-envoy %s: it could not be asked about everything", envoy)}
	}
	return found, nil
}

// severities are what --fail-on may say, worst first.
func severities() []string {
	return []string{string(dtab.Error), string(dtab.Warning), string(dtab.Info), failNever}
}

// failNever of --fail-on does not mind what was found.
const failNever = "never"

// fails tells that something found is as bad as --fail-on says, or worse.
func fails(found []dtab.Finding, failOn string) bool {
	worst := slices.Index(severities(), failOn)
	return failOn != failNever && slices.ContainsFunc(found, func(f dtab.Finding) bool {
		return slices.Index(severities(), string(f.Severity)) <= worst
	})
}

func printLint(w, notes io.Writer, found []dtab.Finding, out *output) error {
	switch out.format {
	case "json":
		return out.print(w, struct {
			Version  string         `json:"version"`
			Findings []dtab.Finding `json:"findings"`
		}{"kibble.dev/lint/v1alpha1", append([]dtab.Finding{}, found...)})
	case "sarif":
		return out.print(w, newSARIF(found))
	}
	if len(found) == 0 {
		fmt.Fprintln(notes, "kibble: nothing was found")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "SEVERITY\tCODE\tWHERE\tWHAT")
	for _, f := range found {
		text := f.Message
		if f.Hint != "" {
			text += "; " + f.Hint
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Severity, f.Code, cmp.Or(f.Pos.String(), "-"), text)
	}
	return t.Flush()
}

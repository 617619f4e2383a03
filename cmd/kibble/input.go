package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// input is where a command reads objects from.
type input struct{ path string }

func (in *input) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&in.path, "filename", "f", "", "directory or file of YAML, or - for standard input")
	_ = cmd.MarkFlagRequired("filename") // fails for a flag that is not there only
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
}

// model reads the objects. Findings go to stderr; the model holds what is good.
func (in *input) model(cmd *cobra.Command) (*translate.Model, []dtab.Finding, error) {
	var inv *translate.Inventory
	var found []dtab.Finding
	var err error
	if in.path == "-" {
		inv, found, err = discovery.ReadStream("stdin", cmd.InOrStdin())
	} else {
		inv, found, err = discovery.ReadDir(in.path)
	}
	if err != nil {
		return nil, nil, unreadable(in.path, err)
	}
	m := translate.NewModel(inv, time.Now())
	found = append(found, m.Findings()...)
	printFindings(cmd.ErrOrStderr(), found)
	if len(inv.Routers) == 0 && len(found) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "kibble: there is no Router in %s: nothing is routed\n", quoted(in.path))
	}
	return m, found, nil
}

func printFindings(w io.Writer, found []dtab.Finding) {
	for _, f := range found {
		fmt.Fprintln(w, f)
	}
}

// verdict ends a command that showed what it could: with 1 where an object is wrong.
func verdict(found []dtab.Finding) error {
	for _, f := range found {
		if f.Severity == dtab.Error {
			return &exitError{code: exitFindings}
		}
	}
	return nil
}

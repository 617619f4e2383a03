package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

var errNothingToRead = wrongf("nothing to read: give -f DIR for files, or --kubeconfig FILE, --context NAME or -n NAMESPACE for a cluster")

// input is where a command reads objects from.
type input struct {
	path    string
	cluster cluster
}

func (in *input) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&in.path, "filename", "f", "", "directory or file of YAML, or - for standard input")
	in.cluster.flags(cmd)
	cmd.Flags().StringSliceVarP(&in.cluster.namespaces, "namespace", "n", nil, "read a cluster: these namespaces only; default all")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
}

// model reads the objects. Findings go to stderr; the model holds what is good.
func (in *input) model(cmd *cobra.Command) (*translate.Model, []dtab.Finding, error) {
	m, found, err := in.read(cmd)
	printFindings(cmd.ErrOrStderr(), found)
	return m, found, err
}

// read reads the objects. The model holds what is good, the findings say what is not.
func (in *input) read(cmd *cobra.Command) (*translate.Model, []dtab.Finding, error) {
	inv, found, err := in.inventory(cmd)
	if err != nil {
		return nil, nil, err
	}
	m := translate.NewModel(inv, time.Now())
	found = append(found, m.Findings()...)
	if len(inv.Routers) == 0 && verdict(found) == nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "kibble: there is no Router in %s: nothing is routed\n", in.where())
	}
	return m, found, nil
}

// where says where the objects are read from.
func (in *input) where() string {
	switch {
	case in.path == "-":
		return "the standard input"
	case in.path != "":
		return quoted(in.path)
	case len(in.cluster.namespaces) > 0:
		return "namespace " + strings.Join(in.cluster.namespaces, " or ")
	}
	return "the cluster"
}

// inventory reads the objects. The findings say what is left out.
func (in *input) inventory(cmd *cobra.Command) (*translate.Inventory, []dtab.Finding, error) {
	var inv *translate.Inventory
	var found []dtab.Finding
	var err error
	switch given := cmd.Flags().Changed("filename"); {
	case given && in.cluster.asked():
		return nil, nil, wrongf("-f reads files; --kubeconfig, --context and -n read a cluster: give one or the other")
	case !given && !in.cluster.asked() && !isPlugin(cmd):
		return nil, nil, errNothingToRead
	case !given:
		return in.cluster.read(cmd.Context())
	case in.path == "-":
		inv, found, err = discovery.ReadStream("stdin", cmd.InOrStdin())
	default:
		inv, found, err = discovery.ReadDir(in.path)
	}
	if err != nil {
		return nil, nil, unreadable(in.path, err)
	}
	return inv, found, nil
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

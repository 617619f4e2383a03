package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"kibble.dev/charts"
	"kibble.dev/internal/jsonschema"
)

// newSchemaCommand makes `kibble schema`.
func newSchemaCommand() *cobra.Command {
	var out output
	var dir string
	cmd := &cobra.Command{
		Use:   "schema [KIND]",
		Short: "Print the JSON schema of our objects, so that editors check YAML",
		Long: `Print the JSON schema of our objects, so that editors check and complete YAML. It
is made of the CustomResourceDefinitions of the chart. Without KIND it is one
schema for all kinds, in files where other objects may stand beside them.

With --dir a file for each kind is written, and one for all, kibble.json.

What only a cluster's rules say, such as that one of two fields must be set, is
not in a schema; kibble lint checks it.`,
		Example: `  kibble schema > kibble.json
  kibble schema Router -o yaml
  kibble schema --dir schemas`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			kinds, err := schemas()
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return kindNames(kinds), cobra.ShellCompDirectiveNoFileComp
		},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("want one KIND, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			kinds, err := schemas()
			if err != nil {
				return err
			}
			all := map[string]jsonschema.Schema{"kibble": jsonschema.All(kinds)}
			for _, k := range kinds {
				all[strings.ToLower(k.Kind)] = k.Alone()
			}
			wanted := "kibble"
			if len(args) == 1 {
				wanted = strings.ToLower(args[0])
			}
			switch {
			case all[wanted] == nil || len(args) == 1 && wanted == "kibble":
				return wrongf("there is no kind %q; there are: %s", args[0], strings.Join(kindNames(kinds), ", "))
			case dir == "":
				return out.print(cmd.OutOrStdout(), all[wanted])
			case len(args) == 1:
				return wrongf("--dir writes all schemas: leave %s away", args[0])
			}
			return writeSchemas(dir, all, &out)
		},
	}
	out.flags(cmd, "json", "yaml")
	cmd.Flags().StringVar(&dir, "dir", "", "write a file for each kind, and one for all, into this directory")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

func schemas() ([]jsonschema.Kind, error) {
	crds, err := charts.CRDs()
	if err != nil {
		return nil, err
	}
	return jsonschema.Of(crds)
}

func kindNames(kinds []jsonschema.Kind) []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Kind
	}
	return names
}

func writeSchemas(dir string, all map[string]jsonschema.Schema, out *output) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return wrongf("--dir %s cannot be made: %w", quoted(dir), err)
	}
	for name, schema := range all {
		f, err := os.Create(filepath.Join(dir, name+"."+out.format))
		if err != nil {
			return wrongf("--dir %s cannot be written: %w", quoted(dir), err)
		}
		err = out.print(f, schema)
		if closed := f.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return wrongf("--dir %s cannot be written: %w", quoted(dir), err)
		}
	}
	return nil
}

package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// envoyVersion is the Envoy that everything is tested with.
const envoyVersion = "1.40.0"

// newVersionCommand makes `kibble version`.
func newVersionCommand() *cobra.Command {
	var out output
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program, and of the Envoy it is made for",
		Example: "  kibble version -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			v := version()
			if out.format != "table" {
				return out.print(cmd.OutOrStdout(), v)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "kibble %s (%s), for Envoy %s\n", v.Version, v.Go, v.Envoy)
			return nil
		},
	}
	out.flags(cmd, "table", "json", "yaml")
	return cmd
}

type versions struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	Envoy   string `json:"envoy"`
}

func version() versions {
	v := versions{Version: "unknown", Go: runtime.Version(), Envoy: envoyVersion}
	if info, ok := debug.ReadBuildInfo(); ok {
		revision := ""
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
		v.Version = cmp.Or(revision, info.Main.Version, v.Version)
	}
	return v
}

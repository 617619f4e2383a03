package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// The names under which kubectl runs a plugin, and asks what may be typed next.
const (
	pluginName   = "kubectl-kibble"
	completeName = "kubectl_complete-kibble"
)

// rootFor gives `kibble` as it is under the name that the program was started
// by: as a plugin it is `kubectl kibble`, in all of its texts.
func rootFor(program string) *cobra.Command {
	root := newRootCommand()
	name := strings.TrimSuffix(filepath.Base(program), ".exe")
	if name != pluginName && name != completeName {
		return root
	}
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl kibble"}
	var rename func(*cobra.Command)
	rename = func(c *cobra.Command) {
		c.Example = strings.ReplaceAll(c.Example, "  kibble ", "  kubectl kibble ")
		for _, sub := range c.Commands() {
			rename(sub)
		}
	}
	rename(root)
	return root
}

// argumentsFor gives the arguments of the program: kubectl asks for completions
// by a name of its own.
func argumentsFor(program string, args []string) []string {
	if strings.TrimSuffix(filepath.Base(program), ".exe") != completeName {
		return args
	}
	return append([]string{cobra.ShellCompRequestCmd}, args...)
}

// isPlugin tells that kubectl runs the program: then it reads the cluster that
// kubectl would, unless something else is given.
func isPlugin(cmd *cobra.Command) bool {
	return cmd.Root().Annotations[cobra.CommandDisplayNameAnnotation] != ""
}

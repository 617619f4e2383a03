package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is how many columns help takes at most.
const helpWidth = "100"

// newRootCommand makes `kibble`.
func newRootCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kibble",
		Short: "Route requests through Envoy by delegation tables",
		Long: `Kibble is a control plane for Envoy. It routes by delegation tables (dtabs), as
linkerd 1.x did, and lets chosen people use new versions of services first.

Exit codes: 0 all is well, 1 mistakes were found, 2 wrong usage, 3 something
that is needed cannot be reached.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.SetUsageTemplate(strings.ReplaceAll(cmd.UsageTemplate(), "Flags.FlagUsages ", "Flags.FlagUsagesWrapped "+helpWidth+" "))
	cmd.AddCommand(newServeCommand(), newPreviewCommand(), newDiffCommand(), newLintCommand(), newTestCommand(), newExplainCommand(), newDtabCommand(),
		newImportCommand(), newBootstrapCommand(), newCertsCommand(), newInjectCommand(), newWebhookCommand(), newProxiesCommand(), newConfigCommand(), newSchemaCommand(), newDrainCommand(), newVersionCommand())
	refuseShells(cmd)
	return cmd
}

// refuseShells has cobra's own command for completion refuse a shell that it does not
// know; it would print its help and end with 0.
func refuseShells(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = noArgs
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

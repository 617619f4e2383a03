package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"kibble.dev/dtab"
)

// newDtabCommand makes `kibble dtab`.
func newDtabCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dtab",
		Short: "Check, format and evaluate delegation tables",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDtabCheckCommand(), newDtabFmtCommand(), newDtabEvalCommand())
	return cmd
}

// oneFile takes the name of a file, or nothing for the standard input.
func oneFile(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("want one FILE, or none or - for standard input, not %d", len(args))
	}
	return nil
}

func newDtabCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE|-]",
		Short: "Say whether a file is a delegation table",
		Long: `Say whether a file, or the standard input, is a delegation table. Each finding
is one line, file:line:column: what is wrong. There is no output if all is well.`,
		Example: `  kibble dtab check base.dtab
  echo '/host/world => /srv/world-v2' | kibble dtab check`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, text, err := readText(cmd, args)
			if err != nil {
				return err
			}
			_, err = dtab.Parse(dtab.Source{Name: name}, text)
			return printSyntax(cmd.OutOrStdout(), err)
		},
	}
}

func newDtabFmtCommand() *cobra.Command {
	var write bool
	cmd := &cobra.Command{
		Use:   "fmt [-w] [FILE|-]",
		Short: "Lay a delegation table out",
		Long: `Print a delegation table with one rule a line and the arrows below each other.
Comments stay, and so do weights and paths as they were written.`,
		Example: `  kibble dtab fmt base.dtab
  kibble dtab fmt -w base.dtab`,
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if write && (len(args) == 0 || args[0] == "-") {
				return errors.New("-w needs a file to write to")
			}
			name, text, err := readText(cmd, args)
			if err != nil {
				return err
			}
			formatted, err := dtab.Format(text)
			switch {
			case err != nil:
				// Format does not know the file's name.
				_, err = dtab.Parse(dtab.Source{Name: name}, text)
				return printSyntax(cmd.ErrOrStderr(), err)
			case !write:
				_, err = io.WriteString(cmd.OutOrStdout(), formatted)
				return err
			case formatted == text:
				return nil
			}
			return overwrite(args[0], formatted)
		},
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write the result to the file instead of printing it")
	return cmd
}

// readText reads the file that the arguments name, or the standard input.
func readText(cmd *cobra.Command, args []string) (name, text string, err error) {
	path := "-"
	if len(args) > 0 {
		path = args[0]
	}
	name, b, err := readAll(cmd, path)
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = wrongf("%s cannot be read: %w; give a file, or the table itself on the standard input", quoted(path), at.Err)
	}
	return name, string(b), err
}

// readAll reads a file, or the standard input where the path is "-"; name is what
// findings call it.
func readAll(cmd *cobra.Command, path string) (name string, text []byte, err error) {
	if path != "-" {
		text, err = os.ReadFile(path)
		return path, text, err
	}
	if text, err = io.ReadAll(cmd.InOrStdin()); err != nil {
		err = fmt.Errorf("read the standard input: %w", err)
	}
	return "stdin", text, err
}

// overwrite replaces a file's content and keeps its mode.
func overwrite(file, text string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), info.Mode().Perm())
}

// printSyntax prints a syntax error as a finding. Other errors go through.
func printSyntax(w io.Writer, err error) error {
	var syntax *dtab.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	if _, err := fmt.Fprintln(w, syntax.Finding()); err != nil {
		return err
	}
	return &exitError{code: exitFindings}
}

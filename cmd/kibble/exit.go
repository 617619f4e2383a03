package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes of all commands.
const (
	exitFindings    = 1 // the command worked, and found mistakes
	exitUsage       = 2 // the command was called wrongly
	exitUnreachable = 3 // something that the command needs does not answer
)

// exitError ends the program with a code. A nil err says that everything has
// been printed already.
type exitError struct {
	code int
	err  error
}

// Error gives the reason.
func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap gives the reason.
func (e *exitError) Unwrap() error { return e.err }

// wrongf is a mistake in the values that a command was given.
func wrongf(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// noArgs refuses arguments. Cobra's own says "unknown command", also where
// there are no commands.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		var names []string
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				names = append(names, c.Name())
			}
		}
		return fmt.Errorf("%s has no command %q; it has: %s", cmd.CommandPath(), args[0], strings.Join(names, ", "))
	}
	return fmt.Errorf("%s takes no arguments, but was given %q: values are given with flags", cmd.CommandPath(), strings.Join(args, " "))
}

// unreadable says that what -f names cannot be read.
func unreadable(path string, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		path = at.Path
	}
	return wrongf("-f %s cannot be read: %w; give a directory or a file of YAML, or - for standard input", quoted(path), reason(err))
}

// cannotRead says that a path that is an argument cannot be read.
func cannotRead(path string, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		path = at.Path
	}
	return wrongf("%s cannot be read: %w; give a directory or a file of YAML", quoted(path), reason(err))
}

// reason gives what is wrong with a file, without its path.
func reason(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return at.Err
	}
	return err
}

// quoted makes an empty path visible.
func quoted(path string) string {
	if path == "" || strings.ContainsAny(path, " \t") {
		return fmt.Sprintf("%q", path)
	}
	return path
}

// exitCode gives the code that an error of a command ends the program with.
// Errors that are not an exitError are cobra's own, about flags and arguments,
// or a command's about what it was told.
func exitCode(err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	return exitUsage
}

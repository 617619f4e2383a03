package main

import "errors"

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

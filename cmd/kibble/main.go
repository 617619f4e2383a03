// Command kibble is the control plane and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

// run runs the command that the arguments name, until it is done or the program
// is told to end, and gives the exit code.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := rootFor(os.Args[0])
	root.SetArgs(argumentsFor(os.Args[0], os.Args[1:]))
	out := &written{to: os.Stdout}
	root.SetOut(out)
	cmd, err := root.ExecuteContextC(ctx)
	if out.err != nil {
		err = &exitError{code: exitUnreachable, err: fmt.Errorf("the output cannot be written: %w", out.err)}
	}
	if err != nil && err.Error() != "" {
		fmt.Fprintln(os.Stderr, "kibble: "+err.Error())
	}
	var told *exitError
	if err != nil && !errors.As(err, &told) {
		fmt.Fprintln(os.Stderr, "See "+cmd.CommandPath()+" --help.")
	}
	return exitCode(err)
}

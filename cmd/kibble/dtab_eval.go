package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"kibble.dev/internal/vector"
)

func newDtabEvalCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "eval",
		Short: "Answer test vectors: JSON lines in, JSON lines out",
		Long: `Read one JSON object a line from the standard input and print one answer a line.

  {"id":1,"kind":"nametree","input":"/a | ~"}   parse a path, prefix, nametree, dentry or dtab
  {"id":2,"dtab":"/a => /b","path":"/a"}        bind a path; "override", "services" (ids that
                                                exist) and "namers" may be given too

A line that is neither is answered with an "error", and the exit code is 1.`,
		Example: `  echo '{"dtab":"/svc => /$/inet/127.1/80","path":"/svc"}' | kibble dtab eval`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return evalLines(cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// evalLines answers each line. An answer is written before the next line is
// waited for.
func evalLines(r io.Reader, w io.Writer) error {
	lines := bufio.NewReader(r)
	malformed := false
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the standard input: %w", err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			answer, wrong := vector.Answer(line)
			malformed = malformed || wrong != nil
			if _, err := w.Write(append(answer, '\n')); err != nil {
				return fmt.Errorf("write an answer: %w", err)
			}
		}
		if err != nil {
			break
		}
	}
	if malformed {
		return &exitError{code: exitFindings}
	}
	return nil
}

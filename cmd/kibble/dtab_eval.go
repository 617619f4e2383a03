package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"kibble.dev/internal/parallel"
	"kibble.dev/internal/vector"
)

func newDtabEvalCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "eval",
		Short: "Answer test vectors: JSON lines in, JSON lines out",
		Long: `Read one JSON object a line from the standard input and print one answer a line,
in order. This is the batch interface for tests and tools. The members of an
object tell what is asked for:

  {"id":1,"kind":"nametree","input":"/a | ~"}    Parse a text. The kind is path,
      prefix, nametree, dentry or dtab. The answer has "ok"; then "show", the
      canonical text, and by kind "simplified", "eval", "segments" or "dentries";
      or else "error".
  {"id":2,"dtab":"/a => /b","path":"/a"}         Bind a path. There may be "override"
      (rules behind the table), "services" (the full ids that exist) and "namers"
      (objects with "kind", and maybe "prefix", "labelSelector", "pattern",
      "name"). The answer is "expected": "outcome" (bound, neg, empty, fail, error
      or parse-error), "tree", "leaves" with their shares, or "error".

The id, which may be anything, is repeated. A line that is neither is answered
with an "error", and the exit code is 1.`,
		Example: `  echo '{"dtab":"/svc => /$/inet/127.1/80","path":"/svc"}' | kibble dtab eval`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return evalLines(cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// evalLines answers each line, in order. Lines that have arrived together are
// answered at once by all processors; an answer is written before the next line
// is waited for.
func evalLines(r io.Reader, w io.Writer) error {
	lines := bufio.NewReaderSize(r, 1<<20)
	malformed := false
	for {
		batch, err := readBatch(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the standard input: %w", err)
		}
		var text []byte
		for _, a := range answerAll(batch) {
			malformed = malformed || a.wrong
			text = append(append(text, a.text...), '\n')
		}
		if _, err := w.Write(text); err != nil {
			return fmt.Errorf("write the answers: %w", err)
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

// readBatch waits for a line and takes those that have arrived with it. Blank
// lines are left out.
func readBatch(r *bufio.Reader) (batch [][]byte, err error) {
	for {
		var line []byte
		line, err = r.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			batch = append(batch, line)
		}
		arrived, _ := r.Peek(r.Buffered()) // never asks for more than there is
		if err != nil || !bytes.ContainsRune(arrived, '\n') {
			return batch, err
		}
	}
}

type evalAnswer struct {
	text  []byte
	wrong bool // the line is not a vector
}

func answerAll(batch [][]byte) []evalAnswer {
	answers := make([]evalAnswer, len(batch))
	parallel.Each(len(batch), func(i int) {
		text, err := vector.Answer(batch[i])
		answers[i] = evalAnswer{text: text, wrong: err != nil}
	})
	return answers
}

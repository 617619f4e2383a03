package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// written is what commands print to. It keeps why something of it is lost: a
// command that prints does not look at each line.
type written struct {
	to  io.Writer
	err error
}

// Write passes on what is printed.
func (w *written) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if err != nil {
		w.err = reason(err)
	}
	return n, err
}

// output is the -o flag.
type output struct {
	format  string
	formats []string
}

func (o *output) flags(cmd *cobra.Command, formats ...string) {
	o.formats = formats
	cmd.Flags().StringVarP(&o.format, "output", "o", formats[0], "output: "+strings.Join(formats, ", "))
	completions := make([]cobra.Completion, len(formats))
	copy(completions, formats)
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(completions, cobra.ShellCompDirectiveNoFileComp))
}

func (o *output) check() error {
	if !slices.Contains(o.formats, o.format) {
		return fmt.Errorf("unknown output %q: use one of %s", o.format, strings.Join(o.formats, ", "))
	}
	return nil
}

// print writes a value as JSON or YAML.
func (o *output) print(w io.Writer, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // rules are full of arrows
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode the output: %w", err)
	}
	if o.format == "yaml" {
		b, err := yaml.JSONToYAML(text.Bytes())
		if err != nil {
			return fmt.Errorf("encode the output: %w", err)
		}
		_, err = w.Write(b)
		return err
	}
	_, err := text.WriteTo(w)
	return err
}

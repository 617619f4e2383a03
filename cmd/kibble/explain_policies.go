package main

import (
	"fmt"
	"io"
	"strings"

	"kibble.dev/translate"
)

// printVerdicts prints one line for each policy and why it holds or not, and
// below it, where they are wanted, the parts of its condition. Of the members
// of a family that do not hold there is one line in all.
func printVerdicts(w io.Writer, policies []translate.PolicyVerdict, parts func(translate.PolicyVerdict) bool) {
	idle := map[string]int{}
	for _, p := range policies {
		if p.Family != "" && !p.Holds && !parts(p) {
			idle[p.Family]++
		}
	}
	for _, p := range policies {
		word, name := "does not hold", p.ID
		if p.Holds {
			word = "holds"
		} else if n := idle[p.Family]; n > 1 && !parts(p) {
			idle[p.Family] = -1 // said
			word, name = fmt.Sprintf("does not hold for %d members, such as %s", n, p.ID), p.Family
		} else if n < 0 && !parts(p) {
			continue
		}
		if parts(p) {
			fmt.Fprintf(w, "policy   %s %s (%s)\n", name, word, p.Source)
			for line := range strings.Lines(p.Verdict.String()) {
				fmt.Fprint(w, "           "+line)
			}
			continue
		}
		fmt.Fprintf(w, "policy   %s %s: %s (%s)\n", name, word, p.Why, p.Source)
	}
}

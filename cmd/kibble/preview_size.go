package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"kibble.dev/translate"
)

// classSize is how much one proxy of a class is told.
type classSize struct {
	Class string `json:"class"`
	translate.Size
}

func (p *preview) sizes() bool { return p.size || p.maxBytes > 0 }

// printSizes shows how much proxies are told, and ends with findings if that is
// more than they may be.
func (p *preview) printSizes(w, notes io.Writer, m *translate.Model, s *translate.Snapshot, out *output) error {
	keep, err := m.Keep(s, p.router)
	if err != nil {
		return err
	}
	all := []classSize{}
	for _, name := range slices.Sorted(maps.Keys(s.Classes)) {
		if p.class != "" && name != p.class {
			continue
		}
		size, err := s.Classes[name].Size(keep)
		if err != nil {
			return err
		}
		all = append(all, classSize{name, size})
	}
	if out.format == "table" {
		err = printSizeTable(w, all)
	} else {
		err = out.print(w, all)
	}
	if err != nil {
		return err
	}
	for _, c := range all {
		if p.maxBytes > 0 && c.Bytes > p.maxBytes {
			fmt.Fprintf(notes, "kibble: a proxy of class %s is told %d bytes, more than %d\n", c.Class, c.Bytes, p.maxBytes)
			err = &exitError{code: exitFindings}
		}
	}
	return err
}

func printSizeTable(w io.Writer, all []classSize) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "CLASS\tLISTENERS\tHOSTS\tROUTES\tCLUSTERS\tENDPOINTS\tBYTES\tTOLD")
	for _, c := range all {
		told := "all"
		if c.OnDemand {
			told = "a part, on demand"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", c.Class, c.Listeners, c.Hosts, c.Routes, c.Clusters, c.Endpoints, c.Bytes, told)
	}
	return t.Flush()
}

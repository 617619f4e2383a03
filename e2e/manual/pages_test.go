//go:build linux

package manual_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"kibble.dev/internal/docstest"
)

// pages are the documents whose commands are run here, in an order in which the
// cluster is used sparingly: each makes what it needs, if it is not there.
func pages() []page {
	return slices.Concat(withFiles(), withDemo(), withShop())
}

// Every command of every document that no other test runs is run, on the page
// where it stands.
func TestManual(t *testing.T) {
	l := start(t)
	for _, p := range pages() {
		t.Run(p.file, func(t *testing.T) { l.read(t, p).follow() })
	}
}

// Every document that has commands to be run here is among the pages, once.
func TestPages(t *testing.T) {
	_, blocks, err := docstest.Read(root)
	must(t, err)
	want := map[string]bool{}
	for _, b := range blocks {
		far, err := b.Afar()
		must(t, err)
		if far {
			want[strings.TrimPrefix(b.File, root+"/")] = true
		}
	}
	var got []string
	for _, p := range pages() {
		got = append(got, p.file)
	}
	slices.Sort(got)
	if all := slices.Sorted(maps.Keys(want)); !slices.Equal(got, all) {
		t.Errorf("pages that are followed here:\n%s\nwant those with commands that take a cluster or a reader's files:\n%s", strings.Join(got, "\n"), strings.Join(all, "\n"))
	}
}

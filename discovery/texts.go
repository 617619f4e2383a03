package discovery

import (
	"fmt"
	"maps"
	"slices"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// Text is a file that somebody else has read.
type Text struct {
	// Name is what findings call it.
	Name string `json:"name"`
	Text string `json:"text"`
}

// ReadTexts reads the manifests of texts, as ReadDir does those of a directory,
// but opens no other files that these name.
func ReadTexts(texts []Text) (*translate.Inventory, []dtab.Finding) {
	d := newDirectory(".")
	var found []dtab.Finding
	for _, t := range texts {
		objects, f := d.parse(t.Name, []byte(t.Text))
		d.store.set(t.Name, objects)
		found = append(found, f...)
	}
	return d.store.inventory(), dtab.SortFindings(append(found, d.findings()...))
}

// Texts gives the texts of the manifests below a directory, or of one file,
// sorted by name.
func Texts(path string) ([]Text, error) { return texts(path, isManifest) }

// Tests gives those of the files of tests there; of a file, whatever its name.
func Tests(path string) ([]Text, error) { return texts(path, IsTests) }

func texts(path string, match func(string) bool) ([]Text, error) {
	snap, err := take(path, selection{match: match, deep: true})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(snap.failed)) {
		return nil, fmt.Errorf("read %s: %w", name, snap.failed[name])
	}
	var all []Text
	for _, name := range slices.Sorted(maps.Keys(snap.files)) {
		all = append(all, Text{name, string(snap.files[name])})
	}
	return all, nil
}

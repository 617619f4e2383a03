package discovery

import (
	"reflect"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// Document is a YAML document that is no object, such as tests, with the places
// of all that stands in it.
type Document struct{ written written }

// Documents reads the documents of a file that are not empty, as far as it is
// YAML. The name is what findings call the file.
func Documents(name string, data []byte) ([]Document, []dtab.Finding) {
	cut, found := cut(&page{name: name, text: data})
	all := make([]Document, len(cut))
	for i, w := range cut {
		all[i] = Document{w}
	}
	return all, found
}

// Decode reads the document into a struct with JSON tags, as strictly as objects
// are read: what the struct does not have, what stands there twice and values of
// another type are findings.
func (d Document) Decode(into any) []dtab.Finding {
	if d.written.node.Kind != yaml.MappingNode {
		return []dtab.Finding{d.written.finding(codeType, d.written.node, "a mapping wanted, this is "+looks(d.written.node),
			didYouMean("", fieldsAt(reflect.TypeOf(into), "")))}
	}
	return d.written.decode(into)
}

// At gives the place of a field, by its path, such as "tests[0].host": that of
// its key, or that of the nearest field above it that is written.
func (d Document) At(path string) dtab.Pos {
	place, _ := locate(d.written.node, path)
	return d.written.page.at(place.key)
}

// Source says where the text of a field begins, to parse it with.
func (d Document) Source(path string) dtab.Source {
	place, all := locate(d.written.node, path)
	if !all {
		return dtab.Source{Name: d.written.page.name, Line: place.key.Line}
	}
	return d.written.page.source(follow(place.value))
}

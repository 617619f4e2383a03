package discovery

import (
	"strings"
	"testing"
	"unicode/utf8"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// TestOriginFindsText puts the mark @ into fields in every style of YAML, and
// expects a position in the field's text to be where the mark is in the file.
func TestOriginFindsText(t *testing.T) {
	const head = "# a comment\n---\n# another\napiVersion: kibble.dev/v1alpha1\nkind: Dtab\nmetadata: {name: a}\nspec:\n"
	tests := []struct{ name, field, spec string }{
		{"literal", "spec.dtab", "  dtab: |\n    /a => /b ;\n    /c => @ ;\n"},
		{"literal with blank lines first", "spec.dtab", "  dtab: |\n\n\n      /c => @ ;\n"},
		{"literal with its own indent", "spec.dtab", "  dtab: |2-\n      /a ;\n    /c => @ ;\n"},
		{"literal behind an anchor", "spec.dtab", "  dtab: &x !!str |\n    /a ;\n      /c => @ ;\n"},
		{"literal on the next line", "spec.dtab", "  dtab:\n    |\n    /a ;\n    /c => @ ;\n"},
		{"literal with CRLF", "spec.dtab", "  dtab: |\r\n    /a ;\r\n    /c => @ ;\r\n"},
		{"literal in JSON's clothes", "spec.dtab", "  \"dtab\": |\n    /a ;\n    /c => @ ;\n"},
		{"folded, first line", "spec.dtab", "  dtab: >\n    /a => @ ;\n    /c => /d ;\n"},
		{"plain", "spec.dtab", "  dtab: /a => @ ;\n"},
		{"plain on the next line", "spec.dtab", "  dtab:\n    /a => @ ;\n"},
		{"plain behind other letters", "spec.dtab", "  dtab: /é => /ü => @\n"},
		{"double quoted", "spec.dtab", "  dtab: \"/a => @ ;\"\n"},
		{"single quoted", "spec.dtab", "  dtab: '/a => @ ;'\n"},
		{"quoted behind a tag", "spec.dtab", "  dtab: !!str '/a => @ ;'\n"},
		{"alias", "spec.dtab", "  dtab: *t\nstatus:\n  conditions: []\n"},
		{"dentry", "spec.dentries[1].dst", "  dentries:\n  - {prefix: /a, dst: /b}\n  - prefix: /c\n    dst: /d | @\n"},
		{"dentry in a flow", "spec.dentries[0].prefix", "  dentries: [{prefix: /a/@, dst: /b}]\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := head + test.spec
			if test.name == "alias" {
				file = strings.Replace(file, "metadata: {name: a}", "metadata: {name: a, annotations: {x: &t /a => @}}", 1)
			}
			objects, found := newDirectory(".").parse("a.yaml", []byte(file))
			if len(found) > 0 {
				t.Fatal(found)
			}
			d := objects[0].fact.(*translate.Sourced[v1alpha1.Dtab])
			text := d.Object.Spec.Dtab
			for _, e := range d.Object.Spec.Dentries {
				if strings.Contains(e.Prefix+e.Dst, "@") {
					text = e.Dst
					if strings.HasSuffix(test.field, "prefix") {
						text = e.Prefix
					}
				}
			}
			if d.Origin.Line != 4 {
				t.Errorf("the object begins on line %d", d.Origin.Line)
			}
			line, col := place(text)
			got := d.Origin.Field(test.field).At(line, col)
			wantLine, wantCol := place(file)
			if want := (dtab.Pos{Source: "a.yaml", Line: wantLine, Col: wantCol}); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// place gives line and column of the mark.
func place(text string) (line, col int) {
	before, _, _ := strings.Cut(text, "@")
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

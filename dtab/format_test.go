package dtab_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/dtab"
)

func TestFormat(t *testing.T) {
	for in, want := range map[string]string{
		"":                                       "",
		" \n ":                                   "",
		"# only":                                 "# only\n",
		"/a=>/b":                                 "/a => /b ;\n",
		"/a=>/b;/long=>/c;":                      "/a    => /b ;\n/long => /c ;\n",
		"/a=>/b\n;\n\n\n\n/long=>/c":             "/a => /b ;\n\n/long => /c ;\n",
		"/a => 0.125*/b&(5.*/c|~) # why\n;":      "/a => 0.125 * /b & (5. * /c | ~) ; # why\n",
		"# own\n/a=>/b;# same\n# next\n\n# last": "# own\n/a => /b ; # same\n# next\n\n# last\n",
		"/a # left\n=>/b":                        "/a # left\n    => /b ;\n",
		"/a=>/b # one\n|/c # two\n;":             "/a => /b # one\n    | /c ; # two\n",
		"/a=>( # in\n/b)":                        "/a => ( # in\n    /b) ;\n",
		"/a=>/b # x\n # y\n; # z\n/c=>/d":        "/a => /b ; # x\n# y\n# z\n/c => /d ;\n",
		"/\\x66oo/*=>/#/a#b #c\r\n":              "/\\x66oo/* => /#/a#b ; #c\n",
	} {
		got, err := dtab.Format(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", in, diff)
		}
		if again, err := dtab.Format(got); err != nil || again != got {
			t.Errorf("%q, then %q, %v", got, again, err)
		}
	}
}

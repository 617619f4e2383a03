package dtab_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/dtab"
)

// diffText says in what the next text differs from one that is read alone, and
// gives it; nil if it is no table.
func diffText(last *dtab.Text, src dtab.Source, text string) (next *dtab.Text, diff string) {
	want, wantErr := dtab.Parse(src, text)
	for i := range want {
		want[i].Origin = "o"
	}
	next, err := last.Next(src, "o", text)
	if !reflect.DeepEqual(wantErr, err) {
		return nil, fmt.Sprintf("alone: %v, after another: %v", wantErr, err)
	}
	if !reflect.DeepEqual(want, next.Dtab()) {
		return nil, fmt.Sprintf("alone: %+v\nafter another: %+v", want, next.Dtab())
	}
	return next, ""
}

// Whatever is edited, and however often, a text means what it means alone.
func TestNextTextIsAsAlone(t *testing.T) {
	shared := 0
	rapid.Check(t, func(t *rapid.T) {
		var last *dtab.Text
		text, _ := messy(t, anyTable().Draw(t, "table"))
		src := anySource().Draw(t, "source")
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			next, diff := diffText(last, src, text)
			if diff != "" {
				t.Fatalf("%q after %q: %s", text, last.Dtab(), diff)
			}
			if next != nil { // as with objects, a text that is no table is not kept
				shared += sharing(last.Dtab(), next.Dtab())
				last = next
			}
			text = rewritten(t, text)
			if rapid.IntRange(0, 4).Draw(t, "moved") == 0 {
				src = anySource().Draw(t, "source")
			}
		}
	})
	if shared == 0 {
		t.Fatal("nothing was ever taken over")
	}
}

func anySource() *rapid.Generator[dtab.Source] {
	return rapid.Custom(func(t *rapid.T) dtab.Source {
		return dtab.Source{
			Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"),
			Line: rapid.IntRange(0, 3).Draw(t, "line"), Col: rapid.IntRange(0, 2).Draw(t, "col"),
		}
	})
}

// rewritten puts something else in place of a piece of a text: characters, or words
// of another table.
func rewritten(t *rapid.T, text string) string {
	from := rapid.IntRange(0, len(text)).Draw(t, "from")
	to := min(len(text), from+rapid.SampledFrom([]int{0, 0, 1, 2, 10, 100}).Draw(t, "length"))
	more := rapid.SampledFrom([]string{"", "", ";", "#", "\n", " ", "/", "é", "\xe2", "; /a => /b ;", "\n/b => /c;\n", "# x\n", "x"}).Draw(t, "more")
	if rapid.IntRange(0, 3).Draw(t, "copy") == 0 && len(text) > 0 {
		at := rapid.IntRange(0, len(text)-1).Draw(t, "of")
		more = text[at:rapid.IntRange(at, len(text)).Draw(t, "until")]
	}
	return text[:from] + more + text[to:]
}

// sharing counts the entries of a table that share their prefix with another one.
func sharing(was, is dtab.Dtab) int {
	n, of := 0, map[*dtab.Elem]bool{}
	for _, d := range was {
		if len(d.Prefix) > 0 {
			of[&d.Prefix[0]] = true
		}
	}
	for _, d := range is {
		if len(d.Prefix) > 0 && of[&d.Prefix[0]] {
			n++
		}
	}
	return n
}

func FuzzNextText(f *testing.F) {
	seeds(f, "/a => /b", demo+"# x\n;", strings.Replace(demo, "/srv/hello", "/srv/hallo ;\n/x => /y", 1))
	f.Fuzz(func(t *testing.T, text, edited string) {
		src := dtab.Source{Name: "f", Line: 3, Col: 2}
		first, diff := diffText(nil, src, text)
		if diff == "" {
			_, diff = diffText(first, src, edited)
		}
		if diff != "" {
			t.Fatal(diff)
		}
	})
}

// Of a long text only what is between the rules around an edit is read.
func TestNextTextTakesOver(t *testing.T) {
	var rules []string
	for i := range 1000 {
		rules = append(rules, fmt.Sprintf("/svc/host-%d => /srv/service-%d", i, i))
	}
	all := strings.Join(rules, " ;\n")
	first, diff := diffText(nil, dtab.Source{}, all)
	if diff != "" {
		t.Fatal(diff)
	}
	for _, c := range []struct {
		edit, text string
		taken      int
	}{
		{"none", all, 1000},
		{"end", all + " ;\n/a => /b ;", 999},
		{"start", "/a => /b ;\n" + all, 999},
		{"middle", strings.Replace(all, "service-500", "x", 1), 999},
		{"removed", strings.Join(append(append([]string{}, rules[:500]...), rules[501:]...), " ;\n"), 999},
		{"comment", strings.Replace(all, ";", "; # one", 1), 999},
		{"all", strings.ReplaceAll(all, "=>", "=> "), 0},
	} {
		next, diff := diffText(first, dtab.Source{}, c.text)
		if diff != "" {
			t.Fatalf("%s: %s", c.edit, diff)
		}
		if taken := sharing(first.Dtab(), next.Dtab()); taken != c.taken {
			t.Errorf("%s: %d of the entries were taken over, want %d", c.edit, taken, c.taken)
		}
	}
}

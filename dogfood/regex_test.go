package dogfood

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// What is brought to one form for Envoy finds what was written, where both can
// be compared: in ASCII.
func TestRegexKeepsItsMeaning(t *testing.T) {
	atoms := []string{
		"a", "B", "ab", ".", "[a-c]", "[^a]", `\w`, `\D`, `\s`, `\b`, `\B`, "^", "$", "(?i)b", "(?i:AB)", "(?m:^)", "(?s:.)",
		`\Qa.\E`, `\Q(`, `\pL`, "[[:upper:]]", `\x41`, "k", "(?i)[^k]", "",
	}
	text := rapid.Map(rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom(atoms),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom(atoms), 1, 3), func(s []string) string { return "(" + s[0] + "|" + s[len(s)-1] + ")*" }),
	), 0, 4), func(s []string) string {
		var all string
		for _, a := range s {
			all += a
		}
		return all
	})
	rapid.Check(t, func(t *rapid.T) {
		rx := text.Draw(t, "regex")
		ignoreCase := rapid.Bool().Draw(t, "ignoreCase")
		pattern, search, err := compileRegex(rx, ignoreCase)
		if err != nil {
			t.Skip(err)
		}
		plain := rx
		if ignoreCase {
			plain = "(?i)" + rx
		}
		original := regexp.MustCompile(plain)
		whole := regexp.MustCompile("^(?:" + pattern + ")$")
		for range 20 {
			value := rapid.StringMatching(`[a-cA-CkK. \n(]{0,6}`).Draw(t, "value")
			want := original.MatchString(value)
			if searchBytes(search, value) != want || whole.MatchString(value) != want {
				t.Fatalf("%q in %q: %v; search %v %v, pattern %q %v", rx, value, want, search, searchBytes(search, value), pattern, whole.MatchString(value))
			}
		}
	})
}

func FuzzRegex(f *testing.F) {
	for _, seed := range []string{"(?i)dogfood", `\Qa`, "[^\\x00-\\x{10FFFF}]", "(?i)\\xe9", "a{1,3}|b*?", "(?P<n>x)"} {
		f.Add(seed, "value")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		pattern, search, err := compileRegex(text, true)
		if err != nil {
			return
		}
		searchBytes(search, value)
		if _, err := regexp.Compile(pattern); err != nil {
			t.Errorf("%q became %q: %v", text, pattern, err)
		}
		for _, r := range pattern {
			if r > 0x7f {
				t.Errorf("%q became %q, which is not ASCII", text, pattern)
			}
		}
	})
}

func FuzzContext(f *testing.F) {
	f.Add("a,b", " f.pr-1 ,,a")
	f.Fuzz(func(t *testing.T, one, two string) {
		c := ParseContext([]string{one, two})
		if again := ParseContext([]string{c.String()}); again.String() != c.String() {
			t.Errorf("%q is read as %q", c, again)
		}
	})
}

package dtab

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestIsLower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		border := rapid.SampledFrom([]byte("\x00@AZ[`az{\x7f\x80\xc1\xff"))
		text := []byte(strings.Repeat("a", rapid.IntRange(0, 20).Draw(t, "length")))
		for range rapid.IntRange(0, 3).Draw(t, "others") {
			if len(text) > 0 {
				text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = border.Draw(t, "byte")
			}
		}
		want := true
		for _, c := range text {
			want = want && c < 0x80 && (c < 'A' || c > 'Z')
		}
		if got := isLower(string(text)); got != want {
			t.Fatalf("%q: %v", text, got)
		}
	})
}

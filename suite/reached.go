package suite

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kibble.dev/translate"
)

// reached tells that requests reach what is wanted and nothing else. Who serves
// a share is the first that is alive.
func (w expectation) reached(to []translate.Destination) bool {
	sums := make([]float64, len(w.reaches))
	met := make([]bool, len(w.reaches))
	for _, d := range to {
		i := slices.IndexFunc(w.reaches, func(s share) bool { return s.is(d.Serves) })
		if i < 0 {
			return false
		}
		met[i] = true
		sums[i] += d.Share * 100
	}
	for i, s := range w.reaches {
		if !met[i] && s.percent > 0 || !met[i] && !w.shared {
			return false
		}
		if w.shared && (sums[i] < s.percent-s.slack() || sums[i] > s.percent+s.slack()) {
			return false
		}
	}
	return true
}

func (w expectation) reachesText() string {
	texts := make([]string, len(w.reaches))
	for i, s := range w.reaches {
		texts[i] = s.to
		if w.shared {
			texts[i] = strconv.FormatFloat(s.percent, 'f', s.decimals, 64) + " % " + s.to
		}
	}
	return strings.Join(texts, ", ")
}

// stoodIn tells that behind every share stand those that are wanted, in order.
func (w expectation) stoodIn(to []translate.Destination) bool {
	return !slices.ContainsFunc(to, func(d translate.Destination) bool {
		return !slices.EqualFunc(w.behind, d.Fallback, names)
	})
}

func elseText(to []translate.Destination) string {
	var texts []string
	for _, d := range to {
		if t := words(d.Fallback); !slices.Contains(texts, t) {
			texts = append(texts, t)
		}
	}
	return cmp.Or(strings.Join(texts, "; "), "nobody")
}

// got says what becomes of a request.
func got(x *translate.Explanation) string {
	if x.Status != 200 || x.Own {
		return fmt.Sprintf("%d: %s", x.Status, x.Reason)
	}
	var texts []string
	for _, d := range x.Destinations {
		text := d.Serves
		switch {
		case text == "":
			text = Nobody + " (nobody is behind " + d.Cluster + ")"
		case text != d.Cluster:
			text += " (nobody is behind " + d.Cluster + ")"
		}
		if len(x.Destinations) > 1 {
			text = strconv.FormatFloat(d.Share*100, 'f', 2, 64) + " % " + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// equal compares sets.
func equal(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func words(all []string) string { return cmp.Or(strings.Join(all, ", "), "none") }

package suite

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"kibble.dev/translate"
)

// Nobody is what requests reach where nobody is behind a name.
const Nobody = "nobody"

// expectation is what a test wants. Parts that are not written do not count.
type expectation struct {
	reaches     []share
	shared      bool // the shares count, as they are written
	behind      []string
	behindSaid  bool
	answers     int
	saying      string
	environment []string
	environed   bool
	fellBack    []string
	fellSaid    bool
	named       string
}

// share is a destination with its share in percent, written to some decimals.
type share struct {
	to       string
	percent  float64
	decimals int
}

// expectation reads what a test wants.
func (r *reader) expectation(path string, e entry) expectation {
	w := expectation{
		behind: r.names(path+".else", e.Else), behindSaid: e.Else != nil, answers: e.Answers, saying: e.Saying,
		environment: r.names(path+".environment", e.Environment), environed: e.Environment != nil,
		fellBack: r.names(path+".fellBack", e.FellBack), fellSaid: e.FellBack != nil, named: e.Named,
	}
	switch v := e.Reaches.(type) {
	case nil:
	case map[string]any:
		w.shared = true
		w.reaches = r.shares(path+".reaches", v)
	default:
		for _, to := range r.names(path+".reaches", v) {
			w.reaches = append(w.reaches, share{to: to})
		}
		if list, ok := v.([]any); ok && len(list) == 0 {
			r.wrong(path+".reaches", "reaches names nobody", "write reaches: "+Nobody+", or answers: and the status")
		}
	}
	switch {
	case w.answers != 0 && (e.Reaches != nil || e.Else != nil):
		r.wrong(path+".answers", "a request that the proxy answers itself reaches nobody", "take answers away, or reaches and else")
	case w.answers != 0 && (w.answers < 100 || w.answers > 599):
		r.wrong(path+".answers", fmt.Sprintf("%d is not a status of HTTP", w.answers), "a number such as 502")
	case e.Reaches == nil && e.Else == nil && w.answers == 0 && w.saying == "" && !w.environed && !w.fellSaid && w.named == "":
		r.wrong(path, "the test expects nothing", "say what it is to find: reaches, answers, environment, fellBack, else or named")
	}
	return w
}

// shares reads destinations with shares.
func (r *reader) shares(path string, v map[string]any) []share {
	var all []share
	sum, slack := 0.0, 0.0
	for _, to := range slices.Sorted(maps.Keys(v)) {
		s, ok := percentOf(v[to])
		if !ok || s.percent < 0 || s.percent > 100 {
			r.wrong(path+"."+to, fmt.Sprintf("%v is not a share", v[to]), "write percents, such as 90 %")
			return nil
		}
		s.to = to
		all = append(all, s)
		sum += s.percent
		slack += s.slack()
	}
	if math.Abs(sum-100) > slack {
		r.wrong(path, fmt.Sprintf("the shares add up to %s %%, not to 100 %%", strconv.FormatFloat(sum, 'f', -1, 64)), "name all destinations")
	}
	return all
}

// percentOf reads 90, 33.3 or "90 %".
func percentOf(v any) (share, bool) {
	text := ""
	switch v := v.(type) {
	case string:
		text = strings.TrimSpace(strings.TrimSuffix(v, "%"))
	case int64:
		text = strconv.FormatInt(v, 10)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		text = v.String()
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) {
		return share{}, false
	}
	_, fraction, _ := strings.Cut(text, ".")
	return share{percent: n, decimals: len(fraction)}, true
}

// slack is by how much a share may differ from what is written.
func (s share) slack() float64 { return 0.5*math.Pow10(-s.decimals) + 1e-9 }

// is tells that a text names a cluster: its whole name or its last segments.
func (s share) is(cluster string) bool { return names(s.to, cluster) }

func names(text, cluster string) bool {
	if text == Nobody {
		return cluster == ""
	}
	return cluster == text || strings.HasSuffix(cluster, "/"+strings.TrimPrefix(text, "/"))
}

// Mismatch is a part of an expectation that is not met.
type Mismatch struct {
	// Field is the word of the test: reaches, answers and so on.
	Field    string `json:"field"`
	Expected string `json:"expected"`
	Got      string `json:"got"`
}

// check gives what is not as it is wanted.
func (w expectation) check(x *translate.Explanation) []Mismatch {
	var all []Mismatch
	wrong := func(ok bool, field, expected, got string) {
		if !ok {
			all = append(all, Mismatch{field, expected, got})
		}
	}
	if w.named != "" {
		wrong(x.Name == w.named, "named", w.named, cmp.Or(x.Name, "no name"))
	}
	if w.environed {
		wrong(equal(w.environment, x.Context), "environment", words(w.environment), words(x.Context))
	}
	if w.fellSaid {
		wrong(equal(w.fellBack, x.FellBack), "fellBack", words(w.fellBack), words(x.FellBack))
	}
	answered := x.Status != 200 || x.Own
	if w.reaches != nil {
		wrong(!answered && w.reached(x.Destinations), "reaches", w.reachesText(), got(x))
	}
	if w.answers != 0 {
		wrong(answered && x.Status == w.answers, "answers", strconv.Itoa(w.answers), got(x))
	}
	if w.behindSaid {
		wrong(!answered && w.stoodIn(x.Destinations), "else", words(w.behind), elseText(x.Destinations))
	}
	if w.saying != "" {
		wrong(strings.Contains(x.Reason, w.saying), "saying", w.saying, cmp.Or(x.Reason, got(x)))
	}
	return all
}

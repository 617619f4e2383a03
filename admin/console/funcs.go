package console

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"kibble.dev/translate"
)

// funcs are what templates may call.
func (c *console) funcs() template.FuncMap {
	return template.FuncMap{
		"link":    link,
		"percent": translate.Percent,
		"join":    strings.Join,
		"lines":   func(s string) int { return min(max(strings.Count(s, "\n")+2, 6), 24) },
		"exact":   func(host string) bool { return !strings.Contains(host, "*") },
		"ago":     func(t time.Time) string { return ago(c.Now().Sub(t)) },
		"utc":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"short":   translate.ShortType,
	}
}

// link makes the address of a page from names and values of its query; those
// without a value are left out.
func link(path string, pairs ...string) template.URL {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return template.URL(path) //nolint:gosec // path is of a template
	}
	return template.URL(path + "?" + q.Encode()) //nolint:gosec // all that is not of a template is encoded
}

// ago says a time that has passed, in the largest unit that fits.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(int(d.Seconds()), 0))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

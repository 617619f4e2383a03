package console

import (
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"kibble.dev/dogfood"
	"kibble.dev/dogfood/tokens"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// form is a request that somebody asks about, as it was typed.
type form struct {
	Router, Host, Path, Method, Name, Cookie, Headers, Source, Environment, Override string
	// Table is the router's table as it was edited.
	Table string
}

// readForm reads the fields of either form of the playground.
func readForm(r *http.Request) form {
	f := form{
		Router: r.FormValue("router"), Host: strings.TrimSpace(r.FormValue("host")), Path: r.FormValue("path"),
		Method: r.FormValue("method"), Name: strings.TrimSpace(r.FormValue("name")), Cookie: strings.TrimSpace(r.FormValue("cookie")), Headers: r.FormValue("headers"),
		Source: strings.TrimSpace(r.FormValue("source")), Environment: strings.TrimSpace(r.FormValue("environment")),
		Override: strings.TrimSpace(r.FormValue("override")), Table: strings.ReplaceAll(r.FormValue("table"), "\r\n", "\n"),
	}
	if f.Path == "" {
		f.Path = "/"
	}
	if f.Method == "" {
		f.Method = http.MethodGet
	}
	return f
}

// question makes of it what the model can be asked, or says what is mistyped.
func (c *console) question(f form) (translate.Question, error) {
	q := translate.Question{Router: f.Router, Verify: tokens.Verifier(c.Now(), ""), Request: translate.Request{
		Method: f.Method, Host: f.Host, Path: f.Path, Header: map[string][]string{},
	}}
	header := q.Request.Header
	for line := range strings.Lines(f.Headers) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if !q.Request.AddHeader(line) {
			return q, fmt.Errorf("%q is not a header: write one a line, like name: value", line)
		}
	}
	if f.Cookie != "" {
		if name, _, ok := strings.Cut(f.Cookie, "="); !ok || name == "" {
			return q, fmt.Errorf("%q is not a cookie: write it like name=value; several are parted by a semicolon", f.Cookie)
		}
		header["cookie"] = append(header["cookie"], f.Cookie)
	}
	if f.Environment != "" {
		header["l5d-ctx-dogfood"] = append(header["l5d-ctx-dogfood"], f.Environment)
	}
	if f.Override != "" {
		// A header is one line.
		header[translate.HeaderDtab] = append(header[translate.HeaderDtab], strings.Join(strings.Fields(f.Override), " "))
	}
	if f.Source != "" {
		addr, err := netip.ParseAddr(f.Source)
		if err != nil {
			return q, fmt.Errorf("%q is not an IP address", f.Source)
		}
		q.Source = addr
	}
	return q, nil
}

// plain gives the question without rules of the caller's own.
func plain(q translate.Question) translate.Question {
	q.Request.Header = maps.Clone(q.Request.Header)
	maps.DeleteFunc(q.Request.Header, func(name string, _ []string) bool {
		return slices.Contains([]string{dogfood.ContextHeader, translate.HeaderDtab, translate.HeaderCtxDtab, "dtab-local"}, name)
	})
	return q
}

// asking is a question that any model can be asked.
type asking func(*translate.Model) (*translate.Explanation, error)

// askings gives the question of the form, and the same without any override. A
// name stands in place of a request.
func (c *console) askings(f form) (as, without asking, err error) {
	if f.Name == "" {
		q, err := c.question(f)
		return func(m *translate.Model) (*translate.Explanation, error) { return m.Explain(q) },
			func(m *translate.Model) (*translate.Explanation, error) { return m.Explain(plain(q)) }, err
	}
	name, err := dtab.ParsePath(f.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("%q is not a name: names are paths, such as /svc/web", f.Name)
	}
	of := func(context []string) asking {
		return func(m *translate.Model) (*translate.Explanation, error) {
			return m.ExplainName(f.Router, name, context)
		}
	}
	return of(dogfood.ParseContext([]string{f.Environment})), of(nil), nil
}

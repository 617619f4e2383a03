package suite

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// codeTest is the code where a test cannot be run.
const codeTest = "KB6001"

// document is a document of a file of tests, as it is written.
type document struct {
	Router     string                       `json:"router"`
	At         string                       `json:"at"`
	Services   any                          `json:"services"`
	Namespaces map[string]map[string]string `json:"namespaces"`
	Tokens     map[string]map[string]any    `json:"tokens"`
	Tests      []entry                      `json:"tests"`
}

// entry is a test, as it is written.
type entry struct {
	Name   string `json:"name"`
	Router string `json:"router"`

	Host    string            `json:"host"`
	Path    string            `json:"path"`
	Method  string            `json:"method"`
	HTTPS   bool              `json:"https"`
	Headers map[string]any    `json:"headers"`
	Cookies map[string]string `json:"cookies"`
	From    string            `json:"from"`
	Peer    string            `json:"peer"`
	Dtab    string            `json:"dtab"`
	In      any               `json:"in"`
	Lookup  string            `json:"lookup"`
	Without any               `json:"without"`
	Empty   any               `json:"empty"`

	Reaches     any    `json:"reaches"`
	Else        any    `json:"else"`
	Answers     int    `json:"answers"`
	Saying      string `json:"saying"`
	Environment any    `json:"environment"`
	FellBack    any    `json:"fellBack"`
	Named       string `json:"named"`
}

// Test is one question and what is expected of the answer.
type Test struct {
	// Name is what somebody called it, or what it asks.
	Name string
	// Pos is where it stands.
	Pos dtab.Pos
	// Asks says the question in words.
	Asks string

	question translate.Question
	lookup   dtab.Path // in place of a request
	in       []string
	world    world
	tokens   map[string]map[string]any
	want     expectation
}

// Router is the one that is asked, as the test calls it.
func (t Test) Router() string { return t.question.Router }

// Read reads the tests of a file; name is what findings and tests call it. Tests
// with a mistake are left out.
func Read(name string, data []byte) ([]Test, []dtab.Finding) {
	documents, found := discovery.Documents(name, data)
	var all []Test
	for _, d := range documents {
		var doc document
		if f := d.Decode(&doc); len(f) > 0 {
			found = append(found, f...)
			continue
		}
		r := &reader{places: d, doc: doc}
		common := r.world()
		if len(doc.Tests) == 0 {
			r.wrong("", "there are no tests here", "write them under tests:")
		}
		for i, e := range doc.Tests {
			before := len(r.found)
			t := r.test(fmt.Sprintf("tests[%d]", i), e, common)
			if len(r.found) == before {
				all = append(all, t)
			}
		}
		slices.SortStableFunc(r.found, func(a, b dtab.Finding) int { return a.Pos.Compare(b.Pos) })
		found = append(found, r.found...)
	}
	return all, found
}

// reader reads one document.
type reader struct {
	places discovery.Document
	doc    document
	found  []dtab.Finding
}

func (r *reader) wrong(path, message, hint string) {
	r.found = append(r.found, dtab.Finding{Code: codeTest, Severity: dtab.Error, Pos: r.places.At(path), Message: message, Hint: hint})
}

// world reads what is true for all tests of the document.
func (r *reader) world() world {
	w := world{namespaces: r.doc.Namespaces}
	w.services = r.services("services", r.doc.Services)
	if r.doc.At != "" {
		at, err := time.Parse(time.RFC3339, r.doc.At)
		if err != nil {
			r.wrong("at", fmt.Sprintf("%q is not a time", r.doc.At), "write it as 2027-01-31T00:00:00Z")
		}
		w.at = at
	}
	return w
}

// services reads names like default/http/web.
func (r *reader) services(path string, v any) []service {
	var all []service
	for i, text := range r.texts(path, v) {
		parts := strings.Split(strings.TrimPrefix(text, "/"), "/")
		if len(parts) != 3 || slices.Contains(parts, "") {
			r.wrong(element(path, v, i), fmt.Sprintf("%q is not a service", text), "write namespace/port/service, as in /#/io.l5d.k8s/default/http/web: default/http/web")
			continue
		}
		all = append(all, service{translate.Key{Namespace: parts[0], Name: parts[2]}, parts[1]})
	}
	return all
}

// texts reads a text or a list of texts.
func (r *reader) texts(path string, v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return []string{v}
	case []any:
		all := []string{}
		for i, member := range v {
			text, ok := member.(string)
			if !ok {
				r.wrong(element(path, v, i), fmt.Sprintf("a text wanted, this is %v", member), "put it in quotes if it is meant as a text")
				continue
			}
			all = append(all, text)
		}
		return all
	}
	r.wrong(path, fmt.Sprintf("a text or a list of texts wanted, this is %v", v), "put it in quotes if it is meant as a text")
	return nil
}

// names reads texts that name something: none of them is empty.
func (r *reader) names(path string, v any) []string {
	all := r.texts(path, v)
	for i, text := range all {
		switch {
		case text != "":
		case strings.HasSuffix(path, ".reaches"):
			r.wrong(element(path, v, i), "this text is empty: it names nobody", "write reaches: "+Nobody+", or answers: and the status")
		default:
			r.wrong(element(path, v, i), "this text is empty: it names nothing", "write [] for none")
		}
	}
	return all
}

// element is the path of a member of a list, or of the text in its place.
func element(path string, v any, i int) string {
	if _, list := v.([]any); list {
		return fmt.Sprintf("%s[%d]", path, i)
	}
	return path
}

func (r *reader) test(path string, e entry, common world) Test {
	t := Test{Pos: r.places.At(path), world: common, tokens: r.doc.Tokens}
	t.world.without, t.world.empty = r.services(path+".without", e.Without), r.services(path+".empty", e.Empty)
	t.question.Router = cmp.Or(e.Router, r.doc.Router)
	if t.question.Router == "" {
		r.wrong(path, "the test does not say which router is asked", "write router: NAME, here or for the whole file")
	}
	t.in = r.names(path+".in", e.In)
	if e.Lookup != "" {
		r.lookup(path, e, &t)
	} else {
		r.request(path, e, &t)
	}
	t.want = r.expectation(path, e)
	t.Asks = t.asks(e)
	t.Name = cmp.Or(e.Name, t.Asks)
	return t
}

// lookup reads a question about a name.
func (r *reader) lookup(path string, e entry, t *Test) {
	name, err := dtab.ParsePath(e.Lookup)
	if err != nil {
		r.wrong(path+".lookup", fmt.Sprintf("%q is not a name", e.Lookup), "names are paths such as /svc/web")
	}
	t.lookup = name
	if e.Host+e.Path+e.Method+e.From+e.Peer+e.Dtab != "" || e.HTTPS || len(e.Headers)+len(e.Cookies) > 0 {
		r.wrong(path+".lookup", "lookup asks about a name, not about a request", "take lookup away, or what the request has: host, path, headers and so on")
	}
	if e.Named != "" || e.Environment != nil {
		r.wrong(path+".lookup", "a name that is looked up has nobody who asks: named and environment are for requests", "take them away; in: says which policies hold")
	}
}

// request reads a question about a request.
func (r *reader) request(path string, e entry, t *Test) {
	q := translate.Request{Method: cmp.Or(e.Method, http.MethodGet), Host: e.Host, Path: cmp.Or(e.Path, "/"), Secure: e.HTTPS, Header: map[string][]string{}}
	if !strings.HasPrefix(q.Path, "/") {
		r.wrong(path+".path", fmt.Sprintf("%q is not a path", q.Path), "paths begin with /")
	}
	for name, value := range e.Headers {
		key := strings.ToLower(name)
		q.Header[key] = append(q.Header[key], r.texts(path+".headers."+name, value)...)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Cookies)) {
		q.Header["cookie"] = append(q.Header["cookie"], name+"="+e.Cookies[name])
	}
	if host := q.Header["host"]; len(host) > 0 {
		r.wrong(path+".headers.host", "Host is not among the headers", "write host: "+host[0])
	}
	if e.Dtab != "" {
		q.Header[translate.HeaderDtab] = append(q.Header[translate.HeaderDtab], e.Dtab)
		if _, err := dtab.Parse(r.places.Source(path+".dtab"), e.Dtab); err != nil {
			r.syntax(err)
		}
	}
	t.question.Request = q
	t.question.Source, t.question.Peer = r.address(path+".from", e.From), r.address(path+".peer", e.Peer)
}

func (r *reader) address(path, text string) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		r.wrong(path, fmt.Sprintf("%q is not an IP address", text), "an address such as 10.0.0.1")
	}
	return a
}

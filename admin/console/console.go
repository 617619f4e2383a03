// Package console is the pages for people on the admin port: a playground that
// says where a request goes and why, and what is served to whom. They are
// written on the server, need no script and change nothing. What they say comes
// from the functions that make the routes.
package console

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
	"time"

	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

//go:embed templates/*.html style.css
var files embed.FS

// Options of the console.
type Options struct {
	// Model gives what is served; nil: nothing has been read yet.
	Model func() *translate.Model
	// Findings gives what is wrong with the objects now.
	Findings func() []dtab.Finding
	// Proxies gives the connected proxies, sorted.
	Proxies func() []xds.ProxyStatus
	// Config gives the resources of proxies; nil: they are not shown.
	Config func(xds.ConfigQuery) []xds.ConfigEntry
	// Replica is the name of this server, where others beside it have proxies too.
	Replica string
	// Now is the clock.
	Now func() time.Time
}

// console serves the pages.
type console struct {
	Options
	pages  map[string]*template.Template
	recent recent
	// busy has room for as many answers as may be worked on at a time.
	busy chan struct{}
}

// maxBusy bounds how much of the machine that serves proxies goes into pages.
const maxBusy = 2

// maxBody is more than the longest table that a Router may have, encoded.
const maxBody = 1 << 20

// New gives the console's handler. Links are relative, so that the pages work
// below any path; all of them are of one depth.
func New(o Options) http.Handler {
	c := &console{Options: o, pages: map[string]*template.Template{}, busy: make(chan struct{}, maxBusy)}
	for _, name := range []string{"overview", "playground", "routers", "router", "environments", "environment", "proxies", "proxy", "resource", "findings", "problem"} {
		c.pages[name] = template.Must(template.New("layout.html").Funcs(c.funcs()).
			ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/"+name+".html"))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.modelled(c.overview))
	mux.HandleFunc("GET /playground", c.modelled(c.playground))
	mux.HandleFunc("POST /playground", c.modelled(c.playground))
	mux.HandleFunc("GET /routers", c.modelled(c.routers))
	mux.HandleFunc("GET /environments", c.modelled(c.environments))
	mux.HandleFunc("GET /proxies", c.proxies)
	mux.HandleFunc("GET /findings", c.findings)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, files, "style.css")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		c.problem(w, http.StatusNotFound, "There is no such page")
	})
	return secure(http.NewCrossOriginProtection().Handler(mux))
}

// secure sets headers that let a page be nothing but what was written: no
// script, no frame, nothing from elsewhere, no trace in a cache or a referrer.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// modelled gives a page the model, and waits for its turn.
func (c *console) modelled(page func(http.ResponseWriter, *http.Request, *translate.Model)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m := c.Model()
		if m == nil {
			c.problem(w, http.StatusServiceUnavailable, "The objects have not been read yet")
			return
		}
		select {
		case c.busy <- struct{}{}:
			defer func() { <-c.busy }()
			page(w, r, m)
		case <-r.Context().Done():
		}
	}
}

// page is what the layout shows around a page's own data.
type page struct {
	Title string
	// Here is the page's place in the navigation.
	Here string
	Data any
}

// render writes a page at once, so that nobody sees half of one.
func (c *console) render(w http.ResponseWriter, status int, name string, p page) {
	var b bytes.Buffer
	if err := c.pages[name].Execute(&b, p); err != nil {
		http.Error(w, "the page cannot be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the client is gone
}

// problem says in a page why there is none.
func (c *console) problem(w http.ResponseWriter, status int, words string) {
	c.render(w, status, "problem", page{Title: words})
}

// matches tells that one of the texts contains what is searched for, whatever
// the case of letters.
func matches(query string, texts ...string) bool {
	query = strings.ToLower(query)
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), query) {
			return true
		}
	}
	return false
}

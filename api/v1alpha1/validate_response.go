package v1alpha1

import (
	"fmt"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"
	"k8s.io/apimachinery/pkg/util/validation"
)

// maxBody bounds the body of a fixed answer, in bytes; maxHeader the name or the
// value of a header (Envoy, config.core.v3.HeaderValue).
const (
	maxBody   = 32 << 10
	maxHeader = 16 << 10
)

func (c *checker) response(path string, r *Response) {
	if r.Host != "" {
		suffix, wild := strings.CutPrefix(r.Host, "*.")
		valid := validation.IsDNS1123Subdomain
		if wild {
			valid = func(string) []string { return validation.IsWildcardDNS1123Subdomain(strings.ToLower(r.Host)) }
		}
		if len(valid(strings.ToLower(suffix))) > 0 {
			c.add(path+".host", fmt.Sprintf("%q is not a host", r.Host), "a name such as www.example.org or *.example.org, without a port")
		}
	}
	c.urlPath(path+".path", r.Path)
	c.urlPath(path+".pathPrefix", r.PathPrefix)
	if r.Path != "" && r.PathPrefix != "" {
		c.add(path+".pathPrefix", "there is a path already", "write path or pathPrefix")
	}
	if r.Unrouted && (r.Host != "" || r.Path != "" || r.PathPrefix != "") {
		c.add(path+".unrouted", "unrouted is for all hosts and paths", "leave host, path and pathPrefix away, or unrouted")
	}
	switch {
	case r.Redirect != nil:
		c.redirect(path+".redirect", r)
		c.options(path, "a redirect", nil, option{"status", r.Status != 0}, option{"body", r.Body != ""}, option{"contentType", r.ContentType != ""})
	case r.Status != 0 && (r.Status < 200 || r.Status > 599):
		c.add(path+".status", fmt.Sprintf("%d is not the status of an answer", r.Status), "a number from 200 to 599, or a redirect")
	}
	if len(r.Body) > maxBody {
		c.add(path+".body", fmt.Sprintf("the body has %d bytes", len(r.Body)), fmt.Sprintf("at most %d; larger things belong into a service", maxBody))
	}
	if !httpguts.ValidHeaderFieldValue(r.ContentType) {
		c.add(path+".contentType", "it holds a character that a header cannot", "a type such as text/html; charset=utf-8")
	}
	for name, value := range r.Headers {
		c.answerHeader(path+".headers", name, value)
	}
}

func (c *checker) answerHeader(path, name, value string) {
	switch key := textproto.CanonicalMIMEHeaderKey(name); {
	case !httpguts.ValidHeaderFieldName(name):
		c.add(path, fmt.Sprintf("%q is not the name of a header", name), "a name such as cache-control")
	case key == "Content-Type" || key == "Content-Length" || key == "Transfer-Encoding" || key == "Connection" || key == "Location":
		c.add(path, fmt.Sprintf("the header %s is not set here", name), "there is contentType, and redirect")
	case key == "Host":
		c.add(path, "the header Host is of requests: Envoy puts it into no answer", "take it away, or give it another name")
	case len(name) > maxHeader || len(value) > maxHeader:
		c.add(path, fmt.Sprintf("the header %.20s has %d bytes", name, max(len(name), len(value))), fmt.Sprintf("at most %d; larger things belong into a service", maxHeader))
	case !httpguts.ValidHeaderFieldValue(value):
		c.add(path, fmt.Sprintf("the value of %s holds a character that a header cannot", name), "visible characters and spaces")
	}
}

func (c *checker) redirect(path string, r *Response) {
	d := r.Redirect
	c.oneOf(path+".scheme", d.Scheme, "http", "https")
	if d.Host != "" && (strings.ContainsAny(d.Host, "/?#@ ") || !httpguts.ValidHostHeader(d.Host)) {
		c.add(path+".host", fmt.Sprintf("%q is not a host", d.Host), "a name such as www.example.org, perhaps with a port")
	}
	c.urlPath(path+".path", d.Path)
	c.urlPath(path+".pathPrefix", d.PathPrefix)
	switch {
	case d.Path != "" && d.PathPrefix != "":
		c.add(path+".pathPrefix", "there is a path already", "write path or pathPrefix")
	case d.PathPrefix != "" && r.PathPrefix == "":
		c.add(path+".pathPrefix", "there is no prefix to put it in place of", "set pathPrefix of the response, or path of the redirect")
	case d.Scheme == "" && d.Host == "" && d.Path == "" && d.PathPrefix == "" && !d.StripQuery:
		c.add(path, "the redirect leads to the same place", "set scheme, host, path or pathPrefix")
	}
	switch d.Status {
	case 0, 301, 302, 303, 307, 308:
	default:
		c.add(path+".status", fmt.Sprintf("%d is not the status of a redirect", d.Status), "301, 302, 303, 307 or 308")
	}
}

// urlPath checks the path of a URL, as a request has it after it was normalised.
func (c *checker) urlPath(path, value string) {
	if value == "" {
		return
	}
	bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("?#%\\\"<>", r) }
	if !strings.HasPrefix(value, "/") || strings.ContainsFunc(value, bad) || strings.Contains(value, "//") || strings.Contains(value, "/../") {
		c.add(path, fmt.Sprintf("%q is not the path of a URL", value), "a path such as /shop/cart, without query and escapes")
	}
}

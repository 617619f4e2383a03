package translate

import (
	"maps"
	"slices"
	"strings"
)

// mostNominated is how many headers a request's Connection may name before
// Envoy refuses it.
const mostNominated = 10

// receive gives a request as it is once the proxy has read it, before anything
// looks at it: without the headers that its Connection names (RFC 9110, 7.6.1)
// and, at an untrusted router, with a clean path. Where that is answered at
// once, x has another status than 200.
func (r *router) receive(req Request, x *Explanation) Request {
	asked := req
	req, ok := withoutNominated(req, x)
	if !ok {
		x.Status, x.Reason = 400, "the header connection names what no hop may take out of a request, or too much"
		return req
	}
	if r.untrusted() {
		req = withCleanPath(req, x)
	}
	if x.Status == 200 {
		req = goOver(asked, req, x)
	}
	return req
}

// withCleanPath has the path as an untrusted router reads it.
func withCleanPath(req Request, x *Explanation) Request {
	clean, redirect, ok := cleanPath(req.Path)
	switch {
	case !ok:
		x.Status, x.Reason = 400, "the path is malformed"
	case redirect:
		x.Status, x.Reason, x.Own = 307, "a slash of the path is escaped: the client is sent to "+clean, true
	case clean != req.Path:
		x.Notes = append(x.Notes, "the path is read as "+clean)
		req.Path = clean
	}
	return req
}

// withoutNominated takes out the headers that Connection names. It is not ok
// where Envoy refuses the request for what is named.
func withoutNominated(req Request, x *Explanation) (Request, bool) {
	var names []string
	for name := range strings.SplitSeq(strings.ToLower(strings.Join(req.Header["connection"], ",")), ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return req, true
	}
	protected := func(name string) bool {
		return strings.Contains(name, ":") || slices.Contains([]string{"host", headerForwardedFor, "x-forwarded-host", headerProto}, name)
	}
	if len(names) > mostNominated || slices.ContainsFunc(names, protected) {
		return req, false
	}
	req.Header = maps.Clone(req.Header)
	for _, name := range names {
		if len(req.Header[name]) > 0 && name != headerUpgrade {
			x.Notes = append(x.Notes, "the header "+name+" is removed: the header connection names it")
			delete(req.Header, name)
		}
	}
	delete(req.Header, "connection")
	return req, true
}

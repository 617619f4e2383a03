package translate

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// The kinds of identifiers, as linkerd 1.x names them.
const (
	identifyToken  = "io.l5d.header.token"
	identifyMethod = "io.l5d.methodAndHost"
	identifyPath   = "io.l5d.path"
	identifyHeader = "io.l5d.header"
	identifyStatic = "io.l5d.static"
	identifyGRPC   = "io.l5d.header.path"
	// identifyIngress names requests by the Ingresses of a class.
	identifyIngress = "io.l5d.ingress"
)

// identifier turns requests into names: the prefix, then for each piece a
// literal segment or what a variable of the request gives.
type identifier struct {
	kind   string
	prefix dtab.Path
	pieces []piece
	vars   []variable
	header string // lower-cased, of tokenVar and valueVar
	n      int    // how many segments of the URL's path
	// consume takes those segments off the forwarded URL.
	consume bool
	// class, namespace and noDefaults say which Ingresses count, rules what they
	// say (io.l5d.ingress).
	class, namespace string
	noDefaults       bool
	rules            []*ingressRule
}

// piece is one part of a name: literal segments, or the variable of that index.
type piece struct {
	literal dtab.Path
	index   int
}

func newIdentifier(spec v1alpha1.RouterSpec, origin Origin) (identifier, []dtab.Finding) {
	var found []dtab.Finding
	path := func(fieldName, text string) dtab.Path {
		p, err := dtab.ParsePath(text)
		if err != nil {
			f := syntaxFinding(err)
			f.Pos = origin.Field(fieldName).At(1, 1)
			found = append(found, f)
		}
		return p
	}
	id := identifier{kind: identifyToken}
	id.prefix = path("spec.dstPrefix", cmp.Or(spec.DstPrefix, defaultDstPrefix))
	config := v1alpha1.Identifier{}
	if spec.Identifier != nil {
		config = *spec.Identifier
	}
	if config.Kind != "" {
		id.kind = config.Kind
	}
	id.n = max(int(config.Segments), 1)
	switch id.kind {
	case identifyToken:
		id.header = strings.ToLower(config.Header)
		v := tokenVar
		if id.header == "" || id.header == "host" || id.header == ":authority" {
			v, id.header = hostVar, ""
		}
		id.take(v)
	case identifyMethod:
		id.pieces = append(id.pieces, piece{literal: dtab.Path{"1.1"}})
		id.take(methodVar)
		id.take(hostVar)
		if config.HTTPURIInDst {
			id.take(urlVar)
		}
	case identifyPath, identifyGRPC:
		id.consume = config.Consume && id.kind == identifyPath
		for range id.n {
			id.take(segmentVar)
		}
	case identifyHeader:
		id.header = strings.ToLower(config.Header)
		if id.header == "" {
			id.header = "l5d-name"
		}
		id.take(valueVar)
	case identifyStatic:
		id.pieces = append(id.pieces, piece{literal: path("spec.identifier.path", config.Path)})
	case identifyIngress:
		id.class, id.namespace, id.noDefaults = cmp.Or(config.IngressClass, DefaultIngressClass), config.Namespace, config.IgnoreDefaultBackends
	default:
		found = append(found, dtab.Finding{
			Code: v1alpha1.CodeField, Severity: dtab.Error, Pos: origin.Field("spec.identifier.kind").At(1, 1),
			Message: "unknown identifier kind " + id.kind,
			Hint: "use one of " + strings.Join([]string{
				identifyToken, identifyMethod, identifyPath, identifyHeader, identifyStatic, identifyGRPC, identifyIngress,
			}, ", "),
		})
	}
	return id, found
}

func (id *identifier) take(v variable) {
	id.pieces = append(id.pieces, piece{index: len(id.vars)})
	id.vars = append(id.vars, v)
}

// asked gives the flags by which kibble explain is told what names are made of,
// beside the host: what the request says there is for people to fill in, since in a
// command that they copy it could be a command of somebody else's.
func (id *identifier) asked() string {
	switch id.kind {
	case identifyMethod:
		if slices.Contains(id.vars, urlVar) {
			return "--method METHOD --path PATH "
		}
		return "--method METHOD "
	case identifyPath, identifyGRPC, identifyIngress:
		return "--path PATH "
	case identifyToken, identifyHeader:
		if id.header != "" {
			return "--header '" + id.header + ": VALUE' "
		}
	}
	return ""
}

// spells tells that the letter case of something in names counts.
func (id *identifier) spells() bool {
	return slices.ContainsFunc(id.vars, func(v variable) bool { return v != hostVar && v != methodVar })
}

// host gives the index of the host among the variables, or -1.
func (id *identifier) host() int {
	for i, v := range id.vars {
		if v == hostVar {
			return i
		}
	}
	return -1
}

// name puts a name together from the segments of each variable.
func (id *identifier) name(values [][]string) dtab.Path {
	name := append(dtab.Path(nil), id.prefix...)
	for _, p := range id.pieces {
		if p.literal != nil {
			name = append(name, p.literal...)
			continue
		}
		name = append(name, values[p.index]...)
	}
	return name
}

// Request is what routing can depend on.
type Request struct {
	Method string
	// Host is the Host header or :authority, as the client wrote it.
	Host string
	// Path is the URL's path, perhaps with a query.
	Path string
	// Secure says that it came by TLS.
	Secure bool
	// Header gives the lines of a header by its lower-cased name.
	Header map[string][]string
}

// AddHeader adds a header that is written as "name: value"; host is the Host. It is
// not ok for a text that is no header.
func (r *Request) AddHeader(line string) (ok bool) {
	name, value, ok := strings.Cut(line, ":")
	name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
	switch {
	case !ok || !httpguts.ValidHeaderFieldName(name):
		return false
	case name == "host":
		r.Host = value
	default:
		r.Header[name] = append(r.Header[name], value)
	}
	return true
}

// wellFormed are the hosts that Kibble routes; others are refused with 400.
// It is also what the generated routes match against.
func wellFormed(portsCount bool) string {
	return `(?i)(?:(?:[a-z0-9_-]+\.)*[a-z0-9_-]+|\[[0-9a-f:.]+\])` + followedBy(portsCount)
}

// followedBy is what a host may be followed by. Where ports do not count, that is
// anything behind the last colon, such as nothing: so Envoy finds a virtual host.
// https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route.proto
func followedBy(portsCount bool) string {
	if portsCount {
		return `(?::[0-9]+)?`
	}
	return `(?::[^:\]]*)?`
}

// hostName gives the form of a Host that names are made of: lower case, without
// a trailing dot and, unless ports count, without what is behind the last colon. The
// original compares hosts byte by byte; for HTTP that helps nobody.
func hostName(host string, portsCount bool) (string, error) {
	if host == "" {
		return "", errors.New("the Host header is absent")
	}
	name, port := strings.ToLower(host), ""
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.HasSuffix(name, "]") {
		name, port = name[:i], name[i:]
	}
	name = strings.TrimSuffix(name, ".")
	shape := hostShape
	if portsCount {
		shape = hostPortShape
	}
	if !shape.MatchString(name+port) || !authorityShape.MatchString(host) {
		return "", fmt.Errorf("the Host %q is malformed", host)
	}
	if portsCount {
		name += port
	}
	return name, nil
}

// hostShape are the hosts that identify takes, and hostPortShape those where ports count.
// authorityShape are those that Envoy takes at all: of others it answers 400 itself.
var (
	authorityShape = regexp.MustCompile(`\A[][!$%&'()*+,.0-9:;=@A-Z_a-z~-]*\z`)

	hostShape     = regexp.MustCompile(`\A(?:` + wellFormed(false) + `)\z`)
	hostPortShape = regexp.MustCompile(`\A(?:` + wellFormed(true) + `)\z`)
)

// identify gives the name of a request, or why it has none: it is answered 400.
func (r *router) identify(req Request) (dtab.Path, error) {
	if r.identifier.kind == identifyIngress {
		return r.identifier.ingressName(req)
	}
	values := make([][]string, len(r.identifier.vars))
	for i, v := range r.identifier.vars {
		segments, err := r.value(v, i, req)
		if err != nil {
			return nil, err
		}
		values[i] = segments
	}
	return r.identifier.name(values), nil
}

func (r *router) value(v variable, i int, req Request) ([]string, error) {
	id := &r.identifier
	switch v {
	case hostVar:
		host, err := hostName(req.Host, r.portsCount())
		return []string{host}, err
	case methodVar:
		return []string{req.Method}, nil
	case tokenVar:
		if value := strings.Join(req.Header[id.header], ","); tokenShape.MatchString(value) {
			return []string{value}, nil
		}
		return nil, errors.New("the " + id.header + " header is absent or malformed")
	case valueVar:
		value := strings.Join(req.Header[id.header], ",")
		if p, err := dtab.ParsePath(value); err == nil && valueShape.MatchString(value) {
			return p, nil
		}
		return nil, errors.New("the " + id.header + " header is absent or not a path")
	}
	segments := urlSegments(req.Path)
	if v != segmentVar {
		return segments, nil
	}
	switch {
	case len(segments) < id.n:
		return nil, fmt.Errorf("the path has fewer than %d segments", id.n)
	case !tokenShape.MatchString(segments[i]):
		return nil, fmt.Errorf("the path's segment %q is malformed", segments[i])
	}
	return segments[i : i+1], nil
}

// valueShape are the header values that io.l5d.header takes.
var valueShape = regexp.MustCompile(`\A(?:` + wellFormedValue + `)\z`)

// tokenShape are the header values that io.l5d.header.token takes, and the
// segments that io.l5d.path and io.l5d.header.path take.
var tokenShape = regexp.MustCompile(`\A(?:` + wellFormedToken + `)\z`)

const wellFormedToken = `[A-Za-z0-9_-]+(?:[.:][A-Za-z0-9_-]+)*`

// urlSegments gives the segments of a URL's path: no query, no empty segments.
func urlSegments(path string) []string {
	path, _, _ = strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "#")
	return strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
}

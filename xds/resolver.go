package xds

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"kibble.dev/translate"
)

// DefaultPatience is less than proxies wait for an answer, and more than they pause at
// most before they try to connect again (envoy-bootstrap): so whoever asks a control
// plane that has come back is connected to it in time.
const DefaultPatience = translate.AskedMost - 2*time.Second

// Resolver answers the external authorization requests of two kinds of routers.
// Of those that take overrides from callers it evaluates the caller's own rules
// and names the cluster: only requests that carry such rules reach it. Of those on
// demand it names the cluster of a host that the proxy does not know: the first
// requests for a host reach it, and those for hosts that do not exist.
type Resolver struct {
	authv3.UnimplementedAuthorizationServer
	// Model gives the newest model; it is nil before there is one.
	Model func() *translate.Model
	// Ensure gives the proxies of a class the cluster that a resolution names, and
	// returns when the one that asks has it or the context ends (Server.Ensure).
	Ensure func(ctx context.Context, w Wish) error
	// Connected tells whether a proxy of a class is connected to this control plane
	// (Server.Connected); nil: all are.
	Connected func(class, node string) bool
	// Renew brings all that was ensured up to date (Server.Renew); KeepUp has it done.
	Renew func(again func(o translate.Override, cluster string) (needs translate.Needs, ok bool))
	// Ask says where a host leads (Server.Ask); nil knows of none.
	Ask func(class, router string, req translate.Request) (translate.HostAnswer, bool)
	// Deny counts and logs a call for a router that the caller's class does not
	// have (Server.Deny); nil does neither.
	Deny func(ctx context.Context, why string)
	// Patience bounds how long a request waits for its cluster, from when it was first
	// asked about here; default DefaultPatience.
	Patience time.Duration

	// Now is the clock, and BecameFrequent (may be nil) is told that Frequent
	// has one more; it must not block.
	Now            func() time.Time
	BecameFrequent func()

	answers  answers
	frequent frequent
	passedOn passedOn
}

// Frequent gives the overrides that are asked for often, which proxies should
// be told the answers of: see translate.Model.Foretell.
func (r *Resolver) Frequent() []translate.Override { return r.frequent.all(r.now()) }

func (r *Resolver) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// Check answers one request.
func (r *Resolver) Check(ctx context.Context, req *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	router, class, asks := asking(ctx)
	request := requestOf(req)
	node := nodeOf(request)
	if id := identityOf(ctx); id != nil && node != "" {
		if why := id.refusesNode(node); why != "" {
			return nil, r.deny(ctx, why)
		}
	}
	if asks == translate.AsksHost {
		return r.checkHost(ctx, router, class, request, req)
	}
	m := r.Model()
	if m == nil {
		return nil, grpcstatus.Error(codes.Unavailable, "nothing has been read here yet: another control plane may know")
	}
	if err := r.permit(ctx, m, router, class); err != nil {
		return nil, err
	}
	o := translate.Override{Router: router, Class: class, Request: request}
	res := r.answers.of(m, o)
	if r.BecameFrequent != nil && r.frequent.seen(m, o, r.now()) {
		r.BecameFrequent()
	}
	if res.Status != 200 {
		return denied(res), nil
	}
	branch := res.Draw(rand.Float64())
	wish := Wish{Class: res.Class, Node: node, Override: o, Cluster: branch.Cluster, Needs: branch.Needs}
	switch err := r.await(ctx, wish, req); {
	case errors.Is(err, ErrAway):
		return nil, passOn(node)
	case err != nil:
		return denied(translate.Resolution{Status: 503, Body: "the override's cluster could not be set up\n"}), nil //nolint:nilerr // it is the answer to the request
	}
	return allowed(res, branch), nil
}

// permit lets a proxy ask for routers of its own class only. To the others it
// is not even said whether they are there.
func (r *Resolver) permit(ctx context.Context, m *translate.Model, router, claimed string) error {
	id := identityOf(ctx)
	if id == nil {
		return nil
	}
	class, ok := m.ClassOf(router)
	if ok && id.refusesClass(class) == "" && (claimed == "" || id.refusesClass(claimed) == "") {
		return nil
	}
	return r.deny(ctx, id.says("router", router, "those of proxy class "+strings.Join(id.Classes, ", ")))
}

// deny refuses a call that claims more than its caller has proven.
func (r *Resolver) deny(ctx context.Context, why string) error {
	if r.Deny != nil {
		r.Deny(ctx, why)
	}
	return grpcstatus.Error(codes.PermissionDenied, why)
}

// asking says which router of which proxy class asks, and what.
func asking(ctx context.Context) (router, class, what string) {
	md, _ := metadata.FromIncomingContext(ctx)
	first := func(key string) string {
		if v := md.Get(key); len(v) > 0 {
			return v[0]
		}
		return ""
	}
	return first(translate.HeaderRouter), first(translate.HeaderClass), first(translate.HeaderAsks)
}

// nodeOf says which proxy asks, "" where it has a listener of an older control
// plane, which does not say.
func nodeOf(r translate.Request) string {
	lines := r.Header[translate.HeaderNode]
	if len(lines) != 1 || lines[0] == unknownToEnvoy {
		return ""
	}
	return lines[0]
}

// unknownToEnvoy is what Envoy writes for a value that it does not have.
const unknownToEnvoy = "-"

// requestOf reads what Envoy tells of a request. Lines of one header come one
// by one in the raw list, and joined by commas in the map.
func requestOf(req *authv3.CheckRequest) translate.Request {
	h := req.GetAttributes().GetRequest().GetHttp()
	out := translate.Request{Method: h.GetMethod(), Host: h.GetHost(), Path: h.GetPath(), Header: map[string][]string{}}
	for _, v := range h.GetHeaderMap().GetHeaders() {
		value := v.GetValue()
		if value == "" {
			value = string(v.GetRawValue())
		}
		key := strings.ToLower(v.GetKey())
		out.Header[key] = append(out.Header[key], value)
	}
	if len(out.Header) == 0 {
		for key, value := range h.GetHeaders() {
			out.Header[strings.ToLower(key)] = []string{value}
		}
	}
	return out
}

// allowed names the cluster and passes the merged rules on, in canonical text.
func allowed(res translate.Resolution, to translate.ResolvedBranch) *authv3.CheckResponse {
	ok := &authv3.OkHttpResponse{Headers: leading(to.WeightedCluster), HeadersToRemove: []string{translate.HeaderDtab}}
	if res.Dtab != "" {
		ok.Headers = append(ok.Headers, overwrite(translate.HeaderCtxDtab, res.Dtab))
	} else {
		ok.HeadersToRemove = append(ok.HeadersToRemove, translate.HeaderCtxDtab)
	}
	return passed(ok)
}

// leading names the cluster to the proxy, and what was chosen to the receiver.
func leading(to translate.WeightedCluster) []*corev3.HeaderValueOption {
	headers := []*corev3.HeaderValueOption{overwrite(translate.HeaderCluster, to.Cluster)}
	if to.Dst != "" {
		headers = append(headers, overwrite(translate.HeaderDst, to.Dst))
	}
	return headers
}

// passed lets the request go on, changed so.
func passed(ok *authv3.OkHttpResponse) *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status:       &status.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: ok},
	}
}

func overwrite(key, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: key, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

// denied answers the client; l5d-err is the body's first line, as the original encodes it.
func denied(res translate.Resolution) *authv3.CheckResponse {
	first, _, _ := strings.Cut(res.Body, "\n")
	return &authv3.CheckResponse{
		Status: &status.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode(res.Status)},
			Headers: []*corev3.HeaderValueOption{
				overwrite("content-type", "text/plain"), overwrite(translate.HeaderErr, url.QueryEscape(first)),
			},
			Body: res.Body,
		}},
	}
}

package xds_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// model is one router that takes overrides below /svc, and one that takes none.
func model(t *testing.T) *translate.Model {
	t.Helper()
	router := func(name string, port int32, overrides *v1alpha1.AdHocOverrides) *translate.Sourced[v1alpha1.Router] {
		r := &translate.Sourced[v1alpha1.Router]{}
		r.Object.Name, r.Object.Namespace = name, "default"
		r.Object.Spec = v1alpha1.RouterSpec{
			ProxyClass: "sidecar", Port: port, Trust: v1alpha1.TrustInternal, DstPrefix: "/svc",
			Dtab: "/svc/world => /$/inet/127.0.0.1/81 ; /svc/new => /$/inet/127.0.0.1/82 ; /svc/old => /$/inet/127.0.0.1/83 ;", AdHocOverrides: overrides,
		}
		return r
	}
	m := translate.NewModel(&translate.Inventory{Routers: []*translate.Sourced[v1alpha1.Router]{
		router("closed", 4141, nil),
		router("out", 4140, &v1alpha1.AdHocOverrides{Allow: []string{"/svc"}}),
	}}, time.Now())
	if found := m.Findings(); len(found) > 0 {
		t.Fatal(found)
	}
	return m
}

func TestCheck(t *testing.T) {
	m := model(t)
	var ensured []string
	r := &xds.Resolver{
		Model: func() *translate.Model { return m },
		Ensure: func(_ context.Context, w xds.Wish) error {
			for _, res := range w.Needs.Resources {
				ensured = append(ensured, w.Class+" "+res.Name)
			}
			return nil
		},
	}
	for _, c := range []struct {
		name, router, dtab string
		status             int
		says               string
	}{
		{"malformed", "default/out", "/svc = /a", 400, "expected but"},
		{"not allowed", "default/out", "/host => /svc/new", 403, "allows only what is below /svc"},
		{"takes none", "default/closed", "/svc => /svc/new", 403, "takes no overrides"},
		{"no such router", "default/gone", "/svc => /svc/new", 503, "default/gone"},
		{"leads nowhere", "default/out", "/svc/world => !", 502, "Unable to route request!"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := check(t, r, c.router, c.dtab).GetDeniedResponse()
			if int(got.GetStatus().GetCode()) != c.status || !strings.Contains(got.GetBody(), c.says) {
				t.Errorf("%d %q, want %d and in it %q", got.GetStatus().GetCode(), got.GetBody(), c.status, c.says)
			}
			for _, h := range got.GetHeaders() {
				if h.GetHeader().GetKey() != "l5d-err" {
					continue
				}
				said, err := url.QueryUnescape(h.GetHeader().GetValue())
				if first, _, _ := strings.Cut(got.GetBody(), "\n"); err != nil || said != first {
					t.Errorf("l5d-err says %q, the body's first line is %q (%v)", said, first, err)
				}
			}
		})
	}
	if len(ensured) > 0 {
		t.Errorf("for what is not allowed: %v", ensured)
	}

	ok := check(t, r, "default/out", "/svc/world => /svc/new ;").GetOkResponse()
	headers := map[string]string{}
	for _, h := range ok.GetHeaders() {
		headers[h.GetHeader().GetKey()] = h.GetHeader().GetValue()
	}
	if headers["x-kibble-cluster"] != "/$/inet/127.0.0.1/82" || headers["l5d-ctx-dtab"] != "/svc/world=>/svc/new" {
		t.Errorf("headers: %v", headers)
	}
	if len(ok.GetHeadersToRemove()) != 1 || ok.GetHeadersToRemove()[0] != "l5d-dtab" {
		t.Errorf("it removes %v", ok.GetHeadersToRemove())
	}
	if len(ensured) == 0 || ensured[0] != "sidecar /$/inet/127.0.0.1/82" {
		t.Errorf("it ensured %v", ensured)
	}
}

// The answer is remembered, the draw among the branches of a union is not. A new
// model forgets all.
func TestCheckDraws(t *testing.T) {
	m := model(t)
	r := &xds.Resolver{
		Model:  func() *translate.Model { return m },
		Ensure: func(context.Context, xds.Wish) error { return nil },
	}
	const rule = "/svc/world => 1 * /svc/new & 3 * /svc/old ;"
	count := func() map[string]int {
		to := map[string]int{}
		for range 2000 {
			to[check(t, r, "default/out", rule).GetOkResponse().GetHeaders()[0].GetHeader().GetValue()]++
		}
		return to
	}
	if to := count(); to["/$/inet/127.0.0.1/82"] < 350 || to["/$/inet/127.0.0.1/82"] > 650 || len(to) != 2 {
		t.Errorf("of 2000 requests one in four should go to the new one: %v", to)
	}
	other := model(t)
	m = translate.NewModel(&translate.Inventory{}, time.Now())
	if got := check(t, r, "default/out", rule).GetDeniedResponse().GetStatus().GetCode(); got != 503 {
		t.Errorf("after the router is gone: %d", got)
	}
	m = other
	if to := count(); len(to) != 2 {
		t.Errorf("when it is back: %v", to)
	}
}

// A router is not resolved for proxies of another class, which do not get its clusters.
func TestCheckClass(t *testing.T) {
	m := model(t)
	r := &xds.Resolver{Model: func() *translate.Model { return m }}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("x-kibble-router", "default/out", "x-kibble-class", "edge"))
	got, err := r.Check(ctx, &authv3.CheckRequest{})
	if body := got.GetDeniedResponse().GetBody(); err != nil || !strings.Contains(body, `for proxies of class sidecar, not "edge"`) {
		t.Errorf("%q %v", body, err)
	}
}

// Before anything was read nobody is let through, and another control plane is asked.
func TestCheckEarly(t *testing.T) {
	r := &xds.Resolver{
		Model: func() *translate.Model { return nil },
		Ask:   func(string, string, translate.Request) (a translate.HostAnswer, ok bool) { return a, false },
	}
	for _, asks := range []string{"", translate.AsksHost} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs(
			translate.HeaderRouter, "default/out", translate.HeaderClass, "sidecar", translate.HeaderAsks, asks))
		if got, err := r.Check(ctx, &authv3.CheckRequest{}); got != nil || grpcstatus.Code(err) != codes.Unavailable {
			t.Errorf("%q: %v %v", asks, got, err)
		}
	}
}

// A request does not wait for ever for a proxy that does not answer.
func TestCheckPatience(t *testing.T) {
	m := model(t)
	r := &xds.Resolver{
		Model: func() *translate.Model { return m }, Patience: time.Millisecond,
		Ensure: func(ctx context.Context, _ xds.Wish) error {
			<-ctx.Done()
			return ctx.Err()
		},
	}
	if got := check(t, r, "default/out", "/svc/world => /svc/new"); got.GetOkResponse() == nil {
		t.Errorf("got %v, want it to go on", got)
	}
}

// A proxy that is connected to another control plane is told to ask on, once for each
// request: where nobody has it, whoever is asked again answers.
func TestCheckPassesOn(t *testing.T) {
	m := model(t)
	now := time.Now()
	r := &xds.Resolver{
		Model: func() *translate.Model { return m }, Now: func() time.Time { return now },
		Ensure:    func(context.Context, xds.Wish) error { return nil },
		Connected: func(class, node string) bool { return class == "sidecar" && node == "here" },
	}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("x-kibble-router", "default/out", "x-kibble-class", "sidecar"))
	ask := func(want codes.Code, node, id string) {
		t.Helper()
		answer, err := r.Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
			Http: &authv3.AttributeContext_HttpRequest{Id: id, Method: "GET", Path: "/", Host: "world", Headers: map[string]string{
				"l5d-dtab": "/svc/world => /svc/new", "x-kibble-node": node,
			}},
		}}})
		if grpcstatus.Code(err) != want || want == codes.OK && answer.GetOkResponse() == nil {
			t.Errorf("%s asks about %s: %v %v, want %v", node, id, answer, err, want)
		}
	}
	ask(codes.OK, "here", "1")
	ask(codes.Unavailable, "there", "1")
	ask(codes.Unavailable, "elsewhere", "1")
	ask(codes.OK, "there", "1")
	ask(codes.Unavailable, "there", "2")
	now = now.Add(11 * time.Second)
	ask(codes.OK, "there", "2")
	ask(codes.OK, "-", "3") // it does not say who it is
	ask(codes.OK, "there", "")
	now = now.Add(time.Minute)
	ask(codes.Unavailable, "there", "4")
	now = now.Add(time.Minute)
	ask(codes.Unavailable, "there", "1")
}

// Where no control plane has the proxy yet, each waits for it for a turn, and passes the
// question on again; the last one answers, three seconds after it came first.
func TestCheckTakesTurns(t *testing.T) {
	m := model(t)
	now := time.Now()
	var wish xds.Wish
	var end time.Time
	r := &xds.Resolver{
		Model: func() *translate.Model { return m }, Now: func() time.Time { return now },
		Connected: func(string, string) bool { return false },
		Ensure: func(ctx context.Context, w xds.Wish) error {
			wish = w
			end, _ = ctx.Deadline()
			if w.Turn > 0 {
				return xds.ErrAway
			}
			return nil
		},
	}
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("x-kibble-router", "default/out", "x-kibble-class", "sidecar"))
	for _, then := range []struct {
		after, turn, left time.Duration
		want              codes.Code
	}{
		{want: codes.Unavailable},
		{after: 100 * time.Millisecond, turn: time.Second, left: 2900 * time.Millisecond, want: codes.Unavailable},
		{after: time.Second, turn: time.Second, left: 1900 * time.Millisecond, want: codes.Unavailable},
		{after: time.Second, left: time.Second, want: codes.OK},
		{after: time.Second, left: time.Second, want: codes.OK},
	} {
		now, wish, end = now.Add(then.after), xds.Wish{}, time.Time{}
		began := time.Now()
		_, err := r.Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
			Http: &authv3.AttributeContext_HttpRequest{Id: "1", Method: "GET", Path: "/", Host: "world", Headers: map[string]string{
				"l5d-dtab": "/svc/world => /svc/new", "x-kibble-node": "n",
			}},
		}}})
		if grpcstatus.Code(err) != then.want || wish.Turn != then.turn {
			t.Errorf("%v later: %v, for a turn of %v, want %+v", then.after, err, wish.Turn, then)
		}
		// However long the machine took for it, it was left from some moment of the call on.
		if from := end.Add(-then.left); end.IsZero() != (then.left == 0) || !end.IsZero() && (from.Before(began) || from.After(time.Now())) {
			t.Errorf("%v later: until %v, begun at %v, want %v", then.after, end, began, then.left)
		}
	}
}

func check(t *testing.T, r *xds.Resolver, router, dtab string) *authv3.CheckResponse {
	t.Helper()
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("x-kibble-router", router, "x-kibble-class", "sidecar"))
	got, err := r.Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
		Http: &authv3.AttributeContext_HttpRequest{
			Method: "GET", Path: "/", Host: "world", Headers: map[string]string{"l5d-dtab": dtab},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

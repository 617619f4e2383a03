package xds_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// reviews stands where the API server does; e2e asks a real one.
type reviews struct {
	mu   sync.Mutex
	of   map[string]*xds.Subject
	seen []string
}

func (r *reviews) Review(_ context.Context, token string) (*xds.Subject, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, token)
	if s := r.of[token]; s != nil {
		return s, nil
	}
	return nil, grpcstatus.Error(codes.Unauthenticated, "the token is not good")
}

func (r *reviews) tokens() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.seen...)
}

func grants() []xds.Grant {
	return []xds.Grant{{Class: "sidecar"}, {Class: "edge", Namespace: "kibble-system", ServiceAccount: "edge"}}
}

// A token's pod is all that its bearer may say it is, and its account decides
// which class that is.
func TestTokens(t *testing.T) {
	r := &reviews{of: map[string]*xds.Subject{
		"hello": {Namespace: "default", ServiceAccount: "hello", Pod: "hello-0", NodeName: "n1", Addresses: []string{"10.0.0.7", "fd00::7"}},
		"edge":  {Namespace: "kibble-system", ServiceAccount: "edge", Pod: "edge-0", NodeName: "n1", Addresses: []string{"10.0.0.8"}},
	}}
	s := serveTLS(t, xds.Options{Authenticator: xds.Authenticators{xds.Certificates{}, xds.NewTokens(r, grants())}})
	snapshot := edge(cluster(t, "a", time.Second))
	snapshot.Classes["sidecar"] = snapshot.Classes["edge"]
	s.Publish(snapshot)
	conn := s.with(t)
	for _, c := range []struct {
		token, id, class string
		metadata         []string
		refused          string // "": it is served
	}{
		{"hello", "hello-0", "sidecar", []string{"POD_IP", "10.0.0.7", "NODE_NAME", "n1", "NAMESPACE", "default"}, ""},
		{"hello", "hello-0.default", "sidecar", []string{"POD_IP", "fd00:0::7"}, ""},
		{"edge", "edge-0", "edge", nil, ""},
		{"edge", "edge-0", "sidecar", nil, ""},
		{"hello", "hello-0", "edge", nil, `proxy class "edge" is claimed, and service account default/hello of pod hello-0 is granted sidecar`},
		{"hello", "hello-1", "sidecar", nil, `node id "hello-1"`},
		{"hello", "hello-0", "sidecar", []string{"POD_IP", "10.0.0.8"}, `POD_IP "10.0.0.8" is claimed`},
		{"hello", "hello-0", "sidecar", []string{"NODE_NAME", "n2"}, `NODE_NAME "n2" is claimed`},
		{"hello", "hello-0", "sidecar", []string{"NAMESPACE", "other"}, `NAMESPACE "other" is claimed`},
		{"forged", "hello-0", "sidecar", nil, "the token is not good"},
		{"", "hello-0", "sidecar", nil, "neither a certificate nor a token"},
	} {
		var md []string
		if c.token != "" {
			md = []string{"authorization", "Bearer " + c.token}
		}
		got, err := join(t, conn, node(c.id, c.class, c.metadata...), md...)
		switch {
		case c.refused == "" && (err != nil || len(got.GetResources()) != 1):
			t.Errorf("%+v: %v, %v", c, got, err)
		case c.refused != "" && (err == nil || !strings.Contains(grpcstatus.Convert(err).Message(), c.refused)):
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
	// A certificate and a token grant what both do.
	if _, err := join(t, s.as(t, "edge"), node("hello-0", "sidecar"), "authorization", "Bearer hello"); grpcstatus.Code(err) != codes.PermissionDenied {
		t.Errorf("a certificate for edge and a token for sidecar: %v", err)
	}
	if n := len(r.tokens()); n > 5 {
		t.Errorf("%d reviews for three tokens", n)
	}
}

// Who has proven which pod it is asks the resolver for the proxy of this pod only.
func TestTokensAskForTheirPod(t *testing.T) {
	r := &reviews{of: map[string]*xds.Subject{"hello": {Namespace: "default", ServiceAccount: "hello", Pod: "hello-0"}}}
	m := model(t)
	s := serveTLS(t, xds.Options{Authenticator: xds.NewTokens(r, grants()), Register: func(g grpc.ServiceRegistrar) {
		authv3.RegisterAuthorizationServer(g, &xds.Resolver{
			Model:  func() *translate.Model { return m },
			Ensure: func(context.Context, xds.Wish) error { return nil },
			Ask:    func(string, string, translate.Request) (a translate.HostAnswer, ok bool) { return a, true },
		})
	}})
	client := authv3.NewAuthorizationClient(s.with(t))
	for _, asks := range []string{"", translate.AsksHost} {
		for node, want := range map[string]codes.Code{
			"hello-0": codes.OK, "hello-0.default": codes.OK, "-": codes.OK, "hello-1": codes.PermissionDenied, "hello-0.other": codes.PermissionDenied,
		} {
			ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer hello",
				translate.HeaderRouter, "default/out", translate.HeaderClass, "sidecar", translate.HeaderAsks, asks)
			_, err := client.Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
				Http: &authv3.AttributeContext_HttpRequest{Headers: map[string]string{translate.HeaderNode: node}},
			}}})
			if grpcstatus.Code(err) != want {
				t.Errorf("asks %q for %q: %v, want %s", asks, node, err, want)
			}
		}
	}
}

// A real Envoy sends the token of a file, and the new one when it is replaced,
// without a restart.
func TestEnvoyToken(t *testing.T) {
	up := upstream(t)
	subject := &xds.Subject{Namespace: "default", ServiceAccount: "hello", Pod: "sidecar-0", Addresses: []string{"127.0.10.1"}}
	r := &reviews{of: map[string]*xds.Subject{"first": subject, "second": subject}}
	s := serveTLS(t, xds.Options{Authenticator: xds.Authenticators{xds.Certificates{}, xds.NewTokens(r, grants())}})
	snapshot := edge()
	snapshot.Classes["sidecar"] = classOfAll(t, "sidecar", up)
	s.Publish(snapshot)
	dir := t.TempDir()
	tokenFile(t, dir, "first")
	envoy := runTLS(t, s, "sidecar", bootstrap.TLS{CA: string(s.ca.Certificate), TokenFile: filepath.Join(dir, "token")})
	envoy.WaitReady(t)
	target := "http://" + envoy.Listener(t, "front")
	until(t, "it answers", func() bool { return ask(target) == "sidecar-cluster" })
	connected := s.Proxies()[0].Connected

	tokenFile(t, dir, "second")
	// Nothing shows that Envoy has read it but a further call: streams end one
	// by one until one comes with the new token.
	if !s.Proxies()[0].Connected.Equal(connected) {
		t.Error("a new token ended the stream")
	}
	until(t, "the second token is sent", func() bool {
		s.stop()
		s.startAgain(t, xds.Options{Authenticator: xds.Authenticators{xds.Certificates{}, xds.NewTokens(r, grants())}})
		s.Publish(snapshot)
		until(t, "Envoy has come back", func() bool { return len(s.Proxies()) == 1 })
		seen := r.tokens()
		return seen[len(seen)-1] == "second"
	})
}

// tokenFile puts a token into a directory as kubelet does.
func tokenFile(t *testing.T, dir, token string) {
	t.Helper()
	now := t.TempDir()
	if err := os.WriteFile(filepath.Join(now, "token"), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "token")); err != nil {
		if err := os.Symlink(filepath.Join("..data", "token"), filepath.Join(dir, "token")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(now, filepath.Join(dir, "tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "tmp"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

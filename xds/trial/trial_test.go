package trial

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"kibble.dev/discovery"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/leaktest"
	"kibble.dev/internal/logtest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func trialOf(envoy string, limit time.Duration) (*Trial, *logtest.Log) {
	var l logtest.Log
	return New(Options{Envoy: envoy, Limit: limit, Logger: slog.New(slog.NewTextHandler(&l, nil))}), &l
}

// Envoy takes whatever Kibble makes of the examples and of the golden cases.
func TestTakesWhatKibbleMakes(t *testing.T) {
	cases, err := filepath.Glob("../../internal/goldentest/testdata/golden/*.in.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatal(err, cases)
	}
	inputs := []string{"../../examples/hello-world"}
	for i, c := range cases {
		if i%10 == 0 || strings.Contains(c, "whole") || strings.Contains(c, "ingress") || strings.Contains(c, "jwt") {
			inputs = append(inputs, c)
		}
	}
	tr, l := trialOf(envoytest.Binary(t), time.Minute)
	for _, in := range inputs {
		inv, _, err := discovery.ReadDir(in)
		if err != nil {
			t.Fatal(err)
		}
		s, _ := translate.NewModel(inv, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)).Snapshot()
		refused := tr.Check(t.Context(), s)
		if _, all := tr.Knows(s); !all || len(refused) > 0 || l.String() != "" {
			t.Fatalf("%s: refused %v: %s", in, refused, l)
		}
	}
}

func resource(t *testing.T, name string, m proto.Message) *translate.Resource {
	t.Helper()
	r, err := translate.NewResource(name, m, nil, "test.yaml:"+name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func cluster(t *testing.T, name string, timeout time.Duration) *translate.Resource {
	t.Helper()
	return resource(t, name, &clusterv3.Cluster{Name: name, ConnectTimeout: durationpb.New(timeout)})
}

func listener(t *testing.T, name string, filters ...*listenerv3.Filter) *translate.Resource {
	t.Helper()
	return resource(t, name, &listenerv3.Listener{
		Name: name, FilterChains: []*listenerv3.FilterChain{{Filters: filters}},
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{},
		}}},
	})
}

func host(t *testing.T, table, name, regex string) *translate.Resource {
	t.Helper()
	r, err := translate.NewVirtualHost(table, &routev3.VirtualHost{Name: name, Domains: []string{name}, Routes: []*routev3.Route{{
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: regex}}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c0"}}},
	}}}, nil, "test.yaml:"+name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func extension(t *testing.T, name string, m proto.Message) *translate.Resource {
	t.Helper()
	config, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return resource(t, name, &corev3.TypedExtensionConfig{Name: name, TypedConfig: config})
}

// snapshot is of one class, with sound resources beside those that are given.
func snapshot(t *testing.T, more ...*translate.Resource) *translate.Snapshot {
	t.Helper()
	c := &translate.ClassSnapshot{Resources: map[string]map[string]*translate.Resource{}}
	all := []*translate.Resource{listener(t, "front"), extension(t, "filters", &mutationv3.HeaderMutation{})}
	for i := range 20 {
		all = append(all, cluster(t, fmt.Sprintf("c%d", i), time.Second), host(t, "table", fmt.Sprintf("h%d", i), "/.*"))
	}
	for _, r := range append(all, more...) {
		typ := r.Body.GetTypeUrl()
		if c.Resources[typ] == nil {
			c.Resources[typ] = map[string]*translate.Resource{}
		}
		c.Resources[typ][r.Name] = r
	}
	return &translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{"edge": c}}
}

// Of each type the culprit is found, in Envoy's words, all else is taken, and
// nothing is tried twice.
func TestFindsTheCulprits(t *testing.T) {
	bad := map[string]*translate.Resource{
		"Invalid duration":           cluster(t, "late", -time.Second),
		"no.such.filter":             listener(t, "second", &listenerv3.Filter{Name: "no.such.filter"}),
		"missing )":                  host(t, "table", "odd", "(("),
		"could not find @type":       extension(t, "no-filter", &clusterv3.Cluster{}),
		"no argument for repetition": host(t, "table", "odder", "*"),
	}
	var all []*translate.Resource
	for _, r := range bad {
		all = append(all, r)
	}
	s := snapshot(t, all...)
	tr, l := trialOf(envoytest.Binary(t), time.Minute)
	refused := tr.Check(t.Context(), s)
	for _, v := range refused {
		found := false
		for words, r := range bad {
			found = found || v.Name == r.Name && v.Version.Version == r.Version && (strings.Contains(v.Words, words) || r.Name == "no-filter")
		}
		if !found || v.Class != "edge" {
			t.Errorf("refused is %+v", v)
		}
	}
	if len(refused) != len(bad) {
		t.Errorf("%d are refused: %+v\n%s", len(refused), refused, l)
	}
	for _, f := range Findings(s, refused) {
		if f.Code != "KB1203" || !strings.HasPrefix(f.Message, "Envoy refuses ") {
			t.Errorf("%s", f)
		}
	}
	nobody := New(Options{Envoy: "/does/not/exist"})
	nobody.known = tr.known
	if again := nobody.Check(t.Context(), s); len(again) != len(bad) || strings.Contains(l.String(), "could not be tried") {
		t.Errorf("it was tried again: %v\n%s", again, l)
	}
	if refused := tr.Check(t.Context(), snapshot(t)); len(refused) > 0 || len(tr.known) != 42 {
		t.Errorf("after the correction refused is %v, and %d are known", refused, len(tr.known))
	}
}

// An Envoy that is not there, crashes, says something else or takes too long
// lets all pass, and that is told.
func TestGoesOnWithoutEnvoy(t *testing.T) {
	dir := t.TempDir()
	for name, script := range map[string]string{
		"crashes": "kill -SEGV $$", "says something else": "echo no such option >&2; exit 1", "takes too long": "exec sleep 600", "is not there": "",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			if script != "" {
				if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { //nolint:gosec // it is run
					t.Fatal(err)
				}
			}
			tr, l := trialOf(path, 500*time.Millisecond)
			var published []*translate.Snapshot
			passed := make(chan struct{})
			g := NewGate(tr, func(s *translate.Snapshot, refused ...xds.Verdict) {
				if len(refused) > 0 {
					t.Errorf("refused is %v", refused)
				}
				published = append(published, s)
				close(passed)
			})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- g.Run(ctx) }()
			s := snapshot(t)
			g.Offer(s)
			<-passed
			cancel()
			if err := <-done; err != nil || len(published) != 1 || published[0] != s || !strings.Contains(l.String(), "could not be tried") {
				t.Errorf("%v, published is %v: %s", err, published, l)
			}
		})
	}
}

// slowEnvoy is a gate whose Envoy takes everything, but waits as long as a file is
// there, and what the gate publishes.
func slowEnvoy(t *testing.T) (g *Gate, published chan *translate.Snapshot, wait string) {
	t.Helper()
	dir := t.TempDir()
	slow := filepath.Join(dir, "envoy")
	wait = filepath.Join(dir, "wait")
	script := fmt.Sprintf("#!/bin/sh\nwhile [ -e %s ]; do sleep 0.05; done\nexit 0\n", wait)
	if err := os.WriteFile(slow, []byte(script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	tr, _ := trialOf(slow, time.Minute)
	published = make(chan *translate.Snapshot, 10)
	g = NewGate(tr, func(s *translate.Snapshot, _ ...xds.Verdict) { published <- s })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return g, published, wait
}

// What is known passes while an Envoy looks at something older, and stays.
func TestKnownStays(t *testing.T) {
	g, published, wait := slowEnvoy(t)
	g.Offer(snapshot(t))
	<-published
	if err := os.WriteFile(wait, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g.Offer(snapshot(t, cluster(t, "new", time.Second)))
	<-published
	known := snapshot(t)
	g.Offer(known)
	if s := <-published; s != known {
		t.Error("what is known does not pass")
	}
	if err := os.Remove(wait); err != nil {
		t.Fatal(err)
	}
	if s := <-published; s != known {
		t.Errorf("after it something older is published: %v", s.Classes["edge"].Resources[translate.ClusterType])
	}
}

// Endpoints pass while an Envoy looks at something else; a cluster waits.
func TestEndpointsPass(t *testing.T) {
	g, published, wait := slowEnvoy(t)
	endpoints := func(version string) *translate.Resource {
		return resource(t, "c0", &endpointv3.ClusterLoadAssignment{ClusterName: "c0", Policy: nil, Endpoints: []*endpointv3.LocalityLbEndpoints{
			{Locality: &corev3.Locality{Zone: version}},
		}})
	}
	g.Offer(snapshot(t, endpoints("1")))
	<-published

	if err := os.WriteFile(wait, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		next := snapshot(t, cluster(t, "new", time.Second), endpoints(fmt.Sprint("moved", i)))
		g.Offer(next)
		got := (<-published).Classes["edge"].Resources
		want := next.Classes["edge"].Resources
		if got[translate.EndpointType]["c0"] != want[translate.EndpointType]["c0"] || got[translate.ClusterType]["new"] != nil {
			t.Errorf("%d: the endpoints wait, or the cluster does not: %v", i, got)
		}
	}
	if err := os.Remove(wait); err != nil {
		t.Fatal(err)
	}
	for s := range published {
		if s.Classes["edge"].Resources[translate.ClusterType]["new"] != nil {
			return
		}
	}
}

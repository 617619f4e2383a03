package xds_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// What the Envoy beside a pod that calls 20 services costs in memory: in a mesh
// of 10,000 services, told everything and on demand, and in one of 20. The
// figures are those of its allocator; ratios are to the one of 20.
func BenchmarkEnvoyMemory(b *testing.B) {
	const used = 20
	for b.Loop() {
		small := measure(b, used, used, nil)
		full := measure(b, 10_000, used, nil)
		demand := measure(b, 10_000, used, &v1alpha1.OnDemand{})
		b.ReportMetric(small, "MB-of-20")
		b.ReportMetric(full, "MB-full")
		b.ReportMetric(demand, "MB-on-demand")
		b.ReportMetric(full/small, "full/of-20")
		b.ReportMetric(demand/small, "on-demand/of-20")
	}
	b.ReportMetric(0, "ns/op") // time says nothing here
}

// measure gives the megabytes that an Envoy has allocated once it has sent a
// request to each of those services that are used.
func measure(b *testing.B, services, used int, demand *v1alpha1.OnDemand) float64 {
	b.Helper()
	up := envoytest.Upstream(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") }))
	inv := &translate.Inventory{Services: map[translate.Key]*translate.Service{}, Namespaces: map[string]translate.Labels{"default": nil}}
	table := "/svc => /host ;\n"
	for i := range services {
		name := fmt.Sprintf("s%d", i)
		inv.Services[translate.Key{Namespace: "default", Name: name}] = service(b, name, up)
		table += "/host/" + name + " => /#/io.l5d.k8s/default/http/" + name + " ;\n"
	}
	r := &translate.Sourced[v1alpha1.Router]{Origin: translate.Origin{Name: "out"}}
	r.Object.Name, r.Object.Namespace = "out", "default"
	port := envoytest.FreePorts(b, 1)[0]
	r.Object.Spec = v1alpha1.RouterSpec{
		ProxyClass: "sidecar", Bind: v1alpha1.BindLoopback, Port: int32(port), Dtab: table, OnDemand: demand,
	}
	inv.Routers = append(inv.Routers, r)
	snapshot, found := translate.NewModel(inv, time.Now()).Snapshot()
	if len(found) > 0 {
		b.Fatal(found[0])
	}
	resolver := &xds.Resolver{}
	s, address := serve(b, xds.Options{Register: func(g grpc.ServiceRegistrar) { authv3.RegisterAuthorizationServer(g, resolver) }})
	resolver.Ask = s.Ask
	s.Publish(snapshot)
	envoy := run(b, address, "hello-0", "sidecar", "delta", "--concurrency", "1")
	envoy.WaitReady(b)
	defer envoy.Stop()
	for i := range used {
		host := "s" + strconv.Itoa(i*(services/used))
		if got := askHost(b, port, host); got != "here" {
			b.Fatalf("%s: %s", host, got)
		}
	}
	var memory struct {
		Allocated string `json:"allocated"`
	}
	if err := json.Unmarshal([]byte(envoy.Get(b, "/memory")), &memory); err != nil {
		b.Fatal(err)
	}
	bytes, err := strconv.ParseFloat(memory.Allocated, 64)
	if err != nil {
		b.Fatal(err)
	}
	return bytes / 1e6
}

func askHost(b *testing.B, port int, host string) string {
	b.Helper()
	l := &load{}
	l.ask(http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/", port), host)
	if err := l.failed(); err != nil {
		return err.Error()
	}
	return l.last()
}

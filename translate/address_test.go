package translate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

var (
	up      = translate.Endpoint{Ready: true, Serving: true}
	down    = translate.Endpoint{}
	leaving = translate.Endpoint{Serving: true, Terminating: true}
)

func at(e translate.Endpoint, ips ...string) translate.Endpoint {
	e.Addresses = ips
	return e
}

func labelled(e translate.Endpoint, version string) translate.Endpoint {
	e.Labels = translate.Labels{"version": version}
	return e
}

func slice(port string, number int32, endpoints ...translate.Endpoint) *translate.Slice {
	return &translate.Slice{Ports: []translate.SlicePort{{Name: port, Port: number}}, Endpoints: endpoints}
}

func web(slices ...*translate.Slice) *translate.Inventory {
	key := translate.Key{Namespace: "default", Name: "web"}
	return &translate.Inventory{
		Services: map[translate.Key]*translate.Service{key: {
			Key: key, Exists: true, Slices: slices,
			Ports: []translate.ServicePort{
				{Name: "http", Port: 80, TargetPort: 8080}, {Name: "admin", Port: 90, TargetName: "admin"}, {Name: "same", Port: 70},
			},
		}},
		Files: map[string]map[string]*translate.File{"disco": {"web": {}}},
	}
}

func TestEndpoints(t *testing.T) {
	mixed := web(
		slice("http", 8080, at(up, "10.0.0.10"), at(up, "10.0.0.9", "10.0.0.99"), at(down, "10.0.0.1")),
		slice("http", 9090, at(leaving, "10.0.0.2"), at(down, "10.0.0.9")),
		slice("http", 8080, at(down, "10.0.0.9"), at(up, "fd00::9")),
	)
	tests := []struct {
		name string
		inv  *translate.Inventory
		id   string
		want string
	}{
		{"ports of their own slice, sorted, once each", mixed, "/default/http/web",
			"10.0.0.1:8080- 10.0.0.2:9090- 10.0.0.9:8080+ 10.0.0.9:9090- 10.0.0.10:8080+ fd00::9:8080+"},
		{"letter case does not count", web(slice("http", 8080, at(up, "10.0.0.1"))), "/Default/HTTP/Web", "10.0.0.1:8080+"},
		{"number with a number behind it", web(slice("x", 1, at(up, "10.0.0.1"))), "/default/80/web", "10.0.0.1:8080+"},
		{"number with a name behind it", web(slice("admin", 9, at(up, "10.0.0.1"))), "/default/90/web", "10.0.0.1:9+"},
		{"number with nothing behind it", web(slice("x", 1, at(up, "10.0.0.1"))), "/default/70/web", "10.0.0.1:70+"},
		{"number without endpoints", web(), "/default/80/web", ""},
		{"number of no port", web(slice("x", 1, at(up, "10.0.0.1"))), "/default/81/web", "negative"},
		{"name of no port of a slice", web(slice("x", 1, at(up, "10.0.0.1"))), "/default/http/web", "negative"},
		{"a port that only an empty slice has", web(slice("http", 1), slice("x", 1, at(up, "10.0.0.1"))), "/default/http/web", "negative"},
		{"nobody ready", web(slice("http", 1, at(down, "10.0.0.1"))), "/default/http/web", "10.0.0.1:1-"},
		{"only the leaving are left", web(slice("http", 1, at(down, "10.0.0.1"), at(leaving, "10.0.0.2"))), "/default/http/web", "10.0.0.1:1- 10.0.0.2:1+"},
		{"no such service", web(), "/default/http/nope", "negative"},
		{"too short", web(), "/default/http", "negative"},
		{"too long without a label's name", web(slice("http", 1, at(up, "10.0.0.1"))), "/default/http/web/v1", "negative"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, behind(t, translate.View{Inventory: test.inv}, test.id)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEndpointsWithLabel(t *testing.T) {
	inv := web(slice("http", 8080, labelled(at(up, "10.0.0.1"), "v1"), labelled(at(up, "10.0.0.2"), "V2"), at(up, "10.0.0.3")))
	view := inv.View(v1alpha1.Namer{Kind: dtab.KindK8s, LabelSelector: "version"})
	for id, want := range map[string]string{
		"/default/http/web/v1": "10.0.0.1:8080+",
		"/default/http/web/v2": "10.0.0.2:8080+",
		"/default/http/web/v3": "negative",
		"/default/80/web/v3":   "",
		"/default/http/web":    "negative",
	} {
		if got := behind(t, view, id); got != want {
			t.Errorf("%s: got %q, want %q", id, got, want)
		}
	}
}

func TestEndpointsDoNotDependOnOrder(t *testing.T) {
	slices := []*translate.Slice{
		slice("http", 1, at(up, "10.0.0.3"), at(up, "10.0.0.1"), at(down, "10.0.0.2")),
		slice("http", 1, at(down, "10.0.0.3"), at(up, "10.0.0.2"), at(leaving, "fd00::1")),
	}
	want := behind(t, translate.View{Inventory: web(slices...)}, "/default/http/web")
	for range 20 {
		rand.Shuffle(len(slices), func(i, j int) { slices[i], slices[j] = slices[j], slices[i] })
		for _, s := range slices {
			rand.Shuffle(len(s.Endpoints), func(i, j int) { s.Endpoints[i], s.Endpoints[j] = s.Endpoints[j], s.Endpoints[i] })
		}
		if got := behind(t, translate.View{Inventory: web(slices...)}, "/default/http/web"); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestExternalNeedsAnIngress(t *testing.T) {
	inv := web()
	service := inv.Services[translate.Key{Namespace: "default", Name: "web"}]
	service.Ports = append(service.Ports, translate.ServicePort{Name: "alias", Port: 60, TargetName: "http"})
	id := func(text string) dtab.Path { return path(t, text) }
	if inv.Has(dtab.KindK8sExternal, id("/default/http/web")) {
		t.Error("a Service without a load balancer has no external address")
	}
	service.Ingress = []translate.Ingress{{IP: "192.0.2.1"}, {IP: "192.0.2.2", Hostname: "lb.example.com"}, {}}
	for text, want := range map[string]string{
		"/default/http/web": "lb.example.com:80", "/DEFAULT/Http/web": "lb.example.com:80", "/default/60/web": "lb.example.com:80",
		"/default/80/web": "negative", "/default/nope/web": "negative", "/default/http/nope": "negative",
	} {
		got := "negative"
		if host, port, ok := (translate.View{Inventory: inv}).External(id(text)); ok {
			got = fmt.Sprintf("%s:%d", host, port)
		}
		if got != want || inv.Has(dtab.KindK8sExternal, id(text)) != (want != "negative") {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestFiles(t *testing.T) {
	view := web().View(v1alpha1.Namer{Kind: dtab.KindFS, RootDir: "disco"})
	for id, want := range map[string]bool{"/web": true, "/Web": false, "/web/more": false, "/": false} {
		if got := view.Has(dtab.KindFS, path(t, id)); got != want {
			t.Errorf("%s: got %v", id, got)
		}
	}
	if web().Has(dtab.KindFS, dtab.Path{"web"}) {
		t.Error("without its directory a file is not known")
	}
}

func path(t *testing.T, text string) dtab.Path {
	t.Helper()
	p, err := dtab.ParsePath(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// behind gives what stands behind an id as text, ready addresses marked with +.
func behind(t *testing.T, view translate.View, text string) string {
	t.Helper()
	id := path(t, text)
	addresses, bound := view.Endpoints(id)
	if has := view.Has(dtab.KindK8s, id); has != bound {
		t.Errorf("%s: Has says %v, Endpoints %v", text, has, bound)
	}
	if !bound {
		return "negative"
	}
	var words []string
	for _, a := range addresses {
		ready := "-"
		if a.Ready {
			ready = "+"
		}
		words = append(words, fmt.Sprintf("%s:%d%s", a.IP, a.Port, ready))
	}
	return strings.Join(words, " ")
}

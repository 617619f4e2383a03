package translate

import (
	"fmt"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

var labels = []string{"a", "b", "c", "world", "v1", "www", "default", "http", "80"}

func genPath(t *rapid.T, n int, from []string) string {
	k := rapid.IntRange(1, n).Draw(t, "n")
	var b strings.Builder
	for range k {
		b.WriteString("/" + rapid.SampledFrom(from).Draw(t, "label"))
	}
	return b.String()
}

var prefixLabels = append([]string{"*", "a.b", "svc", "host", "srv", "1.1", "GET"}, labels...)

func genTree(t *rapid.T, depth int) string {
	switch k := rapid.IntRange(0, 11).Draw(t, "tree"); {
	case k < 2:
		return "/#/io.l5d.k8s/default/http" + rapid.SampledFrom([]string{"", "/a", "/b", "/world"}).Draw(t, "svc")
	case k == 2:
		return rapid.SampledFrom([]string{"~", "!", "$", "/$/nil", "/$/fail", "/#/io.l5d.k8s", "/#/io.l5d.k8s/default", "/#/rw"}).Draw(t, "leaf")
	case k == 3:
		return rapid.SampledFrom([]string{
			"/$/io.buoyant.http.domainToPathPfx/host", "/$/io.buoyant.http.subdomainOfPfx/b.c/srv", "/$/io.buoyant.http.anyHostPfx/srv",
			"/$/io.buoyant.http.domainToPath", "/$/io.buoyant.http.anyMethodPfx/host", "/$/inet/127.0.0.1/80",
			"/$/io.buoyant.porthostPfx/host", "/$/io.buoyant.hostportPfx/srv", "/$/io.buoyant.rinet/80", "/$/io.buoyant.rinet",
		}).Draw(t, "utility")
	case k < 9 || depth == 0:
		return genPath(t, 3, append([]string{"svc", "host", "srv"}, labels...))
	case k == 9:
		return "(" + genTree(t, depth-1) + " | " + genTree(t, depth-1) + ")"
	}
	w := rapid.SampledFrom([]string{"1", "9", "0.5", "0"})
	return "(" + w.Draw(t, "w") + " * " + genTree(t, depth-1) + " & " + w.Draw(t, "w") + " * " + genTree(t, depth-1) + ")"
}

func genTable(t *rapid.T, n int) string {
	lines := []string{}
	roots := []string{"/svc", "/host", "/srv", "/svc/1.1"}
	for range rapid.IntRange(0, n).Draw(t, "entries") {
		prefix := rapid.SampledFrom(roots).Draw(t, "root")
		if rapid.Bool().Draw(t, "longer") {
			prefix += genPath(t, 3, prefixLabels)
		}
		lines = append(lines, prefix+" => "+genTree(t, 2))
	}
	return strings.Join(lines, ";\n")
}

func genInventory(t *rapid.T) *Inventory {
	inv := &Inventory{Services: map[Key]*Service{}}
	for _, ns := range []string{"default", "b"} {
		for _, name := range []string{"a", "b", "world", "v1"} {
			if rapid.Bool().Draw(t, "service") {
				key := Key{ns, name}
				inv.Services[key] = &Service{
					Key: key, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80}},
					Slices: []*Slice{{
						Name: name, Ports: []SlicePort{{Name: "http", Port: 8080}},
						Endpoints: []Endpoint{{Addresses: []string{"127.0.0.1"}, Ready: true, Serving: true}},
					}},
				}
			}
		}
	}
	inv.Ingresses = genIngresses(t)
	return inv
}

func genIngresses(t *rapid.T) []*Sourced[HTTPIngress] {
	var all []*Sourced[HTTPIngress]
	for i := range rapid.IntRange(0, 2).Draw(t, "ingresses") {
		o := HTTPIngress{Key: Key{"default", fmt.Sprintf("i%d", i)}, Class: DefaultIngressClass}
		backend := func() IngressBackend {
			return IngressBackend{Service: rapid.SampledFrom([]string{"a", "world", "v1"}).Draw(t, "backend"), Port: "http"}
		}
		if rapid.Bool().Draw(t, "default") {
			b := backend()
			o.Default = &b
		}
		for range rapid.IntRange(0, 4).Draw(t, "paths") {
			p := IngressPath{
				Host:    rapid.SampledFrom([]string{"", "a", "world", "*.world", "a.world", "*.a.world", "b.a"}).Draw(t, "host"),
				Type:    rapid.SampledFrom([]IngressPathType{IngressExact, IngressPrefix, IngressPrefix, IngressRegex}).Draw(t, "type"),
				Path:    rapid.SampledFrom([]string{"/", "/a", "/a/", "/a/b", "/world", "/zz"}).Draw(t, "path"),
				Backend: backend(),
			}
			if p.Type == IngressRegex {
				p.Path = rapid.SampledFrom([]string{"/a.*", "/[a-z]+", "/(a|world)/.+", "/zz|/b"}).Draw(t, "regex")
			}
			o.Paths = append(o.Paths, p)
		}
		all = append(all, &Sourced[HTTPIngress]{Object: o})
	}
	return all
}

func genResponses(t *rapid.T) []v1alpha1.Response {
	var all []v1alpha1.Response
	for i := range rapid.IntRange(-3, 3).Draw(t, "responses") {
		r := v1alpha1.Response{Status: int32(210 + i)}
		switch rapid.IntRange(0, 4).Draw(t, "of") {
		case 0:
			r.Path = rapid.SampledFrom([]string{"/", "/a", "/a/b"}).Draw(t, "path")
		case 1, 2:
			r.PathPrefix = rapid.SampledFrom([]string{"/", "/a", "/a/", "/world/v1"}).Draw(t, "prefix")
		case 3:
			r.Unrouted = true
		}
		if !r.Unrouted {
			r.Host = rapid.SampledFrom([]string{"", "world", "*.world", "A.world", "*.a.world", "b.a"}).Draw(t, "host")
		}
		if rapid.Bool().Draw(t, "redirect") {
			r.Redirect = &v1alpha1.Redirect{Host: "elsewhere.example", Status: 308}
			r.Status = 0
		}
		all = append(all, r)
	}
	return all
}

func genHost(t *rapid.T) string {
	n := rapid.IntRange(1, 4).Draw(t, "labels")
	parts := make([]string, n)
	for i := range parts {
		parts[i] = rapid.SampledFrom(append([]string{"zz", "WORLD", "x"}, labels...)).Draw(t, "label")
	}
	host := strings.Join(parts, ".")
	return host + rapid.SampledFrom([]string{"", "", "", ".", ":80", ":8080", "..", ".:80", "!", ":", ".:8x", ":80:"}).Draw(t, "end")
}

func genIdentifier(t *rapid.T) *v1alpha1.Identifier {
	return rapid.SampledFrom([]*v1alpha1.Identifier{
		nil, nil, nil,
		{Kind: identifyMethod},
		{Kind: identifyPath, Segments: 1},
		{Kind: identifyPath, Segments: 2},
		{Kind: identifyHeader},
		{Kind: identifyToken, Header: "x-to"},
		{Kind: identifyStatic, Path: "/a/b"},
		{Kind: identifyGRPC},
		{Kind: identifyIngress},
	}).Draw(t, "identifier")
}

func genRequest(t *rapid.T, overlays []overlay) Request {
	req := Request{
		Method: rapid.SampledFrom([]string{"GET", "POST", "M-SEARCH"}).Draw(t, "method"),
		Host:   genHost(t),
		Path:   rapid.SampledFrom([]string{"/", "/a", "/a/b", "/world/v1/x", "/zz/a?q=1", "/b/", "/world.b/a", "/x.world/zz.a.b", "/WORLD/a", "/a..b", "/a%20b/c"}).Draw(t, "path"),
		Header: map[string][]string{},
	}
	if rapid.Bool().Draw(t, "l5d-name") {
		req.Header["l5d-name"] = []string{rapid.SampledFrom([]string{"/", "/a", "/a/b/c", "/world", "x", "/zz/b/"}).Draw(t, "value")}
	}
	if rapid.Bool().Draw(t, "x-to") {
		req.Header["x-to"] = []string{genHost(t)}
	}
	var ids []string
	families := map[string]bool{}
	for _, o := range overlays {
		switch {
		case !rapid.Bool().Draw(t, "holds"), o.family != "" && families[o.family]:
		case o.family != "":
			families[o.family] = true
			ids = append([]string{o.id}, ids...) // the members of families come first
		default:
			ids = append(ids, o.id)
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "unknown") == 0 {
		ids = append(ids, "nobody-knows-this")
	}
	if len(ids) > 0 {
		req.Header[headerDogfood] = []string{strings.Join(ids, ",")}
	}
	return req
}

// generated is a random router with what it is compiled to.
type generated struct {
	router   *router
	overlays []overlay
	rc       *routev3.RouteConfiguration
	class    *classBuilder
}

// text is everything that names are made with.
func (g generated) text() string {
	text := g.router.table.Dtab().String()
	for _, o := range g.overlays {
		text += o.table.String()
	}
	return text
}

func generate(t *rapid.T) generated { return generateOf(t, func(*v1alpha1.RouterSpec) {}) }

// generateOf gives a random router that is changed before it is compiled.
func generateOf(t *rapid.T, change func(*v1alpha1.RouterSpec)) generated {
	inv := genInventory(t)
	src := &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{
		ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "default"},
		Spec: v1alpha1.RouterSpec{
			ProxyClass: "edge", Port: 1, Identifier: genIdentifier(t), Dtab: genTable(t, 6),
			Namers: []v1alpha1.Namer{
				{Kind: dtab.KindK8s},
				{Kind: dtab.KindRewrite, Prefix: "/rw", Pattern: "/{x}/*", Name: "/host/{x}"},
			},
			Responses: genResponses(t),
		},
	}}
	change(&src.Object.Spec)
	r, found := newRouter(inv, src)
	if r == nil {
		t.Fatalf("router: %v", found)
	}
	var overlays []overlay
	for i := range rapid.SampledFrom([]int{0, 1, 2, 3, 3, 5}).Draw(t, "policies") {
		table, err := dtab.Parse(dtab.Source{}, genTable(t, 2))
		if err != nil {
			t.Fatal(err)
		}
		o := overlay{id: fmt.Sprintf("p%d", i), table: table}
		if i >= 2 {
			o.family = rapid.SampledFrom([]string{"", "", "f", "g"}).Draw(t, "family")
		}
		overlays = append(overlays, o)
	}
	r.seePorts(overlays)
	cells, limits := explore(r, newNames(inv), overlays)
	if len(limits) > 0 {
		t.Skip("the table loops")
	}
	g := generated{router: r, overlays: overlays}
	g.rc, g.class = wholeTable(r, overlays, cells, inv)
	return g
}

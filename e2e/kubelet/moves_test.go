//go:build linux

package kubelet_test

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// The orders are those of docs/operations/upgrading.md.

// objects asks about our objects of a kind in the release's namespace.
func objects(r *rest.Request, kind string, name ...string) *rest.Request {
	return r.AbsPath(append([]string{"/apis/kibble.dev/v1alpha1/namespaces", namespace, kind}, name...)...)
}

// do asks the API server, which must do it.
func (l *lab) do(r *rest.Request) {
	l.Helper()
	l.Must(r.Do(l.Context()).Error())
}

// portUnderLoad has the edge listen elsewhere, as proxies of another class.
func (l *lab) portUnderLoad(edge string) {
	d := l.load(edge)
	admin := l.Admin.CoreV1().RESTClient()
	// The demo's own policy goes over to the new Router at once.
	l.do(objects(admin.Post(), "dogfoodpolicies").SetHeader("Content-Type", "application/json").Body([]byte(`{
		"apiVersion": "kibble.dev/v1alpha1", "kind": "DogfoodPolicy", "metadata": {"name": "earth"},
		"spec": {"routers": ["ingress", "front"], "when": {"cookie": {"name": "special_employee_cookie", "exact": "dogfood"}}, "override": "/host/world => /srv/world-v2"}}`)))
	l.do(objects(admin.Patch(types.MergePatchType), "routers", "ingress").Body([]byte(`{"metadata": {"annotations": {"helm.sh/resource-policy": "keep"}}}`)))
	l.helm("upgrade", release, chart, "--namespace", namespace, "--reset-then-reuse-values",
		"--set", "edge.port=4152,edge.proxyClass=front,edge.router.name=front")
	l.rolledOut("kibble-edge")
	d.wait(200)
	l.do(objects(admin.Delete(), "routers", "ingress"))
	d.end()
}

// sidecarsUnderLoad has sidecars listen elsewhere, as proxies of another class. The
// Routers of before are copied, because those of the demo move with the values.
func (l *lab) sidecarsUnderLoad(edge string) {
	d := l.load(edge)
	admin := l.Admin.CoreV1().RESTClient()
	routers := []string{"outgoing", "incoming"}
	for _, name := range routers {
		b, err := objects(admin.Get(), "routers", name).DoRaw(l.Context())
		l.Must(err)
		var router map[string]any
		l.Must(json.Unmarshal(b, &router))
		router["metadata"] = map[string]any{"name": name + "-before"}
		b, err = json.Marshal(router)
		l.Must(err)
		l.do(objects(admin.Post(), "routers").SetHeader("Content-Type", "application/json").Body(b))
	}
	l.helm("upgrade", release, chart, "--namespace", namespace, "--reset-then-reuse-values",
		"--set", "injector.proxyClass=inside,injector.port=4150,controlPlane.extraArgs={--token-class=sidecar}")
	for _, name := range []string{"kibble", "kibble-injector"} {
		l.rolledOut(name)
	}
	d.wait(200) // sidecars of before go on
	l.restart()
	for _, name := range routers {
		l.do(objects(admin.Delete(), "routers", name+"-before"))
	}
	d.end()
}

package discovery_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"kibble.dev/discovery"
	"kibble.dev/internal/leaktest"
	"kibble.dev/translate"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// manifest is read from a file and from the cluster.
const manifest = `
apiVersion: v1
kind: Namespace
metadata: {name: prod, labels: {stage: prod}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: prod}
spec:
  clusterIP: None
  ports:
  - {name: http, port: 80, protocol: TCP, targetPort: http}
  - {name: dns, port: 53, protocol: UDP, targetPort: 53}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: prod, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
- {addresses: [10.0.0.1], nodeName: node-1, zone: a, conditions: {ready: true, serving: true, terminating: false}}
- {addresses: [10.0.0.2], nodeName: node-2, zone: b, conditions: {ready: false, serving: true, terminating: true}}
- {addresses: [10.0.0.3], nodeName: node-2, zone: b, conditions: {ready: false, serving: false, terminating: false}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-2, namespace: prod, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
- {addresses: ["fd00::1"], nodeName: node-1, zone: a, conditions: {ready: true, serving: true, terminating: false}}
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: ingress, namespace: prod}
spec:
  proxyClass: edge
  port: 4142
  dtab: |
    /svc => /#/io.l5d.k8s/prod/http ;
---
apiVersion: kibble.dev/v1alpha1
kind: Dtab
metadata: {name: shared, namespace: prod}
spec: {dtab: "/a => /b"}
---
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: staff, namespace: prod}
spec:
  when: {cookie: {name: staff, exact: "yes"}}
  override: "/svc/web => /svc/web2"
`

const slice = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %s-1, namespace: prod, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [%s], conditions: {ready: true, serving: true, terminating: false}}]
`

var (
	web   = translate.Key{Namespace: "prod", Name: "web"}
	other = translate.Key{Namespace: "prod", Name: "other"}
)

func addresses(u discovery.Update, key translate.Key) (all []string) {
	if service := u.Inventory.Services[key]; service != nil {
		for _, s := range service.Slices {
			for _, e := range s.Endpoints {
				all = append(all, e.Addresses...)
			}
		}
	}
	return all
}

func is(key translate.Key, want ...string) func(discovery.Update) bool {
	return func(u discovery.Update) bool { return fmt.Sprint(addresses(u, key)) == fmt.Sprint(want) }
}

// With the least rights, a cluster gives the facts that the same manifests give
// as files, follows changes, shares what did not change, and nobody forbids
// anything on the way.
func TestFacts(t *testing.T) {
	l := newLab(t)
	l.apply(manifest + "---" + fmt.Sprintf(slice, "other", "10.0.1.1"))
	file := filepath.Join(t.TempDir(), "all.yaml")
	l.must(os.WriteFile(file, []byte(manifest+"---"+fmt.Sprintf(slice, "other", "10.0.1.1")), 0o600))
	want, found, err := discovery.ReadDir(file)
	if err != nil || len(found) > 0 {
		t.Fatal(err, found)
	}

	w := l.watch(discovery.ClusterOptions{Config: l.account("least", discovery.Rights{}.Rules())})
	first := w.until("everything is read", func(discovery.Update) bool { return true })
	// The API server makes some things of its own when it pleases.
	ours := cmp.Options{
		cmpopts.IgnoreMapEntries(func(k translate.Key, _ *translate.Service) bool { return k.Name == "kubernetes" }),
		cmpopts.IgnoreMapEntries(func(name string, _ translate.Labels) bool { return name != "prod" }),
		cmpopts.IgnoreUnexported(translate.Inventory{}),
	}
	same := cmp.Options{
		cmpopts.IgnoreTypes(translate.Origin{}, metav1.TypeMeta{}), cmpopts.IgnoreFields(metav1.ObjectMeta{}, "UID", "Generation", "CreationTimestamp"),
		cmpopts.EquateEmpty(), ours,
	}
	if diff := cmp.Diff(want, first.Inventory, same...); diff != "" || len(first.Findings) > 0 {
		t.Errorf("facts of files (-) and of the cluster (+):\n%s\n%v", diff, first.Findings)
	}
	once, found, err := discovery.ReadCluster(t.Context(), discovery.ClusterOptions{Config: l.Config})
	if diff := cmp.Diff(first.Inventory, once, ours); diff != "" || len(found) > 0 || err != nil {
		t.Errorf("facts of watching (-) and of reading once (+):\n%s\n%v, %v", diff, found, err)
	}

	l.apply(fmt.Sprintf(slice, "other", "10.0.1.2"))
	next := w.until("an address is another one", is(other, "10.0.1.2"))
	if next.Inventory.Services[web] != first.Inventory.Services[web] || next.Inventory.Routers[0] != first.Inventory.Routers[0] {
		t.Error("what did not change is not shared")
	}
	l.delete(fmt.Sprintf(slice, "other", "10.0.1.2"))
	w.until("the Service is gone", func(u discovery.Update) bool { return u.Inventory.Services[other] == nil })
	if strings.Contains(w.log.String(), "orbidden") {
		t.Errorf("something was forbidden:\n%s", w.log)
	}
}

// An object that becomes invalid keeps its last good form, as in a file, and a
// place in it is told as one in the object.
func TestInvalidObject(t *testing.T) {
	l := newLab(t)
	l.apply(manifest)
	w := l.watch(discovery.ClusterOptions{Config: l.Config})
	w.until("everything is read", func(u discovery.Update) bool { return len(u.Inventory.Routers) == 1 })
	broken := strings.Replace(manifest, "port: 4142", "port: 414200", 1)
	l.apply(broken)
	u := w.until("the mistake is told", func(u discovery.Update) bool {
		return hasFinding(u, "router prod/ingress", "spec.port", "414200")
	})
	if !hasFinding(u, "router prod/ingress", "last good form") || u.Inventory.Routers[0].Object.Spec.Port != 4142 {
		t.Errorf("port %d; %v", u.Inventory.Routers[0].Object.Spec.Port, u.Findings)
	}
	l.apply(strings.Replace(broken, "414200", "4143", 1))
	u = w.until("it is mended", func(u discovery.Update) bool { return len(u.Findings) == 0 })
	origin := u.Inventory.Routers[0].Origin
	if at := origin.Field("spec.dtab").At(3, 12).String(); at != "router prod/ingress spec.dtab:3:12" {
		t.Errorf("a place in a table is told as %s", at)
	}
}

// Secrets are read one by one, when a policy names them; Pods when a namer has a
// labelSelector; Ingresses when a router wants them. A right that is missing is
// told, and holds nothing else back.
func TestReferences(t *testing.T) {
	l := newLab(t)
	l.apply(manifest)
	least := l.account("least", discovery.Rights{}.Rules())
	some := l.account("some", discovery.Rights{Secrets: []string{"keys"}, PodLabels: true, Ingresses: true}.Rules())
	denied := l.watch(discovery.ClusterOptions{Config: least})
	allowed := l.watch(discovery.ClusterOptions{Config: some})
	for _, w := range []*watched{denied, allowed} {
		w.until("everything is read", func(discovery.Update) bool { return true })
	}
	l.apply(`
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: prod}
stringData: {jwks: "{}", other: nobody asks}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: prod, labels: {version: v2}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: prod}
spec:
  ingressClassName: kibble
  rules: [{host: shop.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}]}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: prod, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, namespace: prod, name: web-0}}]
---
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: tokens, namespace: prod}
spec:
  when: {jwt: {issuer: https://issuer.example, jwksSecretRef: {name: keys, key: jwks}, claims: [{name: team, exact: a}]}}
  override: "/svc/web => /svc/web2"
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: labels, namespace: prod}
spec:
  proxyClass: edge
  port: 4143
  namers: [{kind: io.l5d.k8s, labelSelector: version}]
  identifier: {kind: io.l5d.ingress}
  dtab: "/svc => /#/io.l5d.k8s/prod/http"
`)
	denied.until("the policy is there", func(u discovery.Update) bool { return len(u.Inventory.Policies) == 2 })
	u := denied.until("what is missing is told", func(u discovery.Update) bool {
		return hasFinding(u, "KB1013", "secret prod/keys", "cannot", "grant list and watch on secrets in namespace prod") &&
			hasFinding(u, "pods in all namespaces", "grant list and watch on pods") && hasFinding(u, "ingresses.networking.k8s.io")
	})
	if len(u.Inventory.Secrets) > 0 || len(u.Inventory.Ingresses) > 0 {
		t.Error("without rights:", u.Inventory.Secrets)
	}
	u = allowed.until("everything is there", func(u discovery.Update) bool {
		return len(u.Inventory.Secrets) == 1 && len(u.Inventory.Ingresses) == 1 && u.Inventory.Services[web].Slices[0].Endpoints[0].Labels["version"] == "v2"
	})
	if got := u.Inventory.Secrets[translate.Key{Namespace: "prod", Name: "keys"}]; len(got) != 1 || got["jwks"] != "{}" {
		t.Errorf("the Secret: %d keys", len(got))
	}
	if len(u.Findings) > 0 || strings.Contains(allowed.log.String(), "orbidden") {
		t.Errorf("%v\n%s", u.Findings, allowed.log)
	}
	l.delete("{apiVersion: kibble.dev/v1alpha1, kind: DogfoodPolicy, metadata: {name: tokens, namespace: prod}}")
	allowed.until("the Secret is forgotten", func(u discovery.Update) bool { return len(u.Inventory.Secrets) == 0 })
}

// With the rights of Roles in two namespaces, these are read and no other.
func TestNamespaces(t *testing.T) {
	l := newLab(t)
	l.apply(manifest)
	l.namespace("a", map[string]string{"team": "a"})
	l.apply("{apiVersion: kibble.dev/v1alpha1, kind: Dtab, metadata: {name: d, namespace: a}, spec: {dtab: /x => /y}}")
	l.namespace("b", nil)
	rights := discovery.Rights{Namespaced: true}
	w := l.watch(discovery.ClusterOptions{Config: l.account("least", rights.Rules(), "a", "prod"), Namespaces: []string{"a", "prod"}})
	u := w.until("everything is read", func(discovery.Update) bool { return true })
	if len(u.Inventory.Dtabs) != 2 || len(u.Inventory.Services) != 1 || len(u.Inventory.Namespaces) != 2 || u.Inventory.Namespaces["a"]["team"] != "a" {
		t.Errorf("read: %v, %v", u.Inventory.Services, u.Inventory.Namespaces)
	}
	if strings.Contains(w.log.String(), "orbidden") {
		t.Errorf("something was forbidden:\n%s", w.log)
	}

	_, _, err := discovery.ReadCluster(t.Context(), discovery.ClusterOptions{Config: l.account("nobody", nil), Namespaces: []string{"a"}})
	for _, text := range []string{`cannot list resource "routers"`, "grant list and watch on routers.kibble.dev in namespace a", "services in namespace a"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("without rights: %v\nwant %s", err, text)
		}
	}
	stranger := rest.AnonymousClientConfig(l.Config)
	stranger.BearerToken = "nobody's"
	_, _, err = discovery.ReadCluster(t.Context(), discovery.ClusterOptions{Config: stranger})
	if want := "the API server at " + l.Config.Host + " does not know who you are; "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("as nobody: %v\nwant %s", err, want)
	}
}

// While the API server is away, what was read stays, and who is new waits. When
// it is back, what has happened meanwhile is seen.
func TestAway(t *testing.T) {
	l := newLab(t)
	l.apply(manifest + "---" + fmt.Sprintf(slice, "other", "10.0.1.1"))
	w := l.watch(discovery.ClusterOptions{Config: l.Config})
	w.until("everything is read", is(other, "10.0.1.1"))
	l.StopAPIServer()
	late := l.watch(discovery.ClusterOptions{Config: l.Config})
	if len(w.Waiting()) > 0 || len(late.Waiting()) == 0 {
		t.Errorf("while away: %v, %v", w.Waiting(), late.Waiting())
	}
	select {
	case u := <-late.updates:
		t.Errorf("an inventory of nothing: %v", u)
	default:
	}
	l.StartAPIServer()
	l.apply(fmt.Sprintf(slice, "other", "10.0.1.2"))
	w.until("the change is seen", is(other, "10.0.1.2"))
	late.until("who is new sees it", is(other, "10.0.1.2"))
	if len(addresses(w.last, web)) == 0 {
		t.Error("something was lost")
	}
}

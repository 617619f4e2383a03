package discovery

import (
	"fmt"
	"strings"
	"testing"

	"kibble.dev/translate"
)

// Ingresses without a class are of the default one: the newest, of equals the
// first by name.
func TestDefaultIngressClass(t *testing.T) {
	class := func(name, created, byDefault string) string {
		return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: %s, creationTimestamp: %s, annotations: {ingressclass.kubernetes.io/is-default-class: %q}}\nspec: {controller: kibble.dev/kibble}\n", name, created, byDefault)
	}
	const old, young = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
	for _, test := range []struct{ what, classes, want string }{
		{"none", "", ""},
		{"none by default", class("kibble", old, "false"), ""},
		{"one", class("nginx", young, "no") + class("kibble", old, "true"), "kibble"},
		{"the newest", class("a", old, "true") + class("b", young, "true") + class("c", old, "true"), "b"},
		{"the first by name", class("c", old, "true") + class("b", old, "true") + class("d", old, "true"), "b"},
	} {
		inv, found, err := ReadStream("x.yaml", strings.NewReader(test.classes+`---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: plain}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: theirs}
spec: {ingressClassName: theirs}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: older, annotations: {kubernetes.io/ingress.class: theirs}}
`))
		if err != nil || len(found) > 0 {
			t.Fatal(found, err)
		}
		got := map[translate.Key]string{}
		for _, in := range inv.Ingresses {
			got[in.Object.Key] = in.Object.Class
		}
		for name, want := range map[string]string{"plain": test.want, "theirs": "theirs", "older": "theirs"} {
			if is := got[translate.Key{Namespace: "default", Name: name}]; is != want {
				t.Errorf("%s: %s is of class %q, want %q", test.what, name, is, want)
			}
		}
	}
}

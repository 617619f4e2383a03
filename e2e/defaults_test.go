package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/discovery"
	"kibble.dev/translate"
)

// What the API server fills in says what code says of an absent field: an
// example with its defaults is translated to the same bytes, and kibble diff sees
// no difference.
func checkDefaults(t *testing.T, client dynamic.Interface) {
	for _, example := range []string{"hello-world", "letmein", "hello-world-nodes"} {
		dir := filepath.Join("..", "examples", example)
		without, with := modelOf(t, dir, nil), modelOf(t, dir, client)
		if diff := cmp.Diff(versions(without), versions(with)); diff != "" {
			t.Errorf("%s: without and with the defaults: %s", example, diff)
		}
		d, err := translate.Diff(with, without, "")
		if err != nil || !d.Empty() {
			t.Errorf("%s: what differs from the same with the defaults: %+v %v", example, d, err)
		}
	}
}

// versions gives the version of every resource, by class, type, name and scope.
func versions(m *translate.Model) map[string]string {
	s, _ := m.Snapshot()
	all := map[string]string{}
	for class, c := range s.Classes {
		for typ, resources := range c.Resources {
			for name, r := range resources {
				all[class+" "+typ+" "+name] = r.Version
			}
		}
		for name, scopes := range c.Local {
			for scope, r := range scopes {
				all[class+" "+name+" at "+string(scope)] = r.Version
			}
		}
	}
	return all
}

// modelOf reads a directory, with specs as a client stores them if there is one.
func modelOf(t *testing.T, dir string, client dynamic.Interface) *translate.Model {
	t.Helper()
	inv, _, err := discovery.ReadDir(dir)
	if err != nil || len(inv.Routers) == 0 {
		t.Fatalf("%s: no routers, %v", dir, err)
	}
	if client != nil {
		for _, r := range inv.Routers {
			store(t, client, v1alpha1.KindRouter, &r.Object.Spec, &r.Object.Spec)
		}
		for _, p := range inv.Policies {
			store(t, client, v1alpha1.KindDogfoodPolicy, &p.Object.Spec, &p.Object.Spec)
		}
	}
	return translate.NewModel(inv, time.Unix(1767225600, 0))
}

func store(t *testing.T, client dynamic.Interface, kind string, spec, into any) {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(spec)
	if err != nil {
		t.Fatal(err)
	}
	o := written(t, kind, "{}")
	o.Object["spec"] = content
	stored, err := create(t, client, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(stored.Object["spec"].(map[string]any), into); err != nil {
		t.Fatal(err)
	}
}

package kubetest

import (
	"errors"
	"io"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Objects reads YAML documents; empty ones are left out, and lists are the
// objects in them.
func Objects(t testing.TB, text string) (all []*unstructured.Unstructured) {
	t.Helper()
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		switch err := documents.Decode(&o.Object); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%v\n%s", err, text)
		case o.IsList():
			list, err := o.ToList()
			if err != nil {
				t.Fatal(err)
			}
			for i := range list.Items {
				all = append(all, &list.Items[i])
			}
		case len(o.Object) > 0:
			all = append(all, o)
		}
	}
}

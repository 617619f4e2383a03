package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/waittest"
)

// TestCRDs asks a real API server with our CRDs.
func TestCRDs(t *testing.T) {
	cluster := kubetest.Start(t, kubetest.Options{})
	client := dynamic.NewForConfigOrDie(cluster.Config)
	applyCRDs(t, cluster, client)
	t.Run("discovery", func(t *testing.T) { checkDiscovery(t, cluster.Config) })
	t.Run("examples", func(t *testing.T) { checkExamples(t, client) })
	t.Run("defaults", func(t *testing.T) { checkDefaults(t, client) })
	t.Run("wrong", func(t *testing.T) { checkWrong(t, client) })
	t.Run("odd", func(t *testing.T) { checkOdd(t, client) })
	t.Run("nested", func(t *testing.T) { checkNested(t, client) })
	t.Run("bounds", func(t *testing.T) { checkBounds(t, client) })
	t.Run("metadata", func(t *testing.T) { checkMetadata(t, client) })
	t.Run("table", func(t *testing.T) { checkTable(t, cluster.Config, client) })
	t.Run("explain", func(t *testing.T) { checkExplain(t, cluster.Config) })
}

func resource(plural string) schema.GroupVersionResource {
	return v1alpha1.GroupVersion().WithResource(plural)
}

// applyCRDs stores the CRDs of the chart, without what is for Helm, and returns
// when they are served.
func applyCRDs(t *testing.T, cluster *kubetest.Cluster, client dynamic.Interface) {
	t.Helper()
	files, err := filepath.Glob("../charts/kibble-crds/templates/*.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("CRDs: %v, %v", files, err)
	}
	crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, file := range files {
		var kept []string
		for line := range strings.Lines(read(t, file)) {
			if !strings.Contains(line, "{{-") {
				kept = append(kept, line)
			}
		}
		if _, err := crds.Create(t.Context(), toObject(t, strings.Join(kept, "")), metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	waittest.Until(t, "the definitions are served", func() bool {
		list, err := crds.List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return false
		}
		for _, crd := range list.Items {
			if !established(t, &crd) {
				return false
			}
			if _, err := client.Resource(resource(strings.Split(crd.GetName(), ".")[0])).List(t.Context(), metav1.ListOptions{}); err != nil {
				return false
			}
		}
		return len(list.Items) == 3
	})
}

// established fails where the API server calls a schema not structural.
func established(t *testing.T, crd *unstructured.Unstructured) bool {
	t.Helper()
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	yes := false
	for _, c := range conditions {
		condition := c.(map[string]any)
		switch {
		case condition["type"] == "Established":
			yes = condition["status"] == "True"
		case condition["type"] == "NonStructuralSchema" && condition["status"] == "True":
			t.Fatalf("%s: %v", crd.GetName(), condition["message"])
		}
	}
	return yes
}

func checkDiscovery(t *testing.T, config *rest.Config) {
	client := discovery.NewDiscoveryClientForConfigOrDie(config)
	want := map[string]string{
		"routers": "kr kibble", "routers/status": "", "dtabs": "dt kibble", "dtabs/status": "",
		"dogfoodpolicies": "dfp kibble", "dogfoodpolicies/status": "",
	}
	waittest.Done(t, "discovery, which gets kind by kind, has all", func() error {
		list, err := client.ServerResourcesForGroupVersion(v1alpha1.APIVersion)
		if err != nil {
			return err
		}
		got := map[string]string{}
		for _, r := range list.APIResources {
			got[r.Name] = strings.Join(append(r.ShortNames, r.Categories...), " ")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			return errors.New(diff)
		}
		return nil
	})
}

// The same YAML works in files and in a cluster: every example is admitted, and
// what the API server filled in says nothing that code would not have said.
func checkExamples(t *testing.T, client dynamic.Interface) {
	var files []string
	err := filepath.WalkDir("../examples", func(path string, _ os.DirEntry, err error) error {
		if filepath.Ext(path) == ".yaml" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		for doc := range strings.SplitSeq(read(t, file), "\n---") {
			o := toObject(t, doc)
			if o.GetAPIVersion() != v1alpha1.APIVersion {
				continue
			}
			seen++
			if _, err := create(t, client, o); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if seen < 6 {
		t.Errorf("there are only %d objects of ours in examples", seen)
	}
}

// create asks the API server whether it would store an object, with all fields known.
func create(t *testing.T, client dynamic.Interface, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	t.Helper()
	return client.Resource(v1alpha1.ResourceOf(o.GetKind())).Namespace("default").Create(t.Context(), o,
		metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
}

// A client that knows our types by AddToScheme reads and lists them.
func TestScheme(t *testing.T) {
	s := runtime.NewScheme()
	if err := scheme.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	if err := v1alpha1.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{v1alpha1.KindRouter, v1alpha1.KindDtab, v1alpha1.KindDogfoodPolicy} {
		for _, name := range []string{kind, kind + "List"} {
			if _, err := s.New(v1alpha1.GroupVersion().WithKind(name)); err != nil {
				t.Error(err)
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func toObject(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	j, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if string(j) == "null" {
		return o
	}
	if err := yaml.Unmarshal(j, &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

// Package chart_test holds the chart against Helm, the Go code that it stands
// for, and a real Kubernetes API.
package chart_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"kibble.dev/e2e/kubetest"
)

const (
	chart     = "../../charts/kibble"
	crdChart  = "../../charts/kibble-crds"
	release   = "kibble"
	namespace = "kibble-system"
)

// helm runs the real Helm, with no settings of whoever runs the test, and gives
// what it printed.
func helm(t *testing.T, kubeconfig string, args ...string) (string, error) {
	t.Helper()
	binary := os.Getenv("KIBBLE_HELM")
	if binary == "" {
		t.Fatal("KIBBLE_HELM is not set: run make helm, and set it to what it prints")
	}
	command := exec.CommandContext(t.Context(), binary, args...)
	home := t.TempDir()
	command.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + kubeconfig}
	var out, failed bytes.Buffer
	command.Stdout, command.Stderr = &out, &failed
	err := command.Run()
	if err != nil {
		return out.String(), errors.New(strings.TrimSpace(failed.String()))
	}
	return out.String(), nil
}

// objects are the objects of a chart.
type objects []*unstructured.Unstructured

// render gives the chart's objects for some values.
func render(t *testing.T, set ...string) objects {
	t.Helper()
	out, err := helm(t, "/dev/null", append([]string{"template", release, chart, "--namespace", namespace}, values(set)...)...)
	if err != nil {
		t.Fatal(err)
	}
	return kubetest.Objects(t, out)
}

func values(set []string) (flags []string) {
	for _, s := range set {
		flags = append(flags, "--set", s)
	}
	return flags
}

// names lists the objects, sorted; "#" is in the place of a hash.
func (o objects) names() []string {
	hash := regexp.MustCompile("-[0-9a-f]{8}$")
	var names []string
	for _, object := range o {
		names = append(names, object.GetKind()+" "+hash.ReplaceAllString(object.GetName(), "-#"))
	}
	slices.Sort(names)
	return names
}

// kinds gives the objects of some kinds.
func (o objects) kinds(kinds ...string) (some objects) {
	for _, object := range o {
		if slices.Contains(kinds, object.GetKind()) {
			some = append(some, object)
		}
	}
	return some
}

// find gives the one object of a kind and name, as its type.
func find[T any](t *testing.T, o objects, kind, name string) *T {
	t.Helper()
	for _, object := range o {
		if object.GetKind() == kind && object.GetName() == name {
			return as[T](t, object)
		}
	}
	t.Fatalf("there is no %s %s among %q", kind, name, o.names())
	return nil
}

// as reads an object as its type, strictly.
func as[T any](t *testing.T, o *unstructured.Unstructured) *T {
	t.Helper()
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o.Object, &typed, true); err != nil {
		t.Fatalf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return &typed
}

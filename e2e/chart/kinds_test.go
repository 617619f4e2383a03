package chart_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/waittest"
)

// The objects of other people's kinds are admitted by an API server that has
// these kinds: cert-manager's, and those of the Prometheus operator.
func TestOthersKinds(t *testing.T) {
	l := newLab(t, kubetest.Options{})
	l.restricted(namespace)
	l.installOthers()
	for _, name := range []string{"ha", "cert-manager"} {
		set := valueSets()[name]
		l.helm(append([]string{"install", release, chart, "--namespace", namespace, "--dry-run=server"}, values(set)...)...)
		admitted := 0
		for _, o := range render(t, set...) {
			if group := o.GroupVersionKind().Group; group != "monitoring.coreos.com" && group != "cert-manager.io" {
				continue
			}
			mapping, err := l.mapper.RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
			l.must(err)
			// A field that the kind does not have is an error, too, not a loss.
			_, err = l.dynamic.Resource(mapping.Resource).Namespace(namespace).Create(t.Context(), o, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
			if err != nil {
				t.Errorf("%s: %s %s: %v", name, o.GetKind(), o.GetName(), err)
			}
			admitted++
		}
		if admitted < 3 {
			t.Errorf("%s has %d such objects", name, admitted)
		}
	}
}

// installOthers installs the CRDs of the modules in tools/kinds that the chart
// can make objects of.
func (l *lab) installOthers() {
	l.Helper()
	download := exec.CommandContext(l.Context(), "go", "mod", "download", "-json",
		"github.com/prometheus-operator/prometheus-operator", "github.com/cert-manager/cert-manager")
	download.Dir = "../../tools/kinds"
	download.Env = append(os.Environ(), "GOWORK=off")
	out, err := download.Output()
	if err != nil {
		l.Fatalf("%v\n%s", err, out)
	}
	var files []string
	for modules := json.NewDecoder(strings.NewReader(string(out))); ; {
		var module struct{ Dir string }
		if err := modules.Decode(&module); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			l.Fatal(err)
		}
		for _, pattern := range []string{"example/prometheus-operator-crd/*_*monitors.yaml", "example/prometheus-operator-crd/*_prometheusrules.yaml", "deploy/crds/cert-manager.io_*s.yaml"} {
			found, err := filepath.Glob(filepath.Join(module.Dir, pattern))
			l.must(err)
			files = append(files, found...)
		}
	}
	if len(files) != 7 {
		l.Fatalf("CRDs are in %q", files)
	}
	crds := l.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, file := range files {
		text, err := os.ReadFile(file)
		l.must(err)
		for _, o := range kubetest.Objects(l, string(text)) {
			_, err := crds.Create(l.Context(), o, metav1.CreateOptions{})
			l.must(err)
		}
	}
	for _, kind := range []schema.GroupVersionKind{
		{Group: "monitoring.coreos.com", Version: "v1", Kind: "ServiceMonitor"}, {Group: "monitoring.coreos.com", Version: "v1", Kind: "PodMonitor"},
		{Group: "monitoring.coreos.com", Version: "v1", Kind: "PrometheusRule"}, {Group: "cert-manager.io", Version: "v1", Kind: "Certificate"},
		{Group: "cert-manager.io", Version: "v1", Kind: "Issuer"},
	} {
		waittest.Until(l, kind.Kind+" is served", func() bool {
			mapping, err := l.mapper.RESTMapping(kind.GroupKind(), kind.Version)
			if err != nil {
				l.mapper.Reset()
				return false
			}
			_, err = l.dynamic.Resource(mapping.Resource).List(l.Context(), metav1.ListOptions{})
			return err == nil
		})
	}
}

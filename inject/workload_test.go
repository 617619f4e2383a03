package inject

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestWorkloadOf(t *testing.T) {
	owned := func(kind, name string, labels map[string]any) map[string]any {
		return map[string]any{"name": "pod-x", "labels": labels, "ownerReferences": []any{
			map[string]any{"kind": "Other", "name": "other"},
			map[string]any{"kind": kind, "name": name, "controller": true},
		}}
	}
	for _, test := range []struct {
		meta map[string]any
		want string
	}{
		{owned("ReplicaSet", "hello-7d9fc6b5d4", map[string]any{"pod-template-hash": "7d9fc6b5d4"}), "hello"},
		{owned("ReplicaSet", "hello", nil), "hello"},
		{owned("StatefulSet", "db-2", nil), "db-2"},
		{owned("DaemonSet", "agent", nil), "agent"},
		{owned("Job", "report-28391820", nil), "report"},
		{owned("Job", "report", nil), "report"},
		{map[string]any{"name": "alone"}, "alone"},
		{map[string]any{"name": "alone", "labels": map[string]any{"app.kubernetes.io/name": "web"}}, "web"},
		{map[string]any{}, ""},
	} {
		if got := workloadOf(test.meta); got != test.want {
			t.Errorf("%v: %q, want %q", test.meta, got, test.want)
		}
	}
}

// A sidecar tells whose it is and what its pod calls.
func TestSidecarTells(t *testing.T) {
	ca, err := os.ReadFile("testdata/ca.crt")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Image: "envoy", Server: "kibble:18000", CA: string(ca)}
	object := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: hello}, spec: {template: {
metadata: {annotations: {kibble.dev/calls: "world,*.shop"}}, spec: {containers: [{name: app, image: app}]}}}}`
	var out bytes.Buffer
	if err := Files(o, strings.NewReader(object), &out, ModeSidecar); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"WORKLOAD":"hello"`, `"CALLS":"world,*.shop"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in %s", want, out.String())
		}
	}
	bad := strings.Replace(object, "world", "$(HOME)", 1)
	if err := Files(o, strings.NewReader(bad), &out, ModeSidecar); err == nil || !strings.Contains(err.Error(), "$(...)") {
		t.Errorf("a variable: %v", err)
	}
}

// The workload is the service of a sidecar's spans, unless Envoy could not read it: it
// would make no spans then.
func TestSidecarTracesAs(t *testing.T) {
	const pod = "k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME)"
	for workload, want := range map[string]string{
		"hello": "service.name=hello," + pod, "": pod, "hello,blue": pod, "team=hello": pod,
	} {
		if got := (tuned{workload: workload}).resource(); got != want {
			t.Errorf("%q: %s, want %s", workload, got, want)
		}
	}
}

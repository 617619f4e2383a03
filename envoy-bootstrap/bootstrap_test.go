package bootstrap_test

import (
	"os/exec"
	"strings"
	"testing"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/golden"
)

func classes() []string {
	return []string{bootstrap.ClassEdge, bootstrap.ClassSidecar, bootstrap.ClassNode}
}

// The plain files are what Render gives for their class alone.
func TestPlainFiles(t *testing.T) {
	for _, class := range classes() {
		got, err := bootstrap.Render(bootstrap.Options{Class: class})
		if err != nil {
			t.Fatal(err)
		}
		golden.Check(t, class+".yaml", string(got))
	}
}

// Envoy takes them with the command line that their first lines show.
func TestPlainFilesValidate(t *testing.T) {
	for _, class := range classes() {
		t.Run(class, func(t *testing.T) {
			out, err := exec.Command(envoytest.Binary(t), "-c", class+".yaml",
				"--service-cluster", class, "--service-node", "here", "--mode", "validate").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

func TestRenderedValidates(t *testing.T) {
	for _, o := range []bootstrap.Options{
		{Class: "edge", NodeID: "edge-0", Server: "kibble.kibble-system.svc:18000", AdminAddress: "127.0.0.1:0"},
		{Class: "edge", NodeID: "edge-0", Server: "127.0.0.1:18000,127.0.0.1:18001", AdminAddress: "127.0.0.1:0"},
		{Class: "sidecar", NodeID: "n", Server: "[::1]:18000", AdminAddress: "[::1]:9901", PodIP: "10.0.0.7", NodeName: "on", Namespace: "y"},
		{Class: "node", NodeID: `a "quoted" id: #1`, PodIP: "fd00::7", MaxHeapBytes: 1 << 40, MaxConnections: 7},
		{Class: "my-class.v2", NodeID: "n"},
		{Class: "sidecar", NodeID: "$(POD_NAME)", PodIP: "$(POD_IP)", StatusAddress: "[::]:4190"},
		{Class: "sidecar", NodeID: "n", StatusAddress: "0.0.0.0:4190"},
	} {
		b, err := bootstrap.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		envoytest.Validate(t, b)
	}
}

// Each wrong option is named, with what is wanted in its place.
func TestErrors(t *testing.T) {
	var got strings.Builder
	for _, o := range []bootstrap.Options{
		{},
		{Class: "edge proxies"},
		{Class: "edge", Server: "kibble"},
		{Class: "edge", Server: ":18000"},
		{Class: "edge", Server: "kibble:0"},
		{Class: "edge", Server: "kibble:18000,"},
		{Class: "edge", Server: "kibble:http"},
		{Class: "edge", Server: "kibble:70000"},
		{Class: "edge", AdminAddress: "9901"},
		{Class: "edge", AdminAddress: "localhost:9901"},
		{Class: "edge", PodIP: "hello-0"},
		{Class: "edge", StatusAddress: "4190"},
		{Class: "edge", StatusAddress: "0.0.0.0:0"},
		{Class: "edge", TLS: &bootstrap.TLS{}},
		{Class: "edge", TLS: &bootstrap.TLS{CertificateDir: "certs"}},
		{Class: "edge", TLS: &bootstrap.TLS{CertificateDir: "/certs"}},
		{Class: "edge", TLS: &bootstrap.TLS{CAFile: "/ca.crt", SDSDir: "/sds"}},
		{Class: "edge", TLS: &bootstrap.TLS{CAFile: "/ca.crt", CA: "text", TokenFile: "/token"}},
		{Class: "edge", TLS: &bootstrap.TLS{CA: "text", TokenFile: "/token"}},
		{Class: "edge", TLS: &bootstrap.TLS{CA: "text", TokenFile: "/token)%"}},
	} {
		_, err := bootstrap.Render(o)
		if err == nil {
			t.Errorf("%+v: no error", o)
			continue
		}
		got.WriteString(err.Error() + "\n")
	}
	golden.Check(t, "testdata/errors.txt", got.String())
}

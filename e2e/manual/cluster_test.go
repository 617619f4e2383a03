//go:build linux

package manual_test

import (
	"strings"

	"kibble.dev/internal/docstest"
)

const (
	installDemo = "helm install kibble charts/kibble --namespace kibble-system --create-namespace --set image.repository=registry.example/kibble,image.tag=dev --set demo.enabled=true"
	rolledOut   = "kubectl rollout status -n kibble-system deployment"
)

// withDemo are the pages that are about a cluster which has, or gets, the chart
// with its demo.
func withDemo() []page {
	return []page{
		installing(),
		{file: "README.md", has: nothing, after: map[string]func(*reader, string){
			"make demo": func(r *reader, said string) { r.shows(said, "A dogfooder's cookie") },
			installDemo: func(r *reader, _ string) { r.do(rolledOut) },
		}},
		{file: "docs/operations/upgrading.md", has: release, after: map[string]func(*reader, string){
			"helm upgrade kibble charts/kibble --namespace kibble-system --reset-then-reuse-values": func(r *reader, _ string) { r.do(rolledOut) },
			"helm rollback kibble --namespace kibble-system":                                        func(r *reader, _ string) { r.do(rolledOut) },
		}},
		{file: "docs/operations/cluster.md", has: routing},
		{file: "docs/how-to/testing.md", has: routing},
		{file: "docs/how-to/diff.md", has: routing, before: map[string]func(*reader){
			"kibble diff --live routing": func(r *reader) {
				r.background("kibble serve -f main/routing --insecure-plaintext", answers("http://127.0.0.1:9990/readyz"))
			},
		}},
		{file: "docs/how-to/shell-and-editor.md", has: routing},
		{file: "docs/how-to/migrate-from-linkerd.md", has: routing},
		{file: "docs/how-to/on-demand.md", has: func(r *reader) {
			r.background("kibble serve -f examples/hello-world --insecure-plaintext", answers("http://127.0.0.1:9990/readyz"))
		}},
		{file: "docs/how-to/find-out-why.md", has: repository},
		{file: "docs/how-to/ingress.md", has: func(r *reader) {
			routing(r)
			r.do(`rm routing/*
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=shop.example -addext subjectAltName=DNS:shop.example -keyout shop.key -out shop.crt`)
		}},
		commands(),
		{file: "charts/kibble/README.md", has: nothing, after: map[string]func(*reader, string){
			"helm install kibble charts/kibble --namespace kibble-system --create-namespace": func(r *reader, said string) {
				r.do(rolledOut)
				r.notes(said)
			},
		}},
	}
}

// installing is the page about the chart. Its second release is one in place of
// the first.
func installing() page {
	said := ""
	return page{
		file: "docs/operations/installing.md", has: nothing,
		after: map[string]func(*reader, string){
			installDemo: func(_ *reader, s string) { said = s },
			rolledOut:   func(r *reader, _ string) { r.notes(said) },
		},
		before: map[string]func(*reader){
			"helm install kibble charts/kibble --namespace kibble-system --set 'namespaces={shop,pay}'": func(r *reader) {
				nothing(r)
				r.do("for n in kibble-system shop pay; do kubectl create namespace $n; done")
			},
			"helm uninstall kibble --namespace kibble-system": func(r *reader) { r.do(rolledOut) },
		},
	}
}

// commands is the page with examples of every command.
func commands() page {
	return page{
		file: "docs/reference/commands.md",
		env:  []string{"POD_NAME=hello-0", "POD_IP=10.244.0.9", "NAMESPACE=default"},
		has: func(r *reader) {
			routing(r)
			r.do(`rm -rf /etc/kibble
mkdir -p /etc/kibble/tls /etc/kibble/envoy /etc/kibble/objects
cp made/class-edge/* /etc/kibble/tls
cp objects/*s.yaml /etc/kibble/objects
cp examples/migrate/linkerd.yaml servicemesh.yml
cp importer/testdata/namerd/storage/namerd.yaml namerd.yml
cp importer/testdata/namerd/objects/dtabs.yaml dtabs.yaml
cp importer/testdata/namerd/api/default.json internal.json
cp internal.json external.json
cp examples/migrate/internal.txt tables.txt
kubectl apply -f examples/migrate/linkerd.yaml
kubectl create configmap nginx-config --from-file=nginx.conf
kubectl apply -f - <<'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: dtabs.l5d.io}
spec:
  group: l5d.io
  names: {kind: DTab, plural: dtabs, singular: dtab}
  scope: Namespaced
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
END
kubectl wait --for=condition=Established crd/dtabs.l5d.io
kubectl apply -f - <<'END'
{apiVersion: l5d.io/v1alpha1, kind: DTab, metadata: {name: internal}, dentries: [{prefix: /svc, dst: /srv}]}
END`)
		},
		leaves: func(r *reader) { r.do("kubectl delete crd dtabs.l5d.io") }, // another kind of the name dtabs
		before: map[string]func(*reader){
			"kibble config": func(r *reader) { r.stop(); demo(r) },
			"kubectl get dtabs.l5d.io -o yaml | kibble import namerd - -o kibble/": func(r *reader) { r.do("rm -r kibble") }, // of another example
			"kibble serve -f examples/hello-world --insecure-plaintext":            func(r *reader) { r.stop() },
		},
	}
}

// nothing makes the cluster as it was before anything was installed; the kinds
// stay, as they do after helm uninstall.
func nothing(r *reader) {
	r.do(`helm uninstall kibble --namespace kibble-system --ignore-not-found
for n in kibble-system shop pay pr-17; do kubectl delete pods --all --namespace $n --force --grace-period=0; done
kubectl delete namespace --ignore-not-found kibble-system shop pay pr-17
if kubectl get crd routers.kibble.dev; then kubectl delete routers,dtabs.kibble.dev,dogfoodpolicies --all --all-namespaces; fi`)
}

// release makes that the release with the demo is there.
func release(r *reader) {
	if _, err := r.bash("helm status kibble --namespace kibble-system"); err == nil {
		return
	}
	nothing(r)
	r.do(installDemo + "\n" + rolledOut)
}

// routing writes files, and applies the demo's objects in the namespace default,
// where nobody is behind its Services: they are for asking only.
func routing(r *reader) {
	release(r)
	files(r)
	r.do(`kubectl delete routers,dogfoodpolicies --all --namespace kibble-system # they have the same ports
sed 's/127\.0\.10\./10.9.0./' routing/services.yaml | kubectl apply -f -
kubectl apply -f routing/routers.yaml -f routing/policies.yaml
kubectl create namespace prod --dry-run=client -o yaml | kubectl apply -f -`)
}

// repository makes a Git repository with a directory of objects that was changed
// last.
func repository(r *reader) {
	release(r)
	r.do(`mkdir routing
cp examples/hello-world/routers.yaml examples/hello-world/policies.yaml routing
git init -q
test -d .git
git config user.email reader@example.com
git config user.name reader
git add routing
git commit -qm before
sed -i 's#/srv/world-v1 ;#/srv/world-v2 ;#' routing/routers.yaml
git commit -qam after
kubectl apply -f routing`)
}

// notes does what helm install has told: the lines that are indented. The demo
// answers as they say.
func (r *reader) notes(said string) {
	r.Helper()
	b := docstest.Block{File: "charts/kibble/templates/NOTES.txt", Line: 1, Lang: "sh"}
	for line := range strings.Lines(said) {
		if text, ok := strings.CutPrefix(line, "  "); ok {
			b.Text += strings.Replace(text, " CHART ", " charts/kibble ", 1)
		}
	}
	all, err := b.Commands()
	r.Must(err)
	if len(all) < 5 {
		r.Errorf("helm install says to do %d things:\n%s", len(all), said)
	}
	for _, c := range all {
		is := endless(c)
		switch {
		case is != nil:
			r.start(c, is)
		case c.Runs("curl") && strings.Contains(c.Text, "cookie"):
			r.says(c.Text, "earth")
		case c.Runs("curl"):
			r.says(c.Text, "world")
		default:
			r.script([]docstest.Command{c})
		}
	}
}

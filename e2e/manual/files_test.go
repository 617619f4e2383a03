//go:build linux

package manual_test

import (
	"strings"
)

// withFiles are the pages that take files, a server or the demo, and no cluster.
func withFiles() []page {
	return []page{
		{file: "docs/reference/dtab.md", has: files},
		{file: "docs/how-to/console.md", has: files, before: map[string]func(*reader){
			"kibble config hosts --proxy-class edge": edge,
		}},
		{file: "docs/how-to/injection.md", has: files},
		{file: "docs/how-to/overrides.md", has: demo},
		{file: "docs/operations/hardening.md", has: files},
		{file: "docs/operations/securing.md", has: func(r *reader) { files(r); certificates(r) }},
		{file: "docs/operations/performance.md"},
		{file: "docs/operations/when-parts-are-away.md"},
	}
}

// files writes the files that pages name: a repository of routing, and two
// checkouts of it that differ; what is imported; a workload.
func files(r *reader) {
	r.do(`mkdir -p routing main branch tests deploy
cp examples/hello-world/*.yaml routing
cp -r routing main
cp -r routing branch
sed -i 's#/srv/world-v1 ;#/srv/world-v2 ;#' branch/routing/routers.yaml
cp routing/routers.test.yaml tests
cp -r examples/hello-world objects
echo '/svc => /$/inet/127.1/80 ;' > base.dtab
cp examples/migrate/linkerd.yaml examples/migrate/internal.txt examples/migrate/nginx.conf .
kibble certs --dir made --server-name localhost --proxy-class edge
cp made/server/* .`)
	r.write("deployment.yaml", `apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  replicas: 0
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      containers:
      - {name: cart, image: "registry.example/kibble:dev", command: [/helloworld, -addr=:8080, -text=cart]}
`)
}

// edge starts an Envoy of the class edge.
func edge(r *reader) {
	r.do(`kibble bootstrap --proxy-class edge --node-id edge-0 > edge.yaml`)
	r.background("envoy -c edge.yaml --concurrency 1 --disable-hot-restart --log-level warning", answers("http://127.0.0.1:9901/ready"))
}

// demo starts the demo.
func demo(r *reader) { r.background("make demo", says("until Ctrl-C")) }

// certificates puts a proxy's where the bootstrap looks for them.
func certificates(r *reader) {
	r.do(`mkdir -p /etc/kibble/tls /etc/kibble/envoy
cp made/class-edge/* /etc/kibble/tls`)
}

// shows fails unless a text has each line of the page's blocks that holds words.
func (r *reader) shows(printed, words string) {
	r.Helper()
	found := false
	for _, b := range r.blocks[r.file] {
		if b.Lang != "text" || !strings.Contains(b.Text, words) {
			continue
		}
		found = true
		for line := range strings.Lines(b.Text) {
			if !strings.Contains(printed, strings.TrimSpace(line)) {
				r.Errorf("%s:%d: it does not print %q:\n%s", r.file, b.Line, line, printed)
			}
		}
	}
	if !found {
		r.Errorf("%s shows no %q", r.file, words)
	}
}

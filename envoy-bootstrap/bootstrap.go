// Package bootstrap makes the file that an Envoy is started with, so that it
// asks Kibble for everything else.
//
// The files edge.yaml, sidecar.yaml and node.yaml beside this one are what
// Render gives for those classes and nothing else set: people may use them as
// they are.
package bootstrap

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"text/template"
)

// The classes that have a plain file and limits of their own. A class is only a
// name that Routers and proxies agree on: any other one may be used too.
const (
	ClassEdge    = "edge"    // takes requests from outside
	ClassSidecar = "sidecar" // one beside each pod
	ClassNode    = "node"    // one for all pods of a node
)

// What is used where Options says nothing.
const (
	DefaultServer       = "127.0.0.1:18000"
	DefaultAdminAddress = "127.0.0.1:9901"
)

// Options is what differs between one proxy and another. Only Class is required.
type Options struct {
	// Class is the proxy class, Envoy's node.cluster: what a Router names in spec.proxyClass.
	Class string
	// NodeID is Envoy's node.id, by convention the pod's name. Empty leaves it
	// to Envoy's own --service-node, without which Envoy does not start.
	NodeID string
	// Server is host:port of Kibble's gRPC address; the host may be a name. Several
	// replicas may be given, separated by commas: Envoy calls any of them, and the
	// next one when its connection breaks.
	Server string
	// AdminAddress is host:port of Envoy's admin listener; the host is an IP
	// address. Port 0 lets the system choose.
	AdminAddress string
	// StatusAddress is host:port of a listener that answers /ready and
	// /stats/prometheus, and nothing else, to whoever reaches it; the host is an
	// IP address. Empty: none.
	StatusAddress string
	// PodIP, NodeName and Namespace are told to Kibble as node metadata POD_IP,
	// NODE_NAME and NAMESPACE; empty ones are left out. PodIP is where Routers
	// with bind: pod listen. Each may be $(NAME), where Kubernetes will put a
	// container's environment variable in.
	PodIP, NodeName, Namespace string
	// Workload is whose proxy it is, such as the Deployment of its pod, and Calls a
	// list with commas of the hosts that it calls. They are told as WORKLOAD and
	// CALLS, and count where a Router has spec.onDemand: what one proxy of a
	// workload calls, all of them have in advance from then on, and what is in
	// Calls from the start.
	Workload, Calls string
	// TLS secures the connection to Server. Without it the connection is plain
	// text, which Kibble takes on loopback only.
	TLS *TLS
	// MaxHeapBytes bounds Envoy's heap; 0: 2 GiB, for sidecars 1 GiB.
	MaxHeapBytes uint64
	// MaxConnections bounds the connections from clients; 0: 50,000, for sidecars 10,000.
	MaxConnections uint64
}

//go:embed bootstrap.yaml.tmpl
var text string

// Render gives the bootstrap as YAML, with comments. The same options give the
// same bytes. The error says which option is wrong and what is wanted.
func Render(o Options) ([]byte, error) {
	v, err := o.values()
	if err != nil {
		return nil, err
	}
	t, err := template.New("bootstrap").Funcs(template.FuncMap{"q": quote}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("bootstrap template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("bootstrap template: %w", err)
	}
	return b.Bytes(), nil
}

// quote writes a string as YAML that stands for itself whatever it holds: JSON
// strings are YAML, and a bare y or on would be a boolean to Envoy.
func quote(s string) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}

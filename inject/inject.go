// Package inject puts an Envoy beside the containers of a pod, or tells these
// of the Envoy of their node. It is pure: a pod in, a pod out; the same for the
// admission webhook (review.go) and for files (files.go).
//
// Pods are kept as they came, JSON without Go types: what this program does not
// know of a newer Kubernetes goes through untouched.
package inject

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Label says on a namespace or a pod what is injected; the pod's wins. Its
// values are the modes.
const Label = "kibble.dev/inject"

// Modes.
const (
	ModeSidecar = "enabled"  // an Envoy in the pod
	ModeNode    = "node"     // http_proxy is the Envoy of the node, by the node's name
	ModeHostIP  = "host-ip"  // http_proxy is the Envoy of the node, by its address
	ModeNone    = "disabled" // nothing
)

// Annotations of a pod that tune what it gets.
const (
	AnnotationClass       = "kibble.dev/proxy-class"
	AnnotationImage       = "kibble.dev/proxy-image"
	AnnotationPort        = "kibble.dev/http-proxy-port"
	AnnotationNoProxy     = "kibble.dev/no-proxy"
	AnnotationLogLevel    = "kibble.dev/proxy-log-level"
	AnnotationDrain       = "kibble.dev/drain-seconds"
	AnnotationCPURequest  = "kibble.dev/proxy-cpu-request"
	AnnotationMemory      = "kibble.dev/proxy-memory-request"
	AnnotationMemoryLimit = "kibble.dev/proxy-memory-limit"
	// AnnotationWorkload says whose proxy it is; default: whose pod. AnnotationCalls
	// is a list with commas of the hosts that the pod calls.
	AnnotationWorkload = "kibble.dev/workload"
	AnnotationCalls    = "kibble.dev/calls"
)

// annotationDone holds the http_proxy and no_proxy that were injected: by it a later
// injection knows its own values from those of people.
const annotationDone = "kibble.dev/injected"

// annotationDrained is the same for the seconds of the hooks.
const annotationDrained = "kibble.dev/injected-drain-seconds"

// Names of what is added to a pod.
const (
	ContainerName = "kibble-proxy"
	volumeName    = "kibble-token"
)

// Options are the same for all pods.
type Options struct {
	// Image is Envoy's, and Server host:port of kibble serve.
	Image, Server string
	// ServerName is the name in Kibble's certificate; empty: the host of Server.
	ServerName string
	// CA are the authorities of Kibble's certificate, PEM: they go into each pod.
	CA string
	// Class is the proxy class of sidecars, Port where their outgoing router
	// listens, and NodePort where that of a node's Envoy does; defaults sidecar,
	// 4140 and 4140.
	Class          string
	Port, NodePort int
	// StatusHost is the address where sidecars say whether they are ready, and
	// give their metrics; default 0.0.0.0. At :: they do by IPv4 too.
	StatusHost string

	// owner is the name of the object in which a template of pods stands.
	owner string
}

// Pod gives a pod with what its labels, or else its namespace's, ask for. It
// does not change what it is given. Injecting again gives the same; with other
// options what was added before is replaced. changed is false, and the pod is
// the same one, where nothing is asked for. The error says which annotation or
// option is wrong.
func Pod(o Options, pod map[string]any, namespace map[string]string) (out map[string]any, changed bool, err error) {
	meta, _ := pod["metadata"].(map[string]any)
	mode, err := modeOf(texts(meta["labels"]), namespace)
	spec, ok := pod["spec"].(map[string]any)
	if err != nil || mode == ModeNone || !ok {
		return pod, false, err
	}
	if spec["hostNetwork"] == true && mode == ModeSidecar {
		return pod, false, nil // it would listen on the node's addresses
	}
	o.owner = cmp.Or(o.owner, workloadOf(meta))
	t, err := o.tuned(texts(meta["annotations"]))
	if err != nil {
		return pod, false, err
	}
	out, meta, spec = maps.Clone(pod), clone(meta), maps.Clone(spec)
	out["metadata"], out["spec"] = meta, spec
	annotations := clone(meta["annotations"])
	last, _ := annotations[annotationDone].(string)
	now := settings{t.address(mode), t.noProxy}
	annotations[annotationDone] = now.String()
	drained, _ := annotations[annotationDrained].(string)
	before, _ := strconv.Atoi(drained) // 0 where there is none
	drain := t.drainFor(spec)
	annotations[annotationDrained] = strconv.Itoa(drain)
	meta["annotations"] = annotations
	spec["containers"] = withDrain(withEnv(list(spec["containers"]), mode, now, settingsOf(last)), drain, before)
	spec["initContainers"] = without(list(spec["initContainers"]), ContainerName)
	spec["volumes"] = without(list(spec["volumes"]), volumeName)
	if mode == ModeSidecar {
		container, volume, err := t.sidecar()
		if err != nil {
			return pod, false, err
		}
		// It comes first: what other init containers call, it is there for.
		spec["initContainers"] = append([]any{container}, list(spec["initContainers"])...)
		spec["volumes"] = append(list(spec["volumes"]), volume)
	}
	for _, key := range []string{"initContainers", "volumes"} {
		if len(list(spec[key])) == 0 {
			delete(spec, key)
		}
	}
	return out, true, nil
}

func modeOf(pod, namespace map[string]string) (string, error) {
	mode, ok := pod[Label]
	if !ok {
		mode = namespace[Label]
	}
	switch mode {
	case "", ModeNone, "false":
		return ModeNone, nil
	case ModeSidecar, "true":
		return ModeSidecar, nil
	case ModeNode, ModeHostIP:
		return mode, nil
	}
	return "", fmt.Errorf("label %s: %q: want %s, %s, %s or %s", Label, mode, ModeSidecar, ModeNode, ModeHostIP, ModeNone)
}

// tuned is what one pod gets.
type tuned struct {
	Options
	logLevel, noProxy   string
	workload, calls     string
	cpu, memory, memMax resource.Quantity
	nodePort, drain     int
}

func (o Options) tuned(annotations map[string]string) (tuned, error) {
	t := tuned{Options: o, logLevel: "warning", drain: 5}
	get := func(key, byDefault string) string {
		if v, ok := annotations[key]; ok {
			return v
		}
		return byDefault
	}
	t.Class, t.Image = get(AnnotationClass, cmp.Or(o.Class, "sidecar")), get(AnnotationImage, o.Image)
	t.noProxy = get(AnnotationNoProxy, "localhost,127.0.0.1,::1,$(KUBERNETES_SERVICE_HOST)")
	t.logLevel = get(AnnotationLogLevel, t.logLevel)
	t.workload, t.calls = get(AnnotationWorkload, o.owner), get(AnnotationCalls, "")
	if !slices.Contains([]string{"trace", "debug", "info", "warning", "error", "critical", "off"}, t.logLevel) {
		return t, fmt.Errorf("annotation %s: %q: want trace, debug, info, warning, error, critical or off", AnnotationLogLevel, t.logLevel)
	}
	if t.Image == "" {
		return t, fmt.Errorf("no image of Envoy is given: want one by the options or the annotation %s", AnnotationImage)
	}
	for _, q := range []struct {
		key, byDefault string
		to             *resource.Quantity
	}{{AnnotationCPURequest, "50m", &t.cpu}, {AnnotationMemory, "128Mi", &t.memory}, {AnnotationMemoryLimit, "512Mi", &t.memMax}} {
		v, err := resource.ParseQuantity(get(q.key, q.byDefault))
		if err != nil || v.Sign() <= 0 {
			return t, fmt.Errorf("annotation %s: %q: want a quantity, such as %s", q.key, annotations[q.key], q.byDefault)
		}
		*q.to = v
	}
	if t.memory.Cmp(t.memMax) > 0 {
		return t, fmt.Errorf("annotation %s: %s is more than the limit of %s (%s)", AnnotationMemory, t.memory.String(), t.memMax.String(), AnnotationMemoryLimit)
	}
	if t.Port, t.nodePort = o.Port, o.NodePort; t.Port == 0 {
		t.Port = 4140
	}
	if t.nodePort == 0 {
		t.nodePort = 4140
	}
	if v, ok := annotations[AnnotationPort]; ok {
		n, err := strconv.ParseUint(v, 10, 16)
		if err != nil || n == 0 {
			return t, fmt.Errorf("annotation %s: %q: want a port from 1 to 65535", AnnotationPort, v)
		}
		t.Port, t.nodePort = int(n), int(n)
	}
	if v, ok := annotations[AnnotationDrain]; ok {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > maxDrain {
			return t, fmt.Errorf("annotation %s: %q: want seconds from 0 to %d", AnnotationDrain, v, maxDrain)
		}
		t.drain = n
	}
	return t, nil
}

// address gives http_proxy.
func (t tuned) address(mode string) string {
	switch mode {
	case ModeNode:
		return fmt.Sprintf("http://$("+envNodeName+"):%d", t.nodePort)
	case ModeHostIP:
		return fmt.Sprintf("http://$("+envHostIP+"):%d", t.nodePort)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", t.Port)
}

// asMap gives an object as JSON has it.
func asMap(o any) (map[string]any, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	m := map[string]any{}
	err = json.Unmarshal(b, &m)
	return m, err
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func clone(v any) map[string]any {
	if m, _ := v.(map[string]any); m != nil {
		return maps.Clone(m)
	}
	return map[string]any{}
}

func texts(v any) map[string]string {
	m, _ := v.(map[string]any)
	all := map[string]string{}
	for k, v := range m {
		if s, ok := v.(string); ok {
			all[k] = s
		}
	}
	return all
}

// without gives the objects of a list that have another name.
func without(all []any, name string) []any {
	return slices.DeleteFunc(slices.Clone(all), func(o any) bool { return nameOf(o) == name })
}

// fieldEnv is a variable of the downward API.
func fieldEnv(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path}}}
}

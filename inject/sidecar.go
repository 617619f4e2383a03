package inject

import (
	"cmp"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	bootstrap "kibble.dev/envoy-bootstrap"
)

// Where the sidecar finds its token, and its ports: the pod's other containers
// share them.
const (
	tokenDir     = "/var/run/secrets/kibble.dev"
	statusPort   = 4190
	adminAddress = "127.0.0.1:4191"
	// probeTimeout is in seconds. On a node that is very busy a proxy may be late to
	// answer, and does its work all the same; Kubernetes would give it one second.
	probeTimeout = 3
)

// sidecar makes the container and its volume. It is a native sidecar: an init
// container that goes on running. So it is ready before the application starts,
// and ends after it has ended, and no Job waits for it. The bootstrap is an
// argument, in which Kubernetes puts the pod's name and address: the pod needs
// nothing else.
func (t tuned) sidecar() (container, volume map[string]any, err error) {
	text, err := t.bootstrap()
	if err != nil {
		return nil, nil, err
	}
	always, yes, no := corev1.ContainerRestartPolicyAlways, true, false
	user, life := int64(65532), int64(3600)
	c := corev1.Container{
		Name: ContainerName, Image: t.Image, RestartPolicy: &always,
		Args: []string{
			"--config-yaml", text, "--log-level", t.logLevel, "--concurrency", "2", "--disable-hot-restart",
		},
		Env: []corev1.EnvVar{
			fieldEnv("POD_NAME", "metadata.name"), fieldEnv("POD_NAMESPACE", "metadata.namespace"),
			fieldEnv("POD_IP", "status.podIP"), fieldEnv("NODE_NAME", "spec.nodeName"),
			{Name: "OTEL_RESOURCE_ATTRIBUTES", Value: t.resource()},
		},
		Ports: []corev1.ContainerPort{{Name: "kibble-status", ContainerPort: statusPort, Protocol: corev1.ProtocolTCP}},
		// The application waits for the first; the second tells Services.
		StartupProbe:   probe(1, 600),
		ReadinessProbe: probe(5, 3),
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: t.cpu, corev1.ResourceMemory: t.memory},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: t.memMax},
		},
		SecurityContext: &corev1.SecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user, ReadOnlyRootFilesystem: &yes, AllowPrivilegeEscalation: &no,
			Privileged:   &no,
			Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile: &corev1.SeccompProfile{
				Type: corev1.SeccompProfileTypeRuntimeDefault,
			},
		},
		VolumeMounts: []corev1.VolumeMount{{Name: volumeName, MountPath: tokenDir, ReadOnly: true}},
	}
	v := corev1.Volume{Name: volumeName, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{
			Audience: "kibble", ExpirationSeconds: &life, Path: "token",
		}}},
	}}}
	if container, err = asMap(c); err != nil {
		return nil, nil, err
	}
	volume, err = asMap(v)
	return container, volume, err
}

// resource says whose spans Envoy's are: by default their service would be the proxy
// class. An Envoy that cannot read it would make no spans.
func (t tuned) resource() string {
	pod := "k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME)"
	if t.workload == "" || strings.ContainsAny(t.workload, ",=") {
		return pod
	}
	return "service.name=" + t.workload + "," + pod
}

// probe asks Envoy whether it is ready.
func probe(period, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler:   corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/ready", Port: intstr.FromInt32(statusPort)}},
		TimeoutSeconds: probeTimeout, PeriodSeconds: period, FailureThreshold: failures,
	}
}

// bootstrap gives Envoy's configuration as one line.
func (t tuned) bootstrap() (string, error) {
	for _, v := range []string{t.Server, t.ServerName, t.Class, t.workload, t.calls} {
		if strings.Contains(v, "$(") {
			return "", fmt.Errorf("%q: Kubernetes would put a variable in place of $(...)", v)
		}
	}
	b, err := bootstrap.Render(bootstrap.Options{
		Class: t.Class, Server: t.Server, AdminAddress: adminAddress, StatusAddress: net.JoinHostPort(cmp.Or(t.StatusHost, "0.0.0.0"), strconv.Itoa(statusPort)),
		NodeID: "$(POD_NAME)", Namespace: "$(POD_NAMESPACE)", PodIP: "$(POD_IP)", NodeName: "$(NODE_NAME)",
		Workload: t.workload, Calls: t.calls,
		MaxHeapBytes: uint64(t.memMax.Value()) / 10 * 8,
		TLS:          &bootstrap.TLS{ServerName: t.ServerName, CA: t.CA, TokenFile: path.Join(tokenDir, "token")},
	})
	if err != nil {
		return "", err
	}
	text, err := yaml.YAMLToJSON(b)
	return string(text), err
}

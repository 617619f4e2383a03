// Package injection tests pods with sidecars on a real Kubernetes API: the real
// admission chain takes what the webhook gives, and a real Envoy, started with
// the container's own arguments and token, is known by what the API says of it.
package injection

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/inject"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
	"kibble.dev/internal/tokenreview"
	"kibble.dev/internal/waittest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

func TestInjection(t *testing.T) {
	c := kubetest.Start(t, kubetest.Options{Controllers: kubetest.Default()})
	api := kubernetes.NewForConfigOrDie(c.Config)
	server := serve(t, c)
	authorities := &pki.AuthorityFile{Name: filepath.Join(t.TempDir(), "ca.crt"), Logger: slog.New(slog.DiscardHandler)}
	write(t, authorities.Name, server.ca.Certificate)
	webhook := admit(t, api, func() inject.Options {
		ca, err := authorities.Text()
		if err != nil {
			t.Error(err)
		}
		return inject.Options{Image: "envoy:test", Server: server.address, ServerName: "kibble.test", CA: ca}
	})
	for name, label := range map[string]string{"meshed": inject.ModeSidecar, "legacy": inject.ModeNode, "plain": ""} {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			"pod-security.kubernetes.io/enforce": "restricted",
		}}}
		if label != "" {
			ns.Labels[inject.Label] = label
		}
		if _, err := api.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		waittest.Until(t, "the default account of "+name, func() bool {
			_, err := api.CoreV1().ServiceAccounts(name).Get(t.Context(), "default", metav1.GetOptions{})
			return err == nil
		})
	}
	waittest.Until(t, "the webhook is asked", func() bool {
		pod, err := create(t, api, "meshed", "probe-", nil)
		return err == nil && len(pod.Spec.InitContainers) > 0
	})

	hello, err := create(t, api, "meshed", "hello-", nil)
	if err != nil {
		t.Fatal(err)
	}
	proxy := hello.Spec.InitContainers[0]
	if proxy.Name != inject.ContainerName || proxy.RestartPolicy == nil || *proxy.RestartPolicy != corev1.ContainerRestartPolicyAlways {
		t.Errorf("no native sidecar: %+v", proxy)
	}
	if proxy.TerminationMessagePath == "" || proxy.ImagePullPolicy == "" {
		t.Error("the API's defaults are not applied")
	}
	if env := hello.Spec.Containers[0].Env; len(env) != 4 || env[0].Name != "http_proxy" || env[0].Value != "http://127.0.0.1:4140" {
		t.Errorf("the application's variables: %+v", env)
	}
	if p := hello.Spec.Containers[0].ReadinessProbe; p == nil || p.HTTPGet.Port.IntValue() != 7777 {
		t.Errorf("the application's probe: %+v", p)
	}
	node, err := create(t, api, "legacy", "hello-", nil)
	if err != nil || len(node.Spec.InitContainers) > 0 || len(node.Spec.Containers[0].Env) != 5 {
		t.Errorf("by the node: %+v, %v", node.Spec, err)
	}
	off, err := create(t, api, "meshed", "off-", map[string]string{inject.Label: inject.ModeNone})
	if err != nil || len(off.Spec.InitContainers) > 0 {
		t.Errorf("turned off: %+v, %v", off.Spec, err)
	}
	own, err := create(t, api, "plain", "own-", map[string]string{inject.Label: inject.ModeSidecar})
	if err != nil || len(own.Spec.InitContainers) != 1 {
		t.Errorf("asked for by the pod: %+v, %v", own.Spec, err)
	}

	t.Run("a real Envoy", func(t *testing.T) { identity(t, api, server.Server, hello, own) })
	t.Run("authority replaced", func(t *testing.T) { replaced(t, api, server, authorities.Name) })

	// Without the webhook pods with the label wait, and others do not notice.
	webhook()
	if _, err := create(t, api, "plain", "free-", nil); err != nil {
		t.Errorf("a pod outside was kept: %v", err)
	}
	if _, err := create(t, api, "meshed", "held-", nil); err == nil || !strings.Contains(err.Error(), "inject.kibble.dev") {
		t.Errorf("a pod without its Envoy was let in: %v", err)
	}
}

func create(t *testing.T, api kubernetes.Interface, namespace, name string, labels map[string]string) (*corev1.Pod, error) {
	t.Helper()
	yes, no := true, false
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: name, Labels: labels},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "hello", Image: "hello:1",
				ReadinessProbe:  &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromInt32(7777)}}},
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	}
	return api.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{})
}

// admit runs the webhook and tells the API server of it.
func admit(t *testing.T, api kubernetes.Interface, o func() inject.Options) (stop func()) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle(inject.Path, inject.NewWebhook(o, nil))
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	configuration := inject.WebhookConfiguration("kibble", admissionregistrationv1.WebhookClientConfig{URL: &s.URL, CABundle: ca}, "kube-system")
	_, err := api.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(t.Context(), configuration, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Close
}

type server struct {
	*xds.Server
	address     string
	ca          *pki.Authority
	certificate *atomic.Pointer[tls.Certificate]
}

// by has the server show a certificate that an authority signs.
func (s *server) by(t *testing.T, ca *pki.Authority) {
	t.Helper()
	pair, err := ca.Server([]string{"kibble.test"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	s.ca = ca
	s.certificate.Store(&certificate)
}

func authority(t *testing.T) *pki.Authority {
	t.Helper()
	ca, err := pki.NewAuthority(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve runs an xDS server that asks the API about tokens with just the rights
// that it needs.
func serve(t *testing.T, c *kubetest.Cluster) *server {
	t.Helper()
	admin := kubernetes.NewForConfigOrDie(c.Config)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "kibble-tokens"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"authentication.k8s.io"}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}},
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
	}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "kibble-tokens"}, RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: "kibble-tokens"},
		Subjects: []rbacv1.Subject{{APIGroup: "rbac.authorization.k8s.io", Kind: "User", Name: "kibble"}},
	}
	if _, err := admin.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.AwaitRights("kibble")
	made := server{certificate: &atomic.Pointer[tls.Certificate]{}}
	made.by(t, authority(t))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := xds.New(xds.Options{
		Authenticator: xds.NewTokens(tokenreview.Reviewer{Client: kubernetes.NewForConfigOrDie(c.As("kibble"))}, []xds.Grant{{Class: "sidecar"}}),
		ServerOptions: []grpc.ServerOption{grpc.Creds(credentials.NewTLS(&tls.Config{
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return made.certificate.Load(), nil }, MinVersion: tls.VersionTLS13,
		}))},
	})
	s.Publish(&translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{"sidecar": {}, "edge": {}}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	made.Server, made.address = s, l.Addr().String()
	return &made
}

// replaced shows that a pod which is made while an authority takes the place of another
// is let in by certificates of both, though the webhook has run since before.
func replaced(t *testing.T, api kubernetes.Interface, s *server, file string) {
	next := authority(t)
	write(t, file, slices.Concat(s.ca.Certificate, next.Certificate))
	line, _, _ := strings.Cut(strings.TrimPrefix(string(next.Certificate), "-----BEGIN CERTIFICATE-----\n"), "\n")
	var pod *corev1.Pod
	waittest.Until(t, "a pod is told the next authority", func() (told bool) {
		var err error
		if pod, err = create(t, api, "meshed", "new-", nil); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(pod.Spec.InitContainers[0].Args[1], line)
	})
	running(t, api, pod, "127.0.10.3")
	for _, by := range []*pki.Authority{s.ca, next} {
		s.by(t, by)
		envoy := start(t, pod, token(t, api, pod, "kibble"), pod.Status.PodIP)
		waittest.Until(t, "it is let in", func() bool { return len(s.Proxies()) == 1 })
		envoy.Stop()
		waittest.Until(t, "it has left", func() bool { return len(s.Proxies()) == 0 })
	}
}

// running has the API server know a pod's address.
func running(t *testing.T, api kubernetes.Interface, p *corev1.Pod, ip string) {
	t.Helper()
	p.Status.PodIP, p.Status.PodIPs, p.Status.Phase = ip, []corev1.PodIP{{IP: ip}}, corev1.PodRunning
	updated, err := api.CoreV1().Pods(p.Namespace).UpdateStatus(t.Context(), p, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	*p = *updated
}

// identity starts an Envoy as kubelet would start the container, and shows that
// it is let in as its own pod only.
func identity(t *testing.T, api kubernetes.Interface, s *xds.Server, pod, other *corev1.Pod) {
	running(t, api, pod, "127.0.10.1")
	running(t, api, other, "127.0.10.2")
	own := start(t, pod, token(t, api, pod, "kibble"), pod.Status.PodIP)
	waittest.Until(t, "its own token lets it in", func() bool {
		all := s.Proxies()
		return len(all) == 1 && all[0].Node == pod.Name && all[0].Class == "sidecar"
	})
	own.Stop()
	waittest.Until(t, "it has left", func() bool { return len(s.Proxies()) == 0 })
	for name, e := range map[string]struct {
		token, ip, says string
	}{
		"another pod's token":            {token(t, api, other, "kibble"), pod.Status.PodIP, "node id"},
		"another pod's address":          {token(t, api, pod, "kibble"), "127.0.10.2", "POD_IP"},
		"a token for the API server":     {token(t, api, pod, ""), pod.Status.PodIP, "the token is not good"},
		"a token of no pod":              {token(t, api, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace}}, "kibble"), pod.Status.PodIP, "bound to no pod"},
		"a token that nobody has signed": {"a.b.c", pod.Status.PodIP, "the token is not good"},
	} {
		t.Run(name, func(t *testing.T) {
			envoy := start(t, pod, e.token, e.ip)
			waittest.Until(t, "it is refused", func() bool { return strings.Contains(envoy.Log(), e.says) })
			if len(s.Proxies()) > 0 {
				t.Error("it was let in")
			}
		})
	}
	if err := api.CoreV1().Pods(pod.Namespace).Delete(t.Context(), pod.Name, *metav1.NewDeleteOptions(0)); err != nil {
		t.Fatal(err)
	}
}

// token asks for a ServiceAccount token as kubelet does.
func token(t *testing.T, api kubernetes.Interface, pod *corev1.Pod, audience string) string {
	t.Helper()
	r := &authenticationv1.TokenRequest{}
	if audience != "" {
		r.Spec.Audiences = []string{audience}
	}
	if pod.Name != "" {
		r.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID}
	}
	got, err := api.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(t.Context(), "default", r, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return got.Status.Token
}

// start runs Envoy with the arguments of the pod's container: its variables put
// in, and the token in a directory of the test.
func start(t *testing.T, pod *corev1.Pod, token, ip string) *envoytest.Envoy {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), []byte(token))
	values := map[string]string{"POD_NAME": pod.Name, "POD_NAMESPACE": pod.Namespace, "POD_IP": ip, "NODE_NAME": pod.Spec.NodeName}
	text := regexp.MustCompile(`\$\((\w+)\)`).ReplaceAllStringFunc(pod.Spec.InitContainers[0].Args[1], func(v string) string {
		value, ok := values[v[2:len(v)-1]]
		if !ok {
			t.Fatalf("%s is no variable of the container", v)
		}
		return value
	})
	text = strings.ReplaceAll(text, "/var/run/secrets/kibble.dev", dir)
	text = strings.NewReplacer(`"address":"0.0.0.0","ipv4_compat":false,"port_value":4190`, `"address":"127.0.0.1","port_value":0`).Replace(text)
	return envoytest.Run(t, []byte(text), "--component-log-level", "config:debug")
}

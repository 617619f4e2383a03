package discovery_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"kibble.dev/discovery"
	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/logtest"
	"kibble.dev/internal/waittest"
	"kibble.dev/status"
)

// replica is a running `kibble serve`.
type replica struct {
	admin string
	log   *logtest.Log
	kill  func()
}

func build(t *testing.T) (kibble string) {
	t.Helper()
	kibble = filepath.Join(t.TempDir(), "kibble")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", kibble, "kibble.dev/cmd/kibble")
	build.Dir = "../.." // the module of kibble
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return kibble
}

func (l *lab) serve(kibble string, config *rest.Config, flags ...string) *replica {
	l.Helper()
	r := &replica{admin: envoytest.FreeAddress(l), log: &logtest.Log{}}
	args := append([]string{"serve", "--kubeconfig", l.WriteKubeconfig(config, "default"), "--insecure-plaintext",
		"--xds-address", envoytest.FreeAddress(l), "--admin-address", r.admin}, flags...)
	command := exec.Command(kibble, args...)
	command.Stderr = r.log
	l.must(command.Start())
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	r.kill = func() {
		_ = command.Process.Kill()
		<-ended
	}
	l.Cleanup(r.kill)
	return r
}

// condition gives "Status Reason generation message" of an object's condition.
func (l *lab) condition(object, typ string) string {
	l.Helper()
	o := kubetest.Objects(l, object)[0]
	live, err := l.client(o).Get(l.Context(), o.GetName(), metav1.GetOptions{})
	l.must(err)
	list, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, c := range list {
		c, _ := c.(map[string]any)
		if c["type"] == typ {
			message, _ := c["message"].(string)
			reason, _ := c["reason"].(string)
			state, _ := c["status"].(string)
			if c["observedGeneration"] != live.GetGeneration() {
				return "old"
			}
			return strings.Join([]string{state, reason, message}, " ")
		}
	}
	return ""
}

const router = "{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: ingress, namespace: prod}}"

// Two replicas with exactly the rights that are written down: both get ready,
// one writes status and events, and when it dies the other goes on.
func TestReplicas(t *testing.T) {
	l := newLab(t)
	l.apply(manifest)
	kibble := build(t)
	config := l.account("least", append(discovery.Rights{}.Rules(), status.Rules()...))
	l.grant("least", "kibble", status.LeaseRules("status"))
	first := l.serve(kibble, config, "--status-lease", "kibble/status")
	waittest.Until(l, "the first is ready", func() bool { return ready(first.admin) })
	waittest.Until(l, "the router is accepted", func() bool { return strings.HasPrefix(l.condition(router, "Accepted"), "True Accepted") })
	second := l.serve(kibble, config, "--status-lease", "kibble/status")
	waittest.Until(l, "the second is ready", func() bool { return ready(second.admin) })

	l.apply(strings.Replace(manifest, "/svc => /#/io.l5d.k8s/prod/http ;", "/svc = /a ;", 1))
	waittest.Until(l, "the mistake is told at its place", func() bool {
		said := l.condition(router, "Accepted")
		return strings.HasPrefix(said, "False LastGoodServed") && strings.Contains(said, "spec.dtab:1:")
	})
	waittest.Until(l, "there is an event", func() bool {
		list, err := l.admin.CoreV1().Events("prod").List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.name=ingress,reason=LastGoodServed"})
		l.must(err)
		return len(list.Items) > 0
	})
	first.kill()
	l.apply(manifest)
	waittest.Until(l, "the other replica writes", func() bool { return strings.HasPrefix(l.condition(router, "Accepted"), "True Accepted") })
	if !ready(second.admin) {
		t.Error("the other replica is not ready")
	}
	for _, r := range []*replica{first, second} {
		if strings.Contains(r.log.String(), "orbidden") {
			t.Errorf("something was forbidden:\n%s", r.log)
		}
	}

	// preview and explain read the same, with the rights of whoever asks.
	as := l.WriteKubeconfig(config, "default")
	out, err := exec.Command(kibble, "preview", "--kubeconfig", as).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "prod/ingress") {
		t.Errorf("preview: %v\n%s", err, out)
	}
	out, err = exec.Command(kibble, "explain", "--kubeconfig", as, "-n", "prod", "--router", "ingress", "web").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "[router prod/ingress spec.dtab:1:1]") {
		t.Errorf("explain: %v\n%s", err, out)
	}
	// A namespace without Routers is not taken for the cluster.
	out, err = exec.Command(kibble, "explain", "--kubeconfig", as, "-n", "kibble", "--router", "ingress", "web").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "there is no Router in namespace kibble: ") {
		t.Errorf("explain elsewhere: %v\n%s", err, out)
	}
	// So does diff: what would these files change there?
	edited := filepath.Join(t.TempDir(), "edited.yaml")
	if err := os.WriteFile(edited, []byte(strings.Replace(manifest, "/svc => /#/io.l5d.k8s/prod/http ;", "/svc => /$/inet/127.0.0.1/80 ;", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = exec.Command(kibble, "diff", "--kubeconfig", as, "-n", "prod", edited).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "prod/ingress") || !strings.Contains(string(out), "+ /svc => /$/inet/127.0.0.1/80") {
		t.Errorf("diff: %v\n%s", err, out)
	}
	nobody := l.WriteKubeconfig(l.account("nobody", nil), "default")
	out, err = exec.Command(kibble, "preview", "--kubeconfig", nobody, "-n", "prod").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "grant list and watch on routers.kibble.dev in namespace prod") {
		t.Errorf("preview without rights: %v\n%s", err, out)
	}
}

// grant gives an account a Role in one namespace too.
func (l *lab) grant(account, namespace string, rules []rbacv1.PolicyRule) {
	l.Helper()
	meta := metav1.ObjectMeta{Name: account}
	_, err := l.admin.RbacV1().Roles(namespace).Create(l.Context(), &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{})
	l.must(err)
	_, err = l.admin.RbacV1().RoleBindings(namespace).Create(l.Context(), &rbacv1.RoleBinding{
		ObjectMeta: meta, Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "kibble", Name: account}},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: account},
	}, metav1.CreateOptions{})
	l.must(err)
	l.AwaitRights("system:serviceaccount:kibble:" + account)
}

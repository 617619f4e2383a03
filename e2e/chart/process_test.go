package chart_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"kibble.dev/api/v1alpha1"
)

func routers() schema.GroupVersionResource { return v1alpha1.GroupVersion().WithResource("routers") }

// program builds one of ours.
func program(t *testing.T, path string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), filepath.Base(path))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", out, path)
	build.Dir = "../.." // the module of kibble
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// account gives the credentials of a service account of the chart, as kubelet
// gives them to its pods.
func (l *lab) account(name string) *rest.Config {
	l.Helper()
	token, err := l.admin.CoreV1().ServiceAccounts(namespace).CreateToken(l.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	l.must(err)
	config := rest.AnonymousClientConfig(l.Config)
	config.BearerToken = token.Status.Token
	return config
}

// container runs a container of the chart as a process: its arguments, with
// replacements for what is elsewhere on this machine.
func container(c corev1.Container, replace ...string) []string {
	r := strings.NewReplacer(replace...)
	var args []string
	for _, a := range c.Args {
		args = append(args, r.Replace(a))
	}
	return args
}

// fillSecrets runs the Job of certificates: its arguments, its rights.
func (l *lab) fillSecrets(o objects) {
	l.Helper()
	job := as[batchv1.Job](l.T, o.kinds("Job")[0]).Spec.Template.Spec
	command := exec.CommandContext(l.Context(), program(l.T, "kibble.dev/cmd/kibble"), container(job.Containers[0], "/work", l.TempDir())...)
	command.Env = []string{"KUBECONFIG=" + l.WriteKubeconfig(l.account(job.ServiceAccountName), namespace)}
	out, err := command.CombinedOutput()
	if err != nil {
		l.Fatalf("%v\n%s", err, out)
	}
	l.secretsAreFull("after the Job")
}

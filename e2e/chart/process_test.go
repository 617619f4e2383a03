package chart_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/internal/logtest"
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
	l.AwaitRights("system:serviceaccount:" + namespace + ":" + name)
	token, err := l.admin.CoreV1().ServiceAccounts(namespace).CreateToken(l.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	l.must(err)
	config := rest.AnonymousClientConfig(l.Config)
	config.BearerToken = token.Status.Token
	return config
}

// arguments are those of a container, with replacements for what is elsewhere on
// this machine.
func arguments(c corev1.Container, replace ...string) []string {
	r := strings.NewReplacer(replace...)
	var args []string
	for _, a := range c.Args {
		args = append(args, r.Replace(a))
	}
	return args
}

// run starts a container of the chart as a process until the test ends.
func (l *lab) run(program string, args, env []string) {
	l.Helper()
	command := exec.Command(program, args...)
	command.Env = env
	log := &logtest.Log{}
	command.Stdout, command.Stderr = log, log
	l.must(command.Start())
	var running sync.WaitGroup
	running.Go(func() { _ = command.Wait() })
	l.Cleanup(func() {
		_ = command.Process.Kill()
		running.Wait()
		if l.Failed() {
			l.Logf("%s %q said:\n%s", filepath.Base(program), args, log.String())
		}
		if strings.Contains(log.String(), "orbidden") {
			l.Errorf("%s was forbidden something:\n%s", filepath.Base(program), log.String())
		}
	})
}

// mount writes a Secret into a directory, as kubelet does.
func (l *lab) mount(in corev1.PodSpec) string {
	l.Helper()
	dir := l.TempDir()
	for _, v := range in.Volumes {
		if v.Secret == nil {
			continue
		}
		s, err := l.admin.CoreV1().Secrets(namespace).Get(l.Context(), v.Secret.SecretName, metav1.GetOptions{})
		l.must(err)
		for _, item := range v.Secret.Items {
			if len(s.Data[item.Key]) == 0 {
				l.Fatalf("Secret %s has no %s", v.Secret.SecretName, item.Key)
			}
			l.must(os.WriteFile(filepath.Join(dir, item.Path), s.Data[item.Key], 0o600))
		}
	}
	return dir
}

// fillSecrets runs the Job of certificates: its arguments, its rights. It gives
// what it printed, the objects that it wrote.
func (l *lab) fillSecrets(o objects, kibble string) string {
	l.Helper()
	job := as[batchv1.Job](l.T, o.kinds("Job")[0]).Spec.Template.Spec
	command := exec.CommandContext(l.Context(), kibble, arguments(job.Containers[0], "/work", l.TempDir())...)
	command.Env = []string{"KUBECONFIG=" + l.WriteKubeconfig(l.account(job.ServiceAccountName), namespace)}
	out, err := command.CombinedOutput()
	if err != nil {
		l.Fatalf("%v\n%s", err, out)
	}
	l.secretsAreFull("after the Job", len(o.kinds("MutatingWebhookConfiguration")) > 0)
	return string(out)
}

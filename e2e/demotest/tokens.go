package demotest

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/internal/helloworld"
	"kibble.dev/internal/tokenreview"
)

// Token asks for a ServiceAccount token of a Pod as kubelet does.
func (l *Lab) Token(p helloworld.Pod) string {
	l.Helper()
	pod, err := l.Kube.CoreV1().Pods("default").Get(l.Context(), p.Name, metav1.GetOptions{})
	l.Must(err)
	r := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences:      []string{tokenreview.Audience},
		BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	r, err = l.Kube.CoreV1().ServiceAccounts("default").CreateToken(l.Context(), pod.Spec.ServiceAccountName, r, metav1.CreateOptions{})
	l.Must(err)
	return r.Status.Token
}

// Project puts a token where the Envoy beside a Pod reads it, as kubelet puts it into
// a projected volume: in a directory of its own, to which a link is moved.
func (l *Lab) Project(pod, token string) {
	l.Helper()
	volume := l.tokenVolume(pod)
	l.Must(os.MkdirAll(volume, 0o755))
	data := fmt.Sprintf("..%d", time.Now().UnixNano())
	l.Must(os.Mkdir(filepath.Join(volume, data), 0o755))
	l.Must(os.WriteFile(filepath.Join(volume, data, "token"), []byte(token), 0o600))
	before, _ := os.Readlink(filepath.Join(volume, "..data")) // none the first time
	l.Must(os.Symlink(data, filepath.Join(volume, "..data_tmp")))
	l.Must(os.Rename(filepath.Join(volume, "..data_tmp"), filepath.Join(volume, "..data")))
	if before != "" {
		l.Must(os.RemoveAll(filepath.Join(volume, before)))
		return
	}
	l.Must(os.Symlink(filepath.Join("..data", "token"), filepath.Join(volume, "token")))
}

func (l *Lab) tokenVolume(pod string) string { return filepath.Join(l.dir, "tokens", pod) }

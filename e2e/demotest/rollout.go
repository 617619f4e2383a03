package demotest

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Rollout replaces all pods at once, as a Deployment does that may surge: the new
// ones are there before any of the old ones ends. The old ones are terminating
// and go on serving until nobody knows them.
func (l *Lab) Rollout(suffix string, network int) {
	l.Helper()
	old := slices.Clone(l.Top.Pods)
	for i, p := range old {
		p.Name, p.IP = p.Service+"-"+suffix, fmt.Sprintf("10.244.%d.%d", network, i+1)
		p.Via = p.IP
		l.Top.Pods = append(l.Top.Pods, p)
		l.StartPod(p)
		l.AwaitSlice(p.Service, p.IP)
	}
	for _, p := range old {
		l.Must(l.Kube.CoreV1().Pods("default").Delete(l.Context(), p.Name, metav1.DeleteOptions{}))
	}
	for _, p := range old {
		l.StopPod(p)
	}
	l.Top.Pods = l.Top.Pods[len(old):]
}

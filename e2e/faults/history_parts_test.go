package faults_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/internal/helloworld"
)

// partSteps are those that stop and start parts: control planes by their number, the
// last one's link to the API server, proxies by their name.
func partSteps() []step {
	return []step{
		{"kill", 2, drawReplica(runs), doKill},
		{"terminate", 2, drawReplica(runs), doTerminate},
		{"pause", 1, drawReplica(runs), doPause},
		{"resume", 2, drawReplica(isPaused), doResume},
		{"forget", 1, drawReplica(func(h *history, i int) bool { return h.state[i] == "away" && len(h.broken) == 0 }), doForget},
		{"start", 5, drawReplica(func(h *history, i int) bool { return h.state[i] == "away" }), doStart},
		{"cut", 2, func(h *history, _ *rand.Rand) (string, bool) { return "", !h.cut }, doCut},
		{"mend", 3, func(h *history, _ *rand.Rand) (string, bool) { return "", h.cut }, doMend},
		{"restart", 2, oneOf([]string{"alone-0", "alone-1"}, nil), doRestart},
		{"fill", 2, drawReplica(func(h *history, i int) bool { return !h.full[i] }), doFill},
		{"clear", 2, drawReplica(func(h *history, i int) bool { return h.full[i] }), doClear},
		{"leases", 1, always(""), doLeases},
		{"apiserver", 1, always(""), doAPIServer},
		{"etcd", 1, always(""), doEtcd},
	}
}

func runs(h *history, i int) bool     { return h.state[i] == "" }
func isPaused(h *history, i int) bool { return h.state[i] == "paused" }

// drawReplica draws a control plane that something can be done to.
func drawReplica(can func(h *history, i int) bool) func(*history, *rand.Rand) (string, bool) {
	return func(h *history, r *rand.Rand) (string, bool) {
		i := r.IntN(len(h.lab.Replicas))
		return fmt.Sprint(i), can(h, i)
	}
}

// becomes notes that a control plane is in trouble, or no longer.
func (h *history) becomes(i int, state string) {
	h.change(trouble, "control plane", "yes")
	if h.front.spoiled != "" { // who starts then knows nothing of the certificate of before
		h.change(trouble, "certificate", h.front.spoiled)
	}
	if h.state[i] = state; state == "" {
		delete(h.state, i)
	}
}

func doKill(h *history, what string) {
	i := int(number(what))
	h.becomes(i, "away")
	h.lab.Replicas[i].Kill()
}

func doTerminate(h *history, what string) {
	i := int(number(what))
	h.becomes(i, "away")
	said := h.said[i]
	code := h.lab.Replicas[i].Terminate()
	if begun := len(h.lab.Replicas[i].Log()) > said; begun && code != 0 { // else the kernel ended what had not begun to be Kibble
		h.lab.Errorf("after SIGTERM the exit code is %d", code)
	}
}

func doPause(h *history, what string) {
	i := int(number(what))
	h.becomes(i, "paused")
	h.lab.Replicas[i].Signal(syscall.SIGSTOP)
}

func doResume(h *history, what string) {
	i := int(number(what))
	h.becomes(i, "")
	h.lab.Replicas[i].Signal(syscall.SIGCONT)
}

// doForget takes its state from a control plane that is away. It would not know what a
// Router was before that was broken.
func doForget(h *history, what string) {
	h.forgot = true
	forget(h.lab, h.lab.Replicas[number(what)].State)
}

func doStart(h *history, what string) {
	i := int(number(what))
	h.becomes(i, "")
	h.said[i] = len(h.lab.Replicas[i].Log())
	h.lab.Replicas[i].Start()
}

func doCut(h *history, _ string) {
	h.change(trouble, "control plane", "yes")
	h.cut = true
	h.link.Cut()
}

func doMend(h *history, _ string) {
	h.cut = false
	h.lab.Must(h.link.Mend())
}

// doRestart stops an Envoy that is beside nobody, and starts another in its place.
func doRestart(h *history, name string) {
	h.change(trouble, name, "yes")
	i := slices.IndexFunc(h.places, func(p place) bool { return p.name == name })
	h.whole.AddEnvoyAlone(alone(name, h.places[i].address), h.lab.Replicas[number(strings.TrimPrefix(name, "alone-"))])
}

// alone is a proxy that no pod is beside.
func alone(name, address string) helloworld.Proxy {
	ip, _, _ := strings.Cut(address, ":")
	return helloworld.Proxy{Name: name, Class: "sidecar", IP: ip}
}

func doLeases(h *history, _ string) {
	h.lab.Must(h.lab.Kube.CoordinationV1().Leases("kibble").DeleteCollection(h.lab.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}))
}

// doAPIServer restarts the API server, and forgets what watches could go on from.
func doAPIServer(h *history, _ string) {
	h.change(trouble, "control plane", "yes")
	h.lab.StopAPIServer()
	h.lab.StartAPIServer()
	h.lab.Compact()
	h.writable()
}

func doEtcd(h *history, _ string) {
	h.change(trouble, "control plane", "yes")
	h.lab.StopEtcd()
	h.lab.StartEtcd()
	h.lab.WaitReady()
	h.writable()
}

// writable returns when the API server takes what is written.
func (h *history) writable() {
	h.lab.Helper()
	h.lab.Eventually("the API server takes something", func() error {
		o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "written-"}}
		_, err := h.lab.Kube.CoreV1().ConfigMaps("default").Create(h.lab.Context(), o, metav1.CreateOptions{})
		return err
	})
}

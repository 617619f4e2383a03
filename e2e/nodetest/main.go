//go:build linux

// Package nodetest runs a whole Kubernetes cluster of one node in a test: the
// API of package kubetest, and beside it the real kubelet, kube-proxy,
// kube-scheduler, containerd and runc. Pods really run, with their security
// contexts, probes, volumes and networks.
//
// Not real are: the cluster's DNS, which the test answers from the API (dns.go),
// the registry (images are put into containerd, image.go), and a network that
// enforces NetworkPolicies, of which there is none.
//
// The programs are those of the directories that KIBBLE_KUBE and KIBBLE_NODE
// name, as `make kube` and `make node` print them. The tests of a package run in
// namespaces of their own, so that all of it ends with them: see Main.
package nodetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/child"
)

// home is the environment variable that names the directory of the node.
const home = "KIBBLE_E2E_NODE"

// Main runs the tests of a package in namespaces of their own for processes,
// mounts and networks, and gives the exit code. It takes root.
func Main(m *testing.M) int {
	if os.Getenv(home) != "" {
		if err := enter(); err != nil {
			fmt.Fprintln(os.Stderr, "set up the node's namespaces:", err)
			return 1
		}
		return m.Run()
	}
	if err := able(); err != nil {
		fmt.Fprintln(os.Stderr, "no kubelet can run here:", err)
		return 1
	}
	// Short: the path of a unix socket may have 107 bytes.
	dir, err := os.MkdirTemp("", "node")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	defer removeCgroups(filepath.Base(dir))
	attr := child.DiesWithParent()
	attr.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID
	code, err := kubetest.Again(home+"="+dir, attr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the tests in namespaces of their own:", err)
	}
	return code
}

// able says what is missing for a kubelet.
func able() error {
	if os.Getuid() != 0 {
		return errors.New("it has to be root, for it makes namespaces, mounts and cgroups: run the tests as root")
	}
	for _, name := range []string{"KIBBLE_KUBE", "KIBBLE_NODE"} {
		if os.Getenv(name) == "" {
			return fmt.Errorf("%s is not set: run make kube and make node, and set it to the directory that they print", name)
		}
	}
	for _, file := range []string{"kubelet", "kube-proxy", "kube-scheduler", "kubectl", "containerd", "runc", "pause"} {
		if _, err := os.Stat(filepath.Join(os.Getenv("KIBBLE_NODE"), file)); err != nil {
			return fmt.Errorf("KIBBLE_NODE: %w: run make node", err)
		}
	}
	for _, program := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: install iproute2 and nftables (make node does)", err)
		}
	}
	known, err := os.ReadFile("/proc/filesystems")
	if err == nil && !strings.Contains(string(known), "\toverlay\n") {
		err = errors.New("the kernel has no overlay file system, in which containers run")
	}
	if _, e := os.Stat("/sys/fs/cgroup"); e != nil {
		err = errors.Join(err, e)
	}
	return err
}

// enter makes the namespaces that this process is in a node's.
func enter() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc of the new processes: %w", err)
	}
	// What programs write to places that cannot be chosen stays here.
	for _, dir := range []string{"/run", "/var/log", "/var/lib/cni", "/var/lib/kubelet"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	for _, line := range []string{
		"link set lo up",
		"addr add " + dnsAddress + "/32 dev lo",
		// What has no other way leaves here, and meets nobody: kube-proxy turns it to pods before.
		"link add uplink type veth peer name upstream",
		"addr add " + Address + "/24 dev uplink",
		"link set uplink up",
		"link set upstream up",
		"route add default via 172.18.0.254 dev uplink",
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", line, err, out)
		}
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o600); err != nil {
		return err
	}
	return makeCgroups(filepath.Base(os.Getenv(home)))
}

// makeCgroups makes the groups below which kubelet puts all of its pods, in each
// hierarchy of version 1, or in that of version 2.
func makeCgroups(name string) error {
	roots, err := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	if err != nil {
		return err
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		roots = []string{"/sys/fs/cgroup/cgroup.procs"}
	}
	for _, root := range roots {
		if err := os.Mkdir(filepath.Join(filepath.Dir(root), name), 0o755); err != nil {
			return fmt.Errorf("make a cgroup: %w", err)
		}
	}
	return nil
}

// removeCgroups removes what an ended node has left in /sys/fs/cgroup.
func removeCgroups(name string) {
	for _, pattern := range []string{"/sys/fs/cgroup/" + name, "/sys/fs/cgroup/*/" + name} {
		roots, _ := filepath.Glob(pattern)
		for _, root := range roots {
			var all []string
			_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					all = append(all, path)
				}
				return nil
			})
			for i := len(all) - 1; i >= 0; i-- { // the inner ones first
				_ = unix.Rmdir(all[i])
			}
		}
	}
}

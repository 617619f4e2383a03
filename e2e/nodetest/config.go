//go:build linux

package nodetest

import (
	"os"
	"path/filepath"
	"strings"
)

// The node's network.
const (
	// Node is the node's name.
	Node = "node-a"
	// Address is the node's.
	Address = "172.18.0.1"
	// Balancer is for Services of type LoadBalancer: a test gives it to one of them.
	Balancer = "172.18.0.200"

	dnsAddress = "172.18.0.10"
	podNetwork = "10.244.0.0/24"
	pauseImage = "kibble.test/pause:1"
)

// program gives the path of one of the node's programs.
func program(name string) string { return filepath.Join(os.Getenv("KIBBLE_NODE"), name) }

// config writes a configuration file of the node, with $DIR, $PROGRAMS and so on
// in place, and those given, and gives its path.
func (c *Cluster) config(name, text string, more ...string) string {
	c.Helper()
	file := c.path(name)
	c.Must(os.MkdirAll(filepath.Dir(file), 0o755))
	text = strings.NewReplacer(append(more,
		"$DIR", c.dir, "$PROGRAMS", os.Getenv("KIBBLE_NODE"), "$CGROUP", "/"+filepath.Base(c.dir), "$PAUSE", pauseImage,
		"$DNS", dnsAddress, "$ADDRESS", Address, "$PODS", podNetwork,
	)...).Replace(text)
	c.Must(os.WriteFile(file, []byte(text), 0o600))
	return file
}

const containerdConfig = `version = 3
root = "$DIR/containerd"
state = "$DIR/state"
disabled_plugins = ["io.containerd.nri.v1.nri"]
[grpc]
address = "$DIR/containerd.sock"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "$PAUSE"
[plugins.'io.containerd.cri.v1.runtime']
disable_apparmor = true
restrict_oom_score_adj = true
tolerate_missing_hugetlb_controller = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["$PROGRAMS"]
conf_dir = "$DIR/cni"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "$PROGRAMS/runc"
SystemdCgroup = false
`

// Pods have a way to the node each, and meet there, where kube-proxy is.
const networkConfig = `{
  "cniVersion": "1.0.0", "name": "pods",
  "plugins": [
    {"type": "ptp", "ipam": {"type": "host-local", "dataDir": "$DIR/addresses", "ranges": [[{"subnet": "$PODS"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}, "backend": "nftables", "snat": true}
  ]
}
`

const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $ADDRESS
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: $CGROUP
cgroupsPerQOS: true
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
containerRuntimeEndpoint: unix://$DIR/containerd.sock
clusterDNS: [$DNS]
clusterDomain: cluster.local
resolvConf: $DIR/resolv.conf
evictionHard: {nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", memory.available: 1Mi}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
`

const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: $PODS
clientConnection: {kubeconfig: $KUBECONFIG}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`

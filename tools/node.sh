#!/usr/bin/env bash
# Usage: tools/node.sh DIRECTORY
#
# Makes sure that DIRECTORY holds the programs of a Kubernetes node: kubelet,
# kube-proxy and kube-scheduler of the version in tools/kube, containerd, runc and
# the plugins of the pods' network of those in tools/node, and kubectl for who
# uses the cluster. It builds them from their Go modules when one is missing (some
# minutes, once), for which it installs the packages of the distribution that they
# need (Debian, Ubuntu; as root, or with sudo). It talks on stderr only.
set -euo pipefail

target=$1
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's#^require k8s.io/kubernetes \(v[0-9.]*\)$#\1#p' "$here/kube/go.mod")
programs="containerd containerd-shim-runc-v2 ctr host-local kube-proxy kube-scheduler kubectl kubelet loopback pause portmap ptp runc"

have() { for p in $programs; do [ -x "$target/$p" ] || return 1; done; }
packages() { command -v nft >/dev/null && command -v ip >/dev/null && command -v cc >/dev/null && [ -f /usr/include/seccomp.h ]; }

packages || {
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  command -v apt-get >/dev/null || {
    echo "There is no apt-get: install nftables, iproute2, a C compiler and the headers of libseccomp."
    exit 1
  }
  "${root[@]}" apt-get -o Acquire::Retries=3 update
  "${root[@]}" apt-get -o Acquire::Retries=3 install -y --no-install-recommends nftables iproute2 gcc libc6-dev libseccomp-dev
} >&2
have && exit 0

# The staging folder lies beside the target, so that each program appears whole.
mkdir -p "$target"
staging=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$staging"' EXIT

echo "building a node of Kubernetes $version into $target (some minutes, once) ..." >&2
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off
minor=${version#v1.}
minor=${minor%%.*}
stamp=k8s.io/component-base/version
{
  cd "$here/kube"
  go build -trimpath -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor" \
    -o "$staging/" k8s.io/kubernetes/cmd/kubelet k8s.io/kubernetes/cmd/kube-proxy k8s.io/kubernetes/cmd/kube-scheduler k8s.io/kubernetes/cmd/kubectl
  # What holds a pod's namespaces, as Kubernetes' own image has it.
  cc -static -Os -s -o "$staging/pause" "$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)/build/pause/linux/pause.c"
  cd "$here/node"
  containerd=github.com/containerd/containerd/v2/cmd plugins=github.com/containernetworking/plugins/plugins
  go build -trimpath -ldflags "-s -w" -o "$staging/" $containerd/containerd $containerd/containerd-shim-runc-v2 $containerd/ctr \
    $plugins/ipam/host-local $plugins/main/loopback $plugins/main/ptp $plugins/meta/portmap
  # It enters namespaces in C, and seccomp profiles take the library.
  CGO_ENABLED=1 go build -trimpath -tags seccomp -ldflags "-s -w" -o "$staging/" github.com/opencontainers/runc
} >&2
mv "$staging"/* "$target/"

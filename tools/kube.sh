#!/usr/bin/env bash
# Usage: tools/kube.sh DIRECTORY
#
# Makes sure that DIRECTORY holds etcd, kube-apiserver and
# kube-controller-manager of the versions in tools/etcd and tools/kube: builds
# those that are missing from their Go modules (some minutes, once). It talks on
# stderr only.
set -euo pipefail

target=$1
here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's#^require k8s.io/kubernetes \(v[0-9.]*\)$#\1#p' "$here/kube/go.mod")

have() { [ -x "$target/etcd" ] && [ -x "$target/kube-apiserver" ] && [ -x "$target/kube-controller-manager" ]; }
have && exit 0

# The staging folder lies beside the target, so that each program appears whole.
mkdir -p "$target"
staging=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$staging"' EXIT

echo "building etcd and Kubernetes $version into $target (some minutes, once) ..." >&2
export CGO_ENABLED=0 GOFLAGS=-buildvcs=false GOWORK=off
minor=${version#v1.}
minor=${minor%%.*}
stamp=k8s.io/component-base/version
(cd "$here/etcd" && go build -trimpath -ldflags "-s -w" -o "$staging/etcd" go.etcd.io/etcd/server/v3) >&2
(cd "$here/kube" && go build -trimpath -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor" \
  -o "$staging/" k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager) >&2
mv "$staging"/* "$target/"

#!/usr/bin/env bash
# Usage: GO=go BENCHFLAGS='-rounds=3 ...' tools/bench.sh [PART ...]
#
# Measures Kibble beside other ways to do the same job, each pair in the same
# run, and prints the ratios. Without a part, all of them:
#
#   change     a changed endpoint and a changed route, until every proxy has it
#   start      from the start of a control plane until its first client has everything
#   data       the proxies: generated configuration, one by hand, and nginx
#   live       many environments on one host beside one, on real Envoys
#   xds        one change through the server, and rules of callers
#   memory     an Envoy that is told of 10,000 services, and one that gets what it uses
#   translate  translation and discovery, whole and of one change
#   dtab       delegation
#   finagle    delegation beside Finagle's own on a JVM; skipped without a JDK
#
# BENCHFLAGS are those of e2e/bench, which `go test -h` does not show: see
# e2e/bench/flags_test.go. KIBBLE_ENVOY and KIBBLE_KUBE are set by make.
set -euo pipefail
cd "$(dirname "$0")/.."

go=${GO:-go}
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(change start data live xds memory translate dtab finagle)

# measure runs one test of e2e/bench, which prints tables.
measure() {
  mkdir -p bin
  (cd e2e && "$go" test -c -o ../bin/bench ./bench)
  # shellcheck disable=SC2086 # several flags
  (cd e2e/bench && ../../bin/bench -full -test.run "$1" ${BENCHFLAGS:-})
}

# benchmarks runs those of packages, which print a line each.
benchmarks() { "$go" test -run '^$' -bench . -benchmem "$@"; }

grep -m 1 'model name' /proc/cpuinfo || true
echo "$(nproc) processors, $("$go" version)"
for part in "${parts[@]}"; do
  case $part in
    change | start) measure "^TestControlPlane$/^$part$" ;;
    data) tools/benchtools.sh && measure '^TestDataPlane$' ;;
    live) benchmarks ./internal/livetest ;;
    xds) benchmarks -skip EnvoyMemory ./xds ;;
    memory) benchmarks -bench EnvoyMemory ./xds ;;
    translate) benchmarks ./translate ./discovery ;;
    dtab) benchmarks ./dtab ;;
    finagle) GO=$go tools/finagle/bench.sh ;;
    *) echo "there is no part $part: there are change, start, data, live, xds, memory, translate, dtab and finagle" >&2 && exit 2 ;;
  esac
done

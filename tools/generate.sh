#!/usr/bin/env bash
# Usage: tools/generate.sh CONTROLLER-GEN [--check]
#
# Writes what is made from the types of api/v1alpha1: their copy methods, the
# chart of the CRDs, their copies in the main chart and the reference of the
# objects; the table of the main chart's values; and what the manual has of the
# program: commands, metrics, pictures. With --check it writes nothing, and fails
# when something is not current.
set -euo pipefail

generator=$1
mode=${2:-}
cd "$(dirname "$0")/.."

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
mkdir -p "$out/api" "$out/crds" "$out/chart/templates"

"$generator" object paths=./api/v1alpha1 output:object:dir="$out/api"
"$generator" crd paths=./api/v1alpha1 output:crd:dir="$out/crds"
(cd tools/crd && go run . "$out/crds" "$out/chart" "$out/plain" "$out/objects.md" &&
  go run ./values ../../charts/kibble/values.yaml ../../charts/kibble/README.md > "$out/README.md")

# made PATH GENERATED
made() {
  if [ "$mode" = --check ]; then
    diff -u "$1" "$2" || { echo "$1 is not current: run make generate" >&2; exit 1; }
  else
    mkdir -p "$(dirname "$1")"
    cp "$2" "$1"
  fi
}
made api/v1alpha1/zz_generated.deepcopy.go "$out/api/zz_generated.deepcopy.go"
for file in "$out"/chart/templates/*; do made "charts/kibble-crds/templates/$(basename "$file")" "$file"; done
for file in "$out"/plain/*; do made "charts/kibble/crds/$(basename "$file")" "$file"; done
made charts/kibble/README.md "$out/README.md"
made docs/reference/objects.md "$out/objects.md"

# The program writes its own pages of the manual, and draws its pictures; tests
# compare them.
update=()
[ "$mode" = --check ] || update=(-args -update)
go test -count=1 -run '^Test(Commands|Metrics)Page$' ./cmd/kibble "${update[@]}"
go test -count=1 -run '^TestPictures$' ./internal/docstest "${update[@]}"

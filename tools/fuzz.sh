#!/usr/bin/env bash
# Usage: [FUZZTIME=20s] tools/fuzz.sh
#
# Runs every fuzz target of the root module, one after the other (go test takes
# one at a time), each for FUZZTIME.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}

grep -rlE --include='*_test.go' '^func Fuzz' . | grep -v '^./e2e/' | xargs -r -n1 dirname | sort -u | while read -r dir; do
  "$go" test -list '^Fuzz' "$dir" | grep '^Fuzz' | while read -r target; do
    "$go" test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20s}" "$dir" </dev/null
  done
done

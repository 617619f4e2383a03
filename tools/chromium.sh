#!/usr/bin/env bash
# Usage: tools/chromium.sh BINARY
#
# Makes sure that BINARY is a Chromium: installs the package of the distribution
# (Debian, Ubuntu) when it is missing, for which one has to be root or to have
# sudo. It talks on stderr only.
set -euo pipefail

[ -x "$1" ] && exit 0

root=()
[ "$(id -u)" = 0 ] || root=(sudo)
{
  command -v apt-get >/dev/null || {
    echo "There is no apt-get: install Chromium, and set KIBBLE_CHROMIUM to its binary."
    exit 1
  }
  "${root[@]}" apt-get -o Acquire::Retries=3 update
  "${root[@]}" apt-get -o Acquire::Retries=3 install -y --no-install-recommends chromium
} >&2
[ -x "$1" ] || { echo "Chromium is installed, but not as $1: set KIBBLE_CHROMIUM to its binary." >&2; exit 1; }

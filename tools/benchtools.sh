#!/usr/bin/env bash
# Usage: tools/benchtools.sh
#
# Makes sure that what `make bench` compares with and measures by is there, from
# the packages of the distribution (Debian, Ubuntu), for which one has to be root
# or to have sudo: wrk, and nginx with headers-more. Their services are not
# started. It talks on stderr only.
set -euo pipefail

module=/usr/lib/nginx/modules/ngx_http_headers_more_filter_module.so
complete() { command -v wrk >/dev/null && [ -x /usr/sbin/nginx ] && [ -e "$module" ]; }
complete && exit 0

root=()
[ "$(id -u)" = 0 ] || root=(sudo)
{
  command -v apt-get >/dev/null || {
    echo "There is no apt-get: install wrk, and nginx with its module headers-more as $module."
    exit 1
  }
  # A package's service is started when it is installed, unless this says no.
  policy=$(mktemp)
  trap 'rm -f "$policy"' EXIT
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    "${root[@]}" install -m 755 "$policy" /usr/sbin/policy-rc.d
    trap '"${root[@]}" rm -f /usr/sbin/policy-rc.d; rm -f "$policy"' EXIT
  fi
  "${root[@]}" apt-get -o Acquire::Retries=3 update
  "${root[@]}" apt-get -o Acquire::Retries=3 install -y --no-install-recommends wrk nginx-light libnginx-mod-http-headers-more-filter
} >&2
complete || { echo "wrk and nginx are installed, but not where they were looked for" >&2; exit 1; }

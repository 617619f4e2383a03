#!/bin/sh
echo '
routers:
- protocol: http
' > linkerd.yml

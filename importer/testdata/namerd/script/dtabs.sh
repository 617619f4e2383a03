#!/bin/sh
set -e
namerctl dtab get internal || echo "
  /srv  => /#/io.l5d.k8s/default/http ;
  /svc  => /srv ;
" | namerctl dtab create internal -
cat <<EOF | namerctl dtab create --base-url http://namerd:4180 external -
  /svc/* => /#/io.l5d.k8s/default/http/hello ;
EOF
namerctl dtab update staging - <<'END'
/svc => = /srv ;
END
namerctl dtab create web web.dtab
namerctl dtab create beside tables/beside.txt

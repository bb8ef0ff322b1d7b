#!/bin/sh
# The password reaches the server in a file, not on its command line; the node is announced by its pod's address, which
# changes with every start, and is known to the others by its id.
set -eu
umask 077
auth=${AUTH_FILE:-/run/redis/auth.conf}
printf 'requirepass "%s"\nmasterauth "%s"\n' "$(cat /secrets/password)" "$(cat /secrets/password)" >"$auth"
exec redis-server /etc/redis/redis.conf --include "$auth" --cluster-announce-ip "$POD_IP"

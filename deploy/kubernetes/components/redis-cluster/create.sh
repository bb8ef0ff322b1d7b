#!/bin/sh
# Makes one cluster of the six nodes, once; does nothing to a cluster that exists.
set -eu
REDISCLI_AUTH=$(cat /secrets/password)
export REDISCLI_AUTH
cli() { redis-cli --tls --cacert /tls/ca.crt --sni redis "$@"; }

nodes=
for i in 0 1 2 3 4 5; do
    name=redis-$i.redis-nodes
    until address=$(getent hosts "$name" | cut -d ' ' -f 1) && [ -n "$address" ] && [ "$(cli -h "$address" ping)" = PONG ]; do
        echo "waiting for $name"
        sleep 2
    done
    nodes="$nodes $address:6379"
done

first=${nodes# }
first=${first%%:*}
if cli -h "$first" cluster info | grep -q '^cluster_state:ok'; then
    echo "the cluster exists"
    exit 0
fi
# shellcheck disable=SC2086
cli --cluster create $nodes --cluster-replicas 1 --cluster-yes

#!/bin/sh
# Makes what compose.yaml mounts, once: the secrets (random, readable by you alone, never committed) and a place for state.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets state
for name in admin cloud demo; do
    [ -s "secrets/$name.secret" ] || head -c 24 /dev/urandom | base64 | tr -d '+/=\n' > "secrets/$name.secret"
done
echo "secrets are in $(pwd)/secrets"

#!/bin/sh
# Lays out what the image holds besides its base: layout.sh BINARY DIRECTORY
# The image's build calls it, and so does deploy/verify.sh, which has no container engine.
set -eu
binary=$1
image=$2

install -d "$image/usr/bin" "$image/etc/zengate" "$image/usr/share/doc/zengate"
install -m 0755 "$binary" "$image/usr/bin/zengate"
# Line tables are of use to a debugger, not to an image. Function names stay, for backtraces.
strip --strip-debug "$image/usr/bin/zengate"
install -m 0644 deploy/LICENSE "$image/usr/share/doc/zengate/LICENSE"
# Volumes take over owner and mode of the directory that they cover.
install -d -m 0750 -o 65532 -g 65532 "$image/var/lib/zengate"

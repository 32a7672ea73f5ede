#!/bin/sh
# Puts the files of a package where they belong: install.sh BINARY [DESTDIR]
#
# A packager calls it with DESTDIR, an administrator without. Files under /etc that are there already are kept.
set -eu
binary=$1
root=${2:-}
cd "$(dirname "$0")/../.."

install -d "$root/usr/bin" "$root/usr/lib/systemd/system" "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d" \
    "$root/usr/share/doc/zengate" "$root/usr/share/zengate/policies"
install -m 0755 "$binary" "$root/usr/bin/zengate"
install -m 0644 deploy/systemd/zengate.service deploy/systemd/zengate.socket "$root/usr/lib/systemd/system/"
install -m 0644 deploy/systemd/zengate.sysusers "$root/usr/lib/sysusers.d/zengate.conf"
install -m 0644 deploy/systemd/zengate.tmpfiles "$root/usr/lib/tmpfiles.d/zengate.conf"
install -m 0644 README.md deploy/LICENSE "$root/usr/share/doc/zengate/"
for example in zengate.toml minimal.toml keys.toml organisation.yaml terraform.yaml; do
    install -m 0644 "deploy/config/$example" "$root/usr/share/doc/zengate/$example"
done
# Completions and man pages are written by the binary itself, where it runs on the machine that packs it.
if "$binary" --version > /dev/null 2>&1; then
    completions() { install -d "$root/$2" && "$binary" completions "$1" > "$root/$2/$3" && chmod 0644 "$root/$2/$3"; }
    completions bash usr/share/bash-completion/completions zengate
    completions zsh usr/share/zsh/vendor-completions _zengate
    completions fish usr/share/fish/vendor_completions.d zengate.fish
    "$binary" man --output "$root/usr/share/man/man1"
    chmod 0644 "$root"/usr/share/man/man1/zengate*.1
fi

# The stock policies are inside the binary; this copy is to be read, and to be copied by whoever writes rules.
(cd policies && find . -type f ! -name '.*' -exec install -D -m 0644 '{}' "$root/usr/share/zengate/policies/{}" ';')

install -d -m 0750 "$root/etc/zengate"
fresh=
for file in minimal.toml:zengate.toml keys.toml:keys.toml organisation.yaml:organisation.yaml; do
    to="$root/etc/zengate/${file#*:}"
    [ -e "$to" ] || fresh=" $fresh $to "
    [ -e "$to" ] || install -m 0640 "deploy/config/${file%%:*}" "$to"
done
# The unit lets the gateway write nowhere else.
case $fresh in *"$root/etc/zengate/zengate.toml "*)
    printf '\n[quota]\nfile = "/var/lib/zengate/ledger.db"\n' >> "$root/etc/zengate/zengate.toml"
esac

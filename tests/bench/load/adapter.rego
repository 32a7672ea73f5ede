# What Envoy's sidecar is asked: whether a create may pass, by the rules that the gateway judges by.
#
# It builds the document that the gateway would ask them with (the create as it will be sent, groups filled in, secrets replaced
# by facts) and asks once what they deny. The gateway asks twice, for what to fill in first; Envoy cannot change a body, so
# that question is left out here, and so is the signature, which nothing here checks.
#
# `data.bench.rules` is written by the driver. Like the gateway it asks the rules one by one, each by its name; `main.rego`, which
# finds them while it runs, gives the same answer for twice the time.
package bench

answer := {"allowed": count(deny) == 0, "deny": deny}

deny := found if {
	found := data.bench.rules.deny with input as document
}

document := {
	"action": {
		"service": input.headers["x-zc-service"],
		"name": input.headers["x-zc-action"],
		"version": input.headers["x-zc-version"],
		"kind": "create",
	},
	"principal": object.union(key, {"key": key_id}),
	"request": object.union(body, secrets),
	"create": view,
	"settings": settings,
	"client": {
		"address": input.address,
		"sdk": concat(" ", [input.headers["x-zc-sdk-lang"], input.headers["x-zc-sdk-version"]]),
		"user_agent": input.headers["user-agent"],
		"certificate": null,
	},
	"now": time.format(time.now_ns()),
}

key_id := split(split(input.headers.authorization, "Credential=")[1], ",")[0]

key := data.keys[key_id]

settings := object.union(data.organisation.settings, object.get(data.organisation.teams, [key.team, "settings"], {}))

# The body with the groups that the organisation fills in.
body := object.union(filled, input.body)

filled := {
	"resourceGroupId": settings.resource_group["default"],
	"securityGroupId": settings.security_group["default"],
}

secrets := {name: {"set": value != "", "length": count(value)} |
	some name in ["initScript", "password"]
	value := input.body[name]
}

# The view of `vm CreateInstances`, the one create that the benchmark sends.
view := {
	"count": object.get(body, "instanceCount", 1),
	"zone": object.get(body, "zoneId", null),
	"type": object.get(body, "instanceType", null),
	"image": object.get(body, "imageId", null),
	"network_boot": false,
	"name": object.get(body, "instanceName", null),
	"charge_type": object.get(body, "instanceChargeType", null),
	"prepaid_months": object.get(body, ["instanceChargePrepaid", "period"], null),
	"internet_charge_type": object.get(body, "internetChargeType", null),
	"bandwidth_mbps": object.get(body, "internetMaxBandwidthOut", null),
	"subnet": object.get(body, "subnetId", null),
	"key_pair": object.get(body, "keyId", null) != null,
	"password": object.get(body, "password", null) != null,
	"script": object.get(body, "initScript", null) != null,
	"system_disk_gb": object.get(body, ["systemDisk", "diskSize"], null),
	"data_disks": [{
		"size_gb": object.get(disk, "diskSize", null),
		"amount": object.get(disk, "diskAmount", 1),
		"category": object.get(disk, "diskCategory", null),
	} |
		some disk in object.get(body, "dataDisks", [])
	],
	"public_ipv4": object.get(body, "enableIpv4", null),
	"public_ipv6": object.get(body, "enableIpv6", null),
	"tags": {tag.key: tag.value | some tag in object.get(body, ["tags", "tags"], [])},
	"tags_supported": true,
	"tags_supported_by": null,
	"resource_group": body.resourceGroupId,
	"resource_group_path": "/resourceGroupId",
	"security_group": body.securityGroupId,
	"security_group_path": "/securityGroupId",
}

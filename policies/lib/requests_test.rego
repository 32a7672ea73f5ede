# Inputs for the tests: one per create that the cloud offers, and changes.
package zengate_test.lib.requests

# Every create, by service, action and version, with what it can carry.
creates := [
	{"service": "vm", "name": "CreateInstances", "version": "2023-03-13", "sg": true, "tags": true, "by": null},
	{"service": "vm", "name": "CreateInstances", "version": "2026-04-01", "sg": true, "tags": true, "by": null},
	{"service": "bmc", "name": "CreateInstances", "version": "2022-11-20", "sg": false, "tags": true, "by": null},
	{"service": "bmc", "name": "CreateInstances", "version": "2026-02-01", "sg": false, "tags": true, "by": null},
	{"service": "zec", "name": "CreateZecInstances", "version": "2024-04-01", "sg": false, "tags": false, "by": "2025-09-01"},
	{"service": "zec", "name": "CreateZecInstances", "version": "2025-09-01", "sg": true, "tags": true, "by": null},
	{"service": "zec", "name": "CreateInstances", "version": "2024-04-01", "sg": false, "tags": false, "by": null},
]

# The create `kind` with `view` over a plain view, under `settings`.
create_of(kind, view, settings) := {
	"action": {
		"service": kind.service,
		"name": kind.name,
		"version": kind.version,
		"kind": "create",
	},
	"principal": principal,
	"request": {},
	"create": object.union(
		{
			"count": 1,
			"zone": "SEL-A",
			"type": "c.1c2g",
			"image": "img-1",
			"network_boot": false,
			"name": "web-1",
			"charge_type": "POSTPAID",
			"prepaid_months": null,
			"internet_charge_type": "ByBandwidth",
			"bandwidth_mbps": null,
			"subnet": null,
			"key_pair": false,
			"password": false,
			"script": false,
			"system_disk_gb": 20,
			"data_disks": [],
			"public_ipv4": true,
			"public_ipv6": null,
			"tags": {},
			"tags_supported": kind.tags,
			"tags_supported_by": kind.by,
			"resource_group": null,
			"resource_group_path": "/resourceGroupId",
			"security_group": null,
			"security_group_path": pointer(kind.sg),
		},
		view,
	),
	"settings": settings,
	"client": client,
	"now": "2027-01-01T00:00:00Z",
}

# `vm CreateInstances` of the newest version.
create(view, settings) := create_of(creates[1], view, settings)

# Any create, with `request` as its body.
create_with(kind, request, view, settings) := object.union(create_of(kind, view, settings), {"request": request})

# What a rule's violations say and where.
told(violations) := {[violation.field, violation.message] | some violation in violations}

# A change, e.g. `change("vm", "StartInstances", {"instanceIds": ["i-1"]}, {})`.
change(service, name, request, settings) := {
	"action": {
		"service": service,
		"name": name,
		"version": "2026-04-01",
		"kind": "change",
	},
	"principal": principal,
	"request": request,
	"targets": [],
	"settings": settings,
	"client": client,
	"now": "2027-01-01T00:00:00Z",
}

principal := {"key": "zk-1", "team": "payments", "labels": {}, "account": "main"}

client := {"address": "192.0.2.1", "sdk": null, "user_agent": null}

pointer(true) := "/securityGroupId"

pointer(false) := null

# Changes that let a machine grow past a limit that only its create was held to.
#
# What one request names is judged by `instance_types`, `bandwidth` and `disks`. A limit on a whole, all disks of a
# machine for example, cannot be judged from a request that adds to it: while such a limit exists, what adds is refused.
# `settings.growth.refuse` names more resources that are not to grow: `disk_gb`, `vcpus`, `memory_gb`, `public_ips`,
# `bandwidth`. A resource with a limit in `settings.quota.limits` is not to grow either.
package zengate.rules.growth

import data.zengate.lib.actions
import data.zengate.lib.patterns
import data.zengate.lib.settings

mistakes := settings.mistakes("growth", {"refuse": "resources"})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	count(mistakes) == 0
	input.action.kind == "change"
	some reason in reasons
	violation := {
		"rule": "growth",
		"message": sprintf("%s would let a machine grow, and there is a limit on its %s", [actions.asked, reason]),
		"field": "action.name",
		"remedy": "Make a new machine of the size you need, or ask the platform team for an exemption.",
		"asked": actions.asked,
	}
}

reasons contains words[resource] if {
	is_array(input.settings.growth.refuse)
	some resource in input.settings.growth.refuse
	actions.asked in adding[resource]
}

# A quota would not see what is added after the create, and the ledger learns of it only from the next listing.
reasons contains words[resource] if {
	is_object(input.settings.quota.limits)
	some _, entry in input.settings.quota.limits
	is_number(entry.limit)
	object.get(entry, "mode", null) == null
	concerns_team(entry)
	resource := entry.resource
	actions.asked in adding[resource]
}

concerns_team(entry) if object.get(entry, "teams", null) == null

concerns_team(entry) if patterns.any_covers(entry.teams, input.principal.team)

reasons contains "disks together" if {
	settings.given("disks", "maximum_total_gb")
	actions.asked in (adding.disk_gb | attaching)
}

reasons contains "number of disks" if {
	settings.given("disks", "maximum_disks")
	actions.asked in attaching
}

words := {
	"bandwidth": "bandwidth",
	"disk_gb": "disk space",
	"memory_gb": "memory",
	"public_ips": "public addresses",
	"vcpus": "vCPUs",
}

adding := {
	"bandwidth": {
		"bmc ModifyInstanceBandwidth",
		"bmc ModifyInstanceTrafficPackage",
		"vm ModifyInstanceBandwidth",
		"vm ModifyInstanceTrafficPackage",
		"zec ModifyEipBandwidth",
		"zec ModifyEipTrafficPackage",
		"zec ModifyIpv6Bandwidth",
		"zec ModifyIpv6TrafficPackage",
	},
	"disk_gb": {"vm CreateDisks", "vm ResizeDisk", "zec CreateDisks", "zec ResizeDisk"},
	"memory_gb": {"vm ModifyInstanceType", "zec ModifyInstanceType"},
	"public_ips": {
		"bmc AllocateEipAddresses",
		"bmc AssociateEipAddress",
		"zec AssociateEipAddress",
		"zec BatchAttachEipLanIp",
		"zec CreateEips",
		"zec CreateNatGateway",
	},
	"vcpus": {"vm ModifyInstanceType", "zec ModifyInstanceType"},
}

# A new disk may be attached to a machine by the request that makes it.
attaching := {
	"vm AttachDisks",
	"vm ChangeDisksAttach",
	"vm CreateDisks",
	"zec AttachDisks",
	"zec ChangeDisksAttach",
	"zec CreateDisks",
}

# Public addresses, at the create and later.
#
# `settings.public_ip`: `ipv4`, `ipv6` (false: a machine may not have one). Where a request is silent, vm machines get a
# public IPv4, so that the request must turn it off; IPv6 comes only to those who ask.
package zengate.rules.public_ip

import data.zengate.lib.actions
import data.zengate.lib.settings

mistakes := settings.mistakes("public_ip", {"ipv4": "flag", "ipv6": "flag"})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	count(mistakes) == 0
	input.settings.public_ip.ipv4 == false
	input.action.kind == "create"
	not input.create.public_ipv4 == false
	violation := {
		"rule": "public_ip",
		"message": "a machine with a public IPv4 address is not allowed",
		"field": advice[input.action.service].field,
		"remedy": advice[input.action.service].remedy,
		"allowed": false,
	}
}

deny contains violation if {
	count(mistakes) == 0
	input.settings.public_ip.ipv6 == false
	input.create.public_ipv6 == true
	violation := {
		"rule": "public_ip",
		"message": "a machine with a public IPv6 address is not allowed",
		"field": advice[input.action.service].ipv6,
		"remedy": "Do not ask for IPv6.",
		"allowed": false,
	}
}

deny contains violation if {
	count(mistakes) == 0
	some family, names in later
	input.settings.public_ip[family] == false
	input.action.kind == "change"
	actions.asked in names
	violation := {
		"rule": "public_ip",
		"message": sprintf("%s gives out public addresses, and they are not allowed", [actions.asked]),
		"field": "action.name",
		"remedy": "Use private addresses, or ask the platform team for an exemption.",
		"asked": actions.asked,
		"allowed": false,
	}
}

advice := {
	"bmc": {
		"field": "/zoneId",
		"ipv6": "/enablePrimaryIPv6",
		"remedy": "Bare metal always has a public address: use another product, or ask the platform team for an exemption.",
	},
	"vm": {
		"field": "/enableIpv4",
		"ipv6": "/enableIpv6",
		"remedy": "Set enableIpv4 to false and name no address block.",
	},
	"zec": {
		"field": "/eipV4Type",
		"ipv6": "/ipStackType",
		"remedy": "Leave out every field about public addresses and how their traffic is paid for.",
	},
}

# Changes that make or attach public addresses.
later := {
	"ipv4": {
		"bmc AllocateEipAddresses",
		"bmc AssociateEipAddress",
		"zec AssociateEipAddress",
		"zec BatchAttachEipLanIp",
		"zec CreateEips",
		"zec CreateNatGateway",
	},
	"ipv6": {
		"zec AssignNetworkInterfaceIpv6",
		"zec ModifyIpv6Bandwidth",
	},
}

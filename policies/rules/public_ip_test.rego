package zengate_test.rules.public_ip

import data.zengate.rules.public_ip as rule
import data.zengate_test.lib.requests

none := {"public_ip": {"ipv4": false, "ipv6": false}}

messages(asked) := {violation.message | some violation in violations} if {
	violations := rule.deny with input as asked
}

ipv4 := "a machine with a public IPv4 address is not allowed"

ipv6 := "a machine with a public IPv6 address is not allowed"

test_public_addresses_on_every_create if {
	every kind in requests.creates {
		messages(requests.create_of(kind, {"public_ipv4": true}, none)) == {ipv4}
		messages(requests.create_of(kind, {"public_ipv4": null}, none)) == {ipv4}
		messages(requests.create_of(kind, {"public_ipv4": false}, none)) == set()
		messages(requests.create_of(kind, {"public_ipv4": false, "public_ipv6": true}, none)) == {ipv6}
		messages(requests.create_of(kind, {"public_ipv4": false, "public_ipv6": false}, none)) == set()
		messages(requests.create_of(kind, {"public_ipv4": true, "public_ipv6": true}, {"public_ip": {"ipv4": true, "ipv6": true}})) == set()
	}
}

test_a_view_that_cannot_tell_is_refused if {
	asked := requests.create({}, none)
	view := object.union(object.remove(asked, ["create"]), {"create": object.remove(asked.create, ["public_ipv4"])})
	messages(view) == {ipv4}
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.create({}, none)
	answer == {{
		"rule": "public_ip",
		"message": ipv4,
		"field": "/enableIpv4",
		"remedy": "Set enableIpv4 to false and name no address block.",
		"allowed": false,
	}}
}

test_addresses_given_out_later if {
	every change in [["bmc", "AllocateEipAddresses"], ["zec", "CreateEips"], ["zec", "AssociateEipAddress"], ["zec", "AssignNetworkInterfaceIpv6"]] {
		count(messages(requests.change(change[0], change[1], {}, none))) == 1
		messages(requests.change(change[0], change[1], {}, {})) == set()
	}
	messages(requests.change("zec", "AssignNetworkInterfaceIpv6", {}, {"public_ip": {"ipv4": false}})) == set()
	messages(requests.change("vm", "StartInstances", {}, none)) == set()
}

test_without_settings_everything_passes if {
	every settings in [{}, {"public_ip": null}, {"public_ip": {"ipv4": null}}] {
		messages(requests.create({"public_ipv4": true, "public_ipv6": true}, settings)) == set()
	}
}

test_wrong_settings_refuse if {
	every wrong in [{"ipv4": "no"}, {"ipv6": 0}, {"ip": false}] {
		count(messages(requests.create({}, {"public_ip": wrong}))) == 1
	}
}

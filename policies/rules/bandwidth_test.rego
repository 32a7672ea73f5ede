package zengate_test.rules.bandwidth

import data.zengate.rules.bandwidth as rule
import data.zengate_test.lib.requests

limits := {"bandwidth": {"maximum_mbps": 100, "maximum_traffic_package_tb": 1.5}}

told(asked) := requests.told(violations) if {
	violations := rule.deny with input as asked
}

test_up_to_the_maximum_passes_on_every_create if {
	every kind in requests.creates {
		every mbps in [null, 1, 100] {
			told(requests.create_of(kind, {"bandwidth_mbps": mbps}, limits)) == set()
		}
	}
}

test_more_is_refused_on_every_create if {
	every kind in requests.creates {
		told(requests.create_of(kind, {"bandwidth_mbps": 101}, limits)) == {[
			field(kind.service),
			"a bandwidth of 101 Mbps: at most 100 Mbps are allowed",
		]}
	}
}

field(service) := {"bmc": "/internetMaxBandwidthOut", "vm": "/internetMaxBandwidthOut", "zec": "/bandwidth"}[service]

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.create({"bandwidth_mbps": 200}, limits)
	answer == {{
		"rule": "bandwidth",
		"message": "a bandwidth of 200 Mbps: at most 100 Mbps are allowed",
		"field": "/internetMaxBandwidthOut",
		"remedy": "Ask for at most 100 Mbps.",
		"asked": 200,
		"allowed": 100,
	}}
}

test_traffic_packages if {
	every kind in requests.creates {
		every size in [null, 0, 1.5] {
			told(requests.create_with(kind, {"trafficPackageSize": size}, {}, limits)) == set()
		}
		told(requests.create_with(kind, {"trafficPackageSize": 1.6}, {}, limits)) == {[
			"/trafficPackageSize",
			"a traffic package of 1.6 TB: at most 1.5 TB are allowed",
		]}
	}
}

test_later_changes_are_judged_alike if {
	every change in [
		["bmc", "ModifyInstanceBandwidth", "bandwidthOutMbps"],
		["vm", "ModifyInstanceBandwidth", "internetMaxBandwidthOut"],
		["zec", "ModifyEipBandwidth", "bandwidth"],
		["zec", "ModifyIpv6Bandwidth", "bandwidth"],
		["zec", "CreateEips", "bandwidth"],
	] {
		told(requests.change(change[0], change[1], {change[2]: 100}, limits)) == set()
		count(told(requests.change(change[0], change[1], {change[2]: 101}, limits))) == 1
		every wrong in [{}, {change[2]: null}, {change[2]: "1"}, {change[2]: ""}, {upper(change[2]): 1}] {
			told(requests.change(change[0], change[1], wrong, limits)) == {[
				concat("", ["/", change[2]]),
				"a bandwidth that is no number: at most 100 Mbps are allowed",
			]}
		}
	}
	every service in ["bmc", "vm"] {
		told(requests.change(service, "ModifyInstanceTrafficPackage", {"trafficPackageSize": 1}, limits)) == set()
		count(told(requests.change(service, "ModifyInstanceTrafficPackage", {"trafficPackageSize": 2}, limits))) == 1
	}
}

test_other_changes_are_not_its_matter if {
	told(requests.change("vm", "StartInstances", {"internetMaxBandwidthOut": 1000, "trafficPackageSize": 9}, limits)) == set()
}

test_without_settings_everything_passes if {
	every settings in [{}, {"bandwidth": null}, {"bandwidth": {"maximum_mbps": null}}] {
		told(requests.create_with(requests.creates[0], {"trafficPackageSize": 9}, {"bandwidth_mbps": 9000}, settings)) == set()
		told(requests.change("vm", "ModifyInstanceBandwidth", {}, settings)) == set()
	}
}

test_wrong_settings_refuse if {
	every wrong in [{"maximum_mbps": "100"}, {"maximum_traffic_package_tb": -1}, {"mbps": 1}] {
		count(told(requests.create({}, {"bandwidth": wrong}))) == 1
	}
}

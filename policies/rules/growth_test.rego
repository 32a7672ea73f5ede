package zengate_test.rules.growth

import data.zengate.rules.growth as rule
import data.zengate_test.lib.requests

refused(service, name, settings) if {
	violations := rule.deny with input as requests.change(service, name, {}, settings)
	count(violations) == 1
}

passes(service, name, settings) if {
	violations := rule.deny with input as requests.change(service, name, {}, settings)
	count(violations) == 0
}

test_what_the_setting_names_does_not_grow if {
	every entry in [
		["disk_gb", "vm", "CreateDisks"],
		["disk_gb", "zec", "ResizeDisk"],
		["vcpus", "vm", "ModifyInstanceType"],
		["memory_gb", "zec", "ModifyInstanceType"],
		["public_ips", "zec", "CreateEips"],
		["public_ips", "bmc", "AllocateEipAddresses"],
		["bandwidth", "vm", "ModifyInstanceBandwidth"],
		["bandwidth", "bmc", "ModifyInstanceTrafficPackage"],
	] {
		refused(entry[1], entry[2], {"growth": {"refuse": [entry[0]]}})
		passes(entry[1], entry[2], {"growth": {"refuse": []}})
		passes(entry[1], entry[2], {})
	}
	passes("vm", "CreateDisks", {"growth": {"refuse": ["vcpus", "memory_gb", "public_ips", "bandwidth"]}})
}

test_a_limit_on_all_disks_of_a_machine_stops_what_adds_to_them if {
	every name in ["CreateDisks", "ResizeDisk", "AttachDisks", "ChangeDisksAttach"] {
		every service in ["vm", "zec"] {
			refused(service, name, {"disks": {"maximum_total_gb": 100}})
			passes(service, name, {"disks": {"maximum_data_gb": 100}})
		}
	}
	refused("vm", "AttachDisks", {"disks": {"maximum_disks": 2}})
	passes("vm", "ResizeDisk", {"disks": {"maximum_disks": 2}})
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.change("vm", "ResizeDisk", {}, {"growth": {"refuse": ["disk_gb"]}})
	answer == {{
		"rule": "growth",
		"message": "vm ResizeDisk would let a machine grow, and there is a limit on its disk space",
		"field": "action.name",
		"remedy": "Make a new machine of the size you need, or ask the platform team for an exemption.",
		"asked": "vm ResizeDisk",
	}}
}

test_other_changes_and_creates_pass if {
	all := {"growth": {"refuse": ["disk_gb", "vcpus", "memory_gb", "public_ips", "bandwidth"]}, "disks": {"maximum_total_gb": 1, "maximum_disks": 1}}
	passes("vm", "StartInstances", all)
	violations := rule.deny with input as requests.create({}, all)
	violations == set()
}

test_wrong_settings_refuse if {
	every wrong in [{"refuse": "disk_gb"}, {"refuse": ["disks"]}, {"refused": []}] {
		refused("vm", "StartInstances", {"growth": wrong})
	}
}

limited(entry) := {"quota": {"limits": {"one": entry}}}

test_what_a_quota_limits_does_not_grow if {
	cpu := {"resource": "vcpus", "limit": 10}
	refused("vm", "ModifyInstanceType", limited(cpu))
	passes("vm", "CreateDisks", limited(cpu))
	refused("vm", "ModifyInstanceType", limited(object.union(cpu, {"teams": ["pay*"]})))
	passes("vm", "ModifyInstanceType", limited(object.union(cpu, {"teams": ["search"]})))
	passes("vm", "ModifyInstanceType", limited(object.union(cpu, {"limit": "unlimited"})))
	passes("vm", "ModifyInstanceType", limited(object.union(cpu, {"mode": "shadow"})))
	passes("vm", "ModifyInstanceType", limited(null))
	passes("vm", "ModifyInstanceType", {"quota": {"limits": []}})
}

package zengate_test.rules.disks

import data.zengate.rules.disks as rule
import data.zengate_test.lib.requests

disks(settings) := {"disks": settings}

told(asked) := requests.told(violations) if {
	violations := rule.deny with input as asked
}

disk(size, amount) := {"size_gb": size, "amount": amount, "category": null}

machines := [kind | some kind in requests.creates; kind.service != "bmc"]

test_the_number_of_data_disks if {
	every kind in machines {
		told(requests.create_of(kind, {"data_disks": [disk(10, 1), disk(10, 2)]}, disks({"maximum_disks": 3}))) == set()
		told(requests.create_of(kind, {"data_disks": [disk(10, 2), disk(10, 2)]}, disks({"maximum_disks": 3}))) == {[
			"/dataDisks",
			"4 data disks for one machine are too many: at most 3 are allowed",
		]}
	}
	told(requests.create({}, disks({"maximum_disks": 0}))) == set()
}

test_the_system_disk if {
	every kind in machines {
		told(requests.create_of(kind, {"system_disk_gb": 50}, disks({"maximum_system_gb": 50}))) == set()
		told(requests.create_of(kind, {"system_disk_gb": 60}, disks({"maximum_system_gb": 50}))) == {[
			"/systemDisk/diskSize",
			"the system disk may have at most 50 GB, and 60 are asked for",
		]}
	}
}

test_a_silent_request_counts_as_the_configured_size if {
	silent({"maximum_system_gb": 50, "default_system_gb": 40}) == set()
	count(silent({"maximum_system_gb": 50, "default_system_gb": 60})) == 1
	silent({"maximum_system_gb": 50}) == {[
		"/systemDisk/diskSize",
		"the system disk may have at most 50 GB, and the request does not say how many",
	]}
	count(silent({"maximum_total_gb": 50})) == 1
	silent({"maximum_total_gb": 50, "default_system_gb": 50}) == set()
}

silent(settings) := told(requests.create({"system_disk_gb": null}, disks(settings)))

test_each_data_disk if {
	every kind in machines {
		told(requests.create_of(kind, {"data_disks": [disk(100, 5)]}, disks({"maximum_data_gb": 100}))) == set()
		told(requests.create_of(kind, {"data_disks": [disk(100, 1), disk(110, 1)]}, disks({"maximum_data_gb": 100}))) == {[
			"/dataDisks/1/diskSize",
			"a data disk may have at most 100 GB, and 110 are asked for",
		]}
	}
	count(told(requests.create({"data_disks": [disk(null, 1)]}, disks({"maximum_data_gb": 100})))) == 1
}

test_all_disks_together if {
	every kind in machines {
		view := {"system_disk_gb": 20, "data_disks": [disk(30, 2), disk(20, 1)]}
		told(requests.create_of(kind, view, disks({"maximum_total_gb": 100}))) == set()
		told(requests.create_of(kind, view, disks({"maximum_total_gb": 99}))) == {[
			"/systemDisk/diskSize",
			"the disks of one machine together may have at most 99 GB, and 100 are asked for",
		]}
	}
	count(told(requests.create({"data_disks": [disk(null, 1)]}, disks({"maximum_total_gb": 100})))) == 1
}

test_categories if {
	settings := disks({"categories": ["SSD"], "default_category": "SSD"})
	every kind in machines {
		told(requests.create_with(kind, {"systemDisk": {"diskCategory": "SSD"}}, {"data_disks": [{"size_gb": 1, "amount": 1, "category": "SSD"}]}, settings)) == set()
		told(requests.create_with(kind, {"systemDisk": {"diskCategory": "HDD"}}, {"data_disks": [{"size_gb": 1, "amount": 1, "category": "NVMe"}]}, settings)) == {
			["/systemDisk/diskCategory", "disk category HDD is not allowed"],
			["/dataDisks/0/diskCategory", "disk category NVMe is not allowed"],
		}
		told(requests.create_of(kind, {"data_disks": [disk(1, 1)]}, settings)) == set()
		told(requests.create_of(kind, {}, disks({"categories": ["SSD"]}))) == {["/systemDisk/diskCategory", "a disk without a category is not allowed"]}
		count(told(requests.create_of(kind, {}, disks({"categories": ["SSD"], "default_category": "HDD"})))) == 1
	}
}

test_bare_metal_brings_its_own_disks if {
	all := {"maximum_disks": 0, "maximum_system_gb": 1, "maximum_data_gb": 1, "maximum_total_gb": 1, "categories": []}
	every kind in [kind | some kind in requests.creates; kind.service == "bmc"] {
		told(requests.create_of(kind, {"system_disk_gb": null}, disks(all))) == set()
	}
}

test_disks_made_later_are_judged_alike if {
	settings := disks({"maximum_data_gb": 100, "categories": ["SSD"], "default_category": "SSD"})
	every service in ["vm", "zec"] {
		told(requests.change(service, "CreateDisks", {"diskSize": 100, "diskCategory": "SSD"}, settings)) == set()
		told(requests.change(service, "CreateDisks", {"diskSize": 100}, settings)) == set()
		told(requests.change(service, "CreateDisks", {"diskSize": 101, "diskCategory": "HDD"}, settings)) == {
			["/diskSize", "a disk may have at most 100 GB, and 101 are asked for"],
			["/diskCategory", "disk category HDD is not allowed"],
		}
		every wrong in [{}, {"diskSize": null}, {"diskSize": "1"}, {"disksize": 1}] {
			told(requests.change(service, "ResizeDisk", wrong, settings)) == {[
				"/diskSize",
				"a disk may have at most 100 GB, and the request does not say how many",
			]}
		}
		told(requests.change(service, "ResizeDisk", {"diskSize": 60}, settings)) == set()
		count(told(requests.change(service, "ResizeDisk", {"diskSize": 60}, disks({"maximum_system_gb": 50})))) == 1
		told(requests.change(service, "CreateDisks", {"diskSize": 60}, disks({"maximum_system_gb": 50}))) == set()
	}
	told(requests.change("vm", "StartInstances", {"diskSize": 999}, settings)) == set()
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.create({"system_disk_gb": 60}, disks({"maximum_system_gb": 50}))
	answer == {{
		"rule": "disks",
		"message": "the system disk may have at most 50 GB, and 60 are asked for",
		"field": "/systemDisk/diskSize",
		"remedy": "Ask for at most 50 GB.",
		"asked": 60,
		"allowed": 50,
	}}
}

test_without_settings_everything_passes if {
	every settings in [{}, disks(null), disks({"maximum_total_gb": null})] {
		told(requests.create({"system_disk_gb": null, "data_disks": [disk(null, 9)]}, settings)) == set()
		told(requests.change("vm", "ResizeDisk", {}, settings)) == set()
	}
}

test_wrong_settings_refuse if {
	every wrong in [{"maximum_disks": "1"}, {"maximum_total_gb": -1}, {"categories": "SSD"}, {"default_category": ""}, {"maximum": 1}] {
		count(told(requests.create({}, disks(wrong)))) == 1
	}
}

package zengate_test.rules.actions

import data.zengate.rules.actions
import data.zengate_test.lib.requests

passes(asked) if actions.deny == set() with input as asked

refused(asked) if count(actions.deny) > 0 with input as asked

# As shipped.

test_only_vm_creates_pass if {
	every kind in requests.creates {
		expected(kind.service, requests.create_of(kind, {}, {}))
	}
}

expected("vm", asked) if passes(asked)

expected(service, asked) if {
	service != "vm"
	refused(asked)
}

test_changes_of_the_life_of_a_machine_pass if {
	every service in ["vm", "bmc", "zec"] {
		every name in [
			"ModifyInstancesAttribute",
			"RebootInstances",
			"ReleaseInstances",
			"StartInstances",
			"StopInstances",
		] {
			passes(requests.change(service, name, {}, {}))
		}
	}
	passes(requests.change("vm", "TerminateInstance", {}, {}))
	passes(requests.change("bmc", "TerminateInstance", {}, {}))
	passes(requests.change("vm", "ResetInstancesPassword", {}, {}))
	passes(requests.change("zec", "ResetInstancePassword", {}, {}))
	passes(requests.change("zrm", "ModifyResourceTags", {}, {}))
}

test_what_undoes_or_grows_is_refused if {
	every action in [
		["vm", "ModifyInstancesResourceGroup"],
		["user", "AddResourceResourceGroup"],
		["vm", "AssociateSecurityGroupInstance"],
		["vm", "UnAssociateSecurityGroupInstance"],
		["zec", "ModifyNetworkInterfaceAttribute"],
		["vm", "CreateDisks"],
		["vm", "ResizeDisk"],
		["vm", "ModifyInstanceType"],
		["vm", "ModifyInstanceBandwidth"],
		["vm", "ResetInstance"],
		["zrm", "TagUnbindResources"],
		["zos", "CreateCommand"],
		["vm", "CreateFoo"],
	] {
		refused(requests.change(action[0], action[1], {}, {}))
	}
}

test_names_are_compared_to_the_letter if {
	refused(requests.change("vm", "startInstances", {}, {}))
	refused(requests.change("VM", "StartInstances", {}, {}))
	refused(requests.change("vm", "StartInstancesNow", {}, {}))
	refused(requests.change("zec", "TerminateInstance", {}, {}))
}

test_reads_are_not_its_matter if {
	asked := requests.change("vm", "DescribeInstances", {}, {})
	passes(object.union(asked, {"action": {"kind": "read"}}))
}

test_an_unknown_kind_is_refused if {
	asked := requests.change("vm", "StartInstances", {}, {})
	refused(object.union(asked, {"action": {"kind": "other"}}))
}

# A create that is claimed to be a change is looked for among the changes, and the other way round.
test_the_kind_chooses_the_list if {
	refused(requests.change("vm", "CreateInstances", {}, {}))
	refused(requests.create_of(
		{
			"service": "vm",
			"name": "StartInstances",
			"version": "2026-04-01",
			"sg": true,
			"tags": true,
			"by": null,
		},
		{}, {},
	))
}

test_the_refusal_names_the_setting if {
	create := actions.deny with input as requests.create_of(requests.creates[5], {}, {})
	create == {{
		"rule": "actions",
		"message": "the action zec CreateZecInstances is not among the actions that pass",
		"field": "action.name",
		"remedy": "Ask the platform team to list it in the setting `settings.actions.creates`.",
		"asked": "zec CreateZecInstances",
	}}
	change := actions.deny with input as requests.change("vm", "CreateDisks", {}, {})
	{violation.remedy | some violation in change} == {"Ask the platform team to list it in the setting `settings.actions.changes`."}
}

# Settings.

test_a_list_of_creates_replaces_the_default if {
	settings := {"actions": {"creates": ["bmc CreateInstances", "zec Create*"]}}
	every kind in requests.creates {
		opposite(kind.service, requests.create_of(kind, {}, settings))
	}
}

opposite("vm", asked) if refused(asked)

opposite(service, asked) if {
	service != "vm"
	passes(asked)
}

test_a_list_of_changes_replaces_the_default if {
	settings := {"actions": {"changes": ["vm Stop*"]}}
	passes(requests.change("vm", "StopInstances", {}, settings))
	refused(requests.change("vm", "StartInstances", {}, settings))
	passes(requests.create({}, settings))
}

test_an_empty_list_passes_nothing if {
	refused(requests.create({}, {"actions": {"creates": []}}))
	refused(requests.change("vm", "StartInstances", {}, {"actions": {"changes": []}}))
}

test_null_is_the_default if {
	every settings in [{"actions": null}, {"actions": {}}, {"actions": {"creates": null, "changes": null, "allow": null}}] {
		passes(requests.create({}, settings))
		passes(requests.change("vm", "StartInstances", {}, settings))
		refused(requests.change("vm", "CreateDisks", {}, settings))
	}
}

test_allow_adds_to_both_lists if {
	settings := {"actions": {"allow": ["zec *", "vm CreateDisks"]}}
	passes(requests.create({}, settings))
	passes(requests.change("vm", "StartInstances", {}, settings))
	passes(requests.change("vm", "CreateDisks", {}, settings))
	passes(requests.create_of(requests.creates[5], {}, settings))
	refused(requests.change("vm", "ResizeDisk", {}, settings))
	refused(requests.change("zecx", "ResizeDisk", {}, settings))
}

test_a_star_alone_passes_all if {
	passes(requests.change("vm", "CreateFoo", {}, {"actions": {"allow": ["*"]}}))
}

test_wrong_settings_refuse if {
	every name in ["allow", "changes", "creates"] {
		every wrong in [
			"vm StartInstances",
			["StartInstances"],
			["vm  StartInstances"],
			["vm Start*Instances"],
			[" StartInstances"],
			[1],
			{},
			true,
		] {
			answer := actions.deny with input as requests.change("vm", "StartInstances", {}, {"actions": {name: wrong}})
			message := sprintf("the setting `actions.%s` must be a list of `<service> <Action>`, each with a `*` allowed at the end", [name])
			message in {violation.message | some violation in answer}
		}
	}
	refused(requests.change("vm", "StartInstances", {}, {"actions": {"alow": []}}))
	refused(requests.change("vm", "StartInstances", {}, {"actions": []}))
}

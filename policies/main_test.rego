package zengate_test.main

import data.zengate
import data.zengate_test.lib.requests

amend(asked, organisation) := answer if {
	answer := zengate.amend with input as asked with data.organisation as organisation
}

decide(asked, organisation) := answer if {
	answer := zengate.decide with input as asked with data.organisation as organisation
}

# These tests hold in a tree with more rules and other data, so they look at the stock rules only.
stock := {
	"actions",
	"bandwidth",
	"charge_types",
	"count",
	"disks",
	"growth",
	"images",
	"instance_types",
	"login",
	"main",
	"names",
	"own_instances",
	"public_ip",
	"resource_group",
	"security_group",
	"tags",
	"undo",
	"zones",
}

refusing(answer) := {violation.rule | some violation in answer.deny} & stock

patching(answer) := {patch.rule | some patch in answer.patches} & stock

# Breaks zones, count and tags, and leaves room for both groups.
settings := {
	"zones": {"allowed": ["HKG-A"]},
	"count": {"maximum": 1},
	"tags": {"required": {"owner": {}}},
	"resource_group": {"default": "rg-1"},
	"security_group": {"default": "sg-1"},
}

asked := requests.create({"count": 2, "resource_group": "rg-1", "security_group": "sg-1"}, settings)

test_all_violations_of_all_rules_are_told_at_once if {
	answer := decide(asked, {})
	refusing(answer) == {"zones", "count", "tags"}
	object.keys(answer) == {"deny", "warn", "quota"}
}

test_a_good_request_passes_with_its_patches if {
	good := requests.create({"zone": "HKG-A", "tags": {"owner": "jane"}}, settings)
	refusing(decide(good, {})) == set()
	answer := zengate.amend with input as good
		with data.organisation as {}
		with data.facts as {"zones": {"HKG-A": {"security_groups": true}}}
	{[patch.op, patch.path] | some patch in answer.patches; patch.rule in stock} == {
		["default", "/resourceGroupId"],
		["default", "/securityGroupId"],
	}
	object.keys(amend(good, {})) == {"patches"}
}

test_warnings_are_passed_on if {
	answer := decide(requests.create({"zone": null}, {"security_group": {"default": "sg-1"}}), {})
	"security_group" in {violation.rule | some violation in answer.warn}
}

test_claims_are_passed_on if {
	claim := {"rule": "budget", "scope": "team/payments", "resource": "instances", "amount": 2, "limit": 5}
	answer := zengate.decide with input as asked
		with data.organisation as {}
		with data.zengate.rules as {"budget": {"quota": {claim}}}
	answer == {"deny": set(), "warn": set(), "quota": {claim}}
}

test_without_settings_only_actions_restricts if {
	refusing(decide(requests.create({"count": 100}, {}), {})) == set()
	refusing(decide(requests.create_of(requests.creates[2], {}, {}), {})) == {"actions"}
	refusing(decide(requests.change("vm", "CreateDisks", {}, {}), {})) == {"actions"}
	patching(amend(requests.create({}, {}), {})) == set()
}

# Where a rule applies.

test_kinds if {
	refusing(decide(asked, {"rules": {"zones": {"applies": {"kinds": ["change"]}}}})) == {"count", "tags"}
	refusing(decide(asked, {"rules": {"zones": {"applies": {"kinds": ["create"]}}}})) == {"zones", "count", "tags"}
	refusing(decide(asked, {"rules": {"zones": {"applies": {"kinds": []}}}})) == {"count", "tags"}
}

test_actions if {
	refusing(decide(asked, {"rules": {"zones": {"applies": {"actions": ["bmc *"]}}}})) == {"count", "tags"}
	refusing(decide(asked, {"rules": {"zones": {"applies": {"actions": ["bmc *", "vm Create*"]}}}})) == {"zones", "count", "tags"}
}

test_teams if {
	refusing(decide(asked, {"rules": {"zones": {"applies": {"teams": ["search"]}}}})) == {"count", "tags"}
	refusing(decide(asked, {"rules": {"zones": {"applies": {"teams": ["search", "payments"]}}}})) == {"zones", "count", "tags"}
	refusing(decide(asked, {"rules": {"zones": {"applies": {"except_teams": ["payments"]}}}})) == {"count", "tags"}
	refusing(decide(asked, {"rules": {"zones": {"applies": {"except_teams": ["search"]}}}})) == {"zones", "count", "tags"}
}

test_settings if {
	refusing(decide(asked, {"rules": {"zones": {"applies": {"settings": ["zones"]}}}})) == {"zones", "count", "tags"}
	refusing(decide(asked, {"rules": {"zones": {"applies": {"settings": ["names", "count"]}}}})) == {"zones", "count", "tags"}
	refusing(decide(asked, {"rules": {"zones": {"applies": {"settings": ["names"]}}}})) == {"count", "tags"}
	refusing(decide(asked, {"rules": {"zones": {"applies": {"settings": []}}}})) == {"count", "tags"}
	lifted := object.union(asked, {"settings": {"zones": null}})
	refusing(decide(lifted, {"rules": {"zones": {"applies": {"settings": ["zones"]}}}})) == {"count", "tags"}
}

test_data_that_cannot_be_read_exclude_nothing if {
	every applies in [
		{"kinds": "change"},
		{"actions": "bmc *"},
		{"teams": "search"},
		{"except_teams": "payments"},
		{"settings": "names"},
		{"kinds": null},
		[],
		null,
		"nobody",
	] {
		refusing(decide(asked, {"rules": {"zones": {"applies": applies}}})) == {"zones", "count", "tags"}
	}
}

test_a_rule_that_does_not_apply_patches_nothing if {
	good := requests.create({"zone": null}, settings)
	patching(amend(good, {})) == {"resource_group"}
	patching(amend(good, {"rules": {"resource_group": {"applies": {"teams": ["search"]}}}})) == set()
}

test_reads_pass if {
	read := object.union(requests.change("vm", "DescribeInstances", {}, settings), {"action": {"kind": "read"}})
	refusing(decide(read, {})) == set()
	patching(amend(read, {})) == set()
}

test_changes_are_not_patched if {
	amend(requests.change("vm", "StartInstances", {}, settings), {}).patches == set()
}

# An input that does not follow the contract is refused, whatever the rules make of it.

test_a_broken_input_is_refused if {
	plain := requests.create({}, {})
	every broken in [
		{},
		null,
		"input",
		object.remove(plain, ["settings"]),
		object.remove(plain, ["request"]),
		object.remove(plain, ["principal"]),
		object.remove(plain, ["action"]),
		object.remove(plain, ["create"]),
		object.union(plain, {"settings": null}),
		object.union(plain, {"settings": []}),
		object.union(plain, {"create": null}),
		object.union(plain, {"principal": {"team": null}}),
		object.union(plain, {"action": {"kind": "Create"}}),
		object.union(plain, {"action": {"name": null}}),
		object.union(plain, {"action": {"service": null}}),
		object.union(plain, {"action": {"version": null}}),
	] {
		refusing(decide(broken, {})) == {"main"}
		not amend(broken, {}).patches
		amend(broken, {}) == {"refused": "the input does not follow the contract"}
	}
}

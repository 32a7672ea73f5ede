package zengate_test.rules.quota

import data.zengate.lib.settings
import data.zengate.rules.quota as rule
import data.zengate_test.lib.requests

limits(entries) := {"quota": {"limits": entries}}

seoul := {"resource": "instances", "limit": 40, "per": ["team", "zone"], "zones": ["SEL-*"]}

facts := {"c.1c2g": {"vcpus": 1, "memory_gb": 2}, "odd": {"vcpus": "many"}}

# The claims on a scope, as [resource, amount, limit].
of(claims, scope) := {[claim.resource, claim.amount, claim.limit] | some claim in claims; claim.scope == scope}

test_everything_is_counted_without_any_limit if {
	claims := rule.quota with input as requests.create({"count": 3, "system_disk_gb": 20, "public_ipv4": true}, {})
		with data.facts.types as facts
	everything := {
		["instances", 3, null], ["vcpus", 3, null], ["memory_gb", 6, null],
		["disk_gb", 60, null], ["public_ips", 3, null],
	}
	of(claims, "organisation") == everything
	of(claims, "team/payments") == everything
	of(claims, "team/payments/zone/SEL-A") == {["instances", 3, null]}
	count(claims) == 11
	rule.deny == set() with input as requests.create({"count": 3}, {}) with data.facts.types as facts
}

test_every_create_is_counted if {
	every kind in requests.creates {
		claims := rule.quota with input as requests.create_of(kind, {"count": 2}, limits({"seoul": seoul}))
			with data.facts.types as facts
		of(claims, "team/payments/zone/SEL-A") == {["instances", 2, 40]}
	}
}

test_an_entry_takes_the_place_of_the_plain_count if {
	claims := rule.quota with input as requests.create({}, limits({"seoul": seoul}))
	names := {claim.name | some claim in claims}
	names == {"seoul"}
	count([1 | some claim in claims; claim.scope == "team/payments/zone/SEL-A"]) == 1
}

test_an_entry_counts_only_what_it_chooses if {
	every choice in [
		{"zones": ["FRA-A"]}, {"teams": ["search"]}, {"types": ["m.*"]}, {"resource_groups": ["rg-2"]},
		{"zones": []},
	] {
		entry := object.union({"resource": "instances", "limit": 1, "per": []}, choice)
		claims := rule.quota with input as requests.create({"resource_group": "rg-1"}, limits({"one": entry}))
		{claim | some claim in claims; claim.limit != null} == set()
	}
}

test_scopes if {
	cases := [
		[{}, "organisation"],
		[{"per": []}, "organisation"],
		[{"per": ["team"]}, "team/payments"],
		[{"per": ["zone", "team"]}, "team/payments/zone/SEL-A"],
		[{"zones": ["SEL-A", "FRA-*"]}, "zone/SEL-A,FRA-*"],
		[{"per": ["type"], "teams": ["pay*"]}, "team/pay*/type/c.1c2g"],
		[{"per": ["resource_group"]}, "resource_group/rg-1"],
	]
	every case in cases {
		entry := object.union({"resource": "vcpus", "limit": 1}, case[0])
		claims := rule.quota with input as requests.create({"resource_group": "rg-1"}, limits({"one": entry}))
			with data.facts.types as facts
		{claim.scope | some claim in claims; claim.limit == 1} == {case[1]}
	}
	absent := rule.quota with input as requests.create(
		{"resource_group": null},
		limits({"one": {"resource": "instances", "limit": 1, "per": ["resource_group"]}}),
	)
	"resource_group/-" in {claim.scope | some claim in absent}
}

test_a_team_can_lift_or_switch_off_an_entry if {
	lifted := rule.quota with input as requests.create({}, limits({"seoul": object.union(seoul, {"limit": "unlimited"})}))
	of(lifted, "team/payments/zone/SEL-A") == {["instances", 1, null]}
	off := rule.quota with input as requests.create({}, limits({"seoul": null}))
	of(off, "team/payments/zone/SEL-A") == {["instances", 1, null]}
	rule.deny == set() with input as requests.create({}, limits({"seoul": null}))
}

test_modes_and_temporary_limits_are_handed_on if {
	entry := object.union(seoul, {"mode": "shadow", "temporary": {"limit": 60, "until": "2026-12-31", "reason": "OPS-7"}})
	claims := rule.quota with input as requests.create({}, limits({"seoul": entry}))
	some claim in claims
	claim.name == "seoul"
	claim.mode == "shadow"
	claim.temporary.limit == 60
	rule.deny == set() with input as requests.create({}, limits({"seoul": entry}))
}

test_unset_is_a_choice if {
	answer("zero") == {["instances", 1, 0]}
	answer("unlimited") == {["instances", 1, null]}
	answer("inherit") == {["instances", 1, null]}
	every entry in [{"per": ["team"], "resource": "instances", "limit": 7}, {"teams": ["*"], "resource": "instances", "limit": 7}] {
		claims := rule.quota with input as requests.create({}, {"quota": {"unset": "zero", "limits": {"own": entry}}})
		{claim | some claim in claims; claim.scope == "team/payments"; claim.resource == "instances"; claim.limit == 0} == set()
	}
	chosen := rule.quota with input as requests.create({}, {"quota": {
		"unset": "zero",
		"limits": {"own": {"teams": ["payments"], "per": ["zone"], "resource": "instances", "limit": 7}},
	}})
	of(chosen, "team/payments") & {["instances", 1, null]} == {["instances", 1, null]}
}

answer(unset) := {[claim.resource, claim.amount, claim.limit] |
	some claim in claims
	claim.scope == "team/payments"
	claim.resource == "instances"
} if {
	claims := rule.quota with input as requests.create({}, {"quota": {"unset": unset}})
}

test_disks_and_addresses if {
	disks := [{"size_gb": 100, "amount": 2, "category": null}, {"size_gb": 50, "amount": 1, "category": null}]
	view := {"count": 2, "system_disk_gb": null, "data_disks": disks, "public_ipv4": false}
	claims := rule.quota with input as requests.create(view, {})
	["disk_gb", 580, null] in of(claims, "organisation")
	["public_ips", 0, null] in of(claims, "organisation")
	bigger := rule.quota with input as requests.create(view, {"quota": {"default_system_disk_gb": 100}})
	["disk_gb", 700, null] in of(bigger, "organisation")
	perhaps := rule.quota with input as requests.create({"public_ipv4": null}, {})
	["public_ips", 1, null] in of(perhaps, "organisation")
}

test_a_type_of_unknown_size_is_refused_under_a_limit_on_size if {
	every type in ["strange", "odd", null] {
		view := {"type": type}
		entry := {"resource": "vcpus", "limit": 10}
		answer := rule.deny with input as requests.create(view, limits({"cpu": entry})) with data.facts.types as facts
		count(answer) == 1
		temporary := {"resource": "vcpus", "limit": "unlimited", "temporary": {"limit": 1, "until": "2026-12-31", "reason": "r"}}
		refused := rule.deny with input as requests.create(view, limits({"cpu": temporary})) with data.facts.types as facts
		count(refused) == 1
		free := rule.deny with input as requests.create(view, limits({"cpu": {"resource": "vcpus", "limit": "unlimited"}}))
			with data.facts.types as facts
		free == set()
	}
	known := rule.deny with input as requests.create({}, limits({"cpu": {"resource": "vcpus", "limit": 10}}))
		with data.facts.types as facts
	known == set()
}

test_wrong_settings_refuse if {
	every wrong in [
		{"limits": []}, {"unset": "maybe"}, {"default_system_disk_gb": -1}, {"limit": {}},
		{"limits": {"a": {"resource": "cpus", "limit": 1}}},
		{"limits": {"a": {"resource": "vcpus"}}},
		{"limits": {"a": {"resource": "vcpus", "limit": "many"}}},
		{"limits": {"a": {"resource": "vcpus", "limit": 1, "pre": ["team"]}}},
		{"limits": {"a": {"resource": "vcpus", "limit": 1, "per": ["teams"]}}},
		{"limits": {"a": {"resource": "vcpus", "limit": 1, "per": "team"}}},
		{"limits": {"a": {"resource": "vcpus", "limit": 1, "zones": "SEL-A"}}},
		{"limits": {"a": {"resource": "vcpus", "limit": 1, "mode": "enforce"}}},
		{"limits": {"a": {"resource": "vcpus", "limit": 1, "temporary": {"limit": 2}}}},
		{"limits": {"a": 7}},
	] {
		count(rule.deny) == 1 with input as requests.create({}, {"quota": wrong}) with data.facts.types as facts
	}
}

test_a_view_that_is_odd_counts_nothing_by_itself if {
	claims := rule.quota with input as requests.create({"count": null}, {})
	["instances", 0, null] in of(claims, "organisation")
}

test_an_input_without_a_create_counts_nothing if {
	claims := rule.quota with input as {"settings": {}, "principal": {"team": "a"}, "action": {"kind": "change"}}
	{claim | some claim in claims; claim.amount > 1} == set()
}

test_unset_is_one_of_three_words if {
	every word in ["unlimited", "zero", "inherit"] {
		settings.is_kind("unset", word)
	}
	not settings.is_kind("unset", "none")
}

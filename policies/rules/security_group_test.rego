package zengate_test.rules.security_group

import data.zengate.rules.security_group
import data.zengate_test.lib.requests

facts := {"zones": {
	"SEL-A": {"security_groups": true},
	"SAO-A": {"security_groups": false},
	"ODD-A": {"security_groups": "true"},
}}

group(settings) := {"security_group": settings}

messages(asked) := found if {
	found := {violation.message | some violation in security_group.deny} with input as asked with data.facts as facts
}

warnings(asked) := found if {
	found := {violation.message | some violation in security_group.warn} with input as asked with data.facts as facts
}

patches(asked) := found if {
	found := security_group.patches with input as asked with data.facts as facts
}

path := "/securityGroupId"

test_the_default_is_filled_in_where_the_action_can_carry_it if {
	every kind in requests.creates {
		asked := requests.create_of(kind, {}, group({"default": "sg-1"}))
		patches(asked) == {patch |
			kind.sg
			patch := {"rule": "security_group", "op": "default", "path": path, "value": "sg-1"}
		}
		messages(asked) == set()
		warnings(asked) == set()
	}
}

test_zones_without_groups_get_none if {
	asked := requests.create({"zone": "SAO-A"}, group({"default": "sg-1", "allowed": ["sg-1"]}))
	patches(asked) == set()
	messages(asked) == set()
	warnings(asked) == set()
}

test_unknown_zones_get_none_and_a_warning if {
	every zone in ["XXX-A", "ODD-A", null] {
		every settings in [{"default": "sg-1"}, {"force": "sg-1"}, {"allowed": ["sg-1"]}] {
			asked := requests.create({"zone": zone}, group(settings))
			patches(asked) == set()
			messages(asked) == set()
			count(warnings(asked)) == 1
		}
	}
}

test_the_warning_names_the_zone if {
	asked := requests.create({"zone": "XXX-A"}, group({"default": "sg-1"}))
	warnings(asked) == {"no security group was filled in: zone XXX-A is not among the cloud facts"}
}

test_no_warning_without_need if {
	every asked in [
		requests.create({"zone": "XXX-A"}, {}),
		requests.create({"zone": "XXX-A"}, group({"default": null})),
		requests.create({"zone": "XXX-A", "security_group": "sg-1"}, group({"default": "sg-1"})),
		requests.create_of(requests.creates[2], {"zone": "XXX-A"}, group({"default": "sg-1"})),
	] {
		warnings(asked) == set()
	}
}

test_a_given_group_is_checked_in_every_zone if {
	every zone in ["SEL-A", "SAO-A", "XXX-A", null] {
		every settings in [{"allowed": ["sg-1"]}, {"force": "sg-1"}, {"force": "sg-1", "on_replace": "replace"}] {
			messages(requests.create({"zone": zone, "security_group": "sg-1"}, group(settings))) == set()
			count(messages(requests.create({"zone": zone, "security_group": "sg-2"}, group(settings)))) == 1
		}
	}
}

test_no_group_is_refused_where_there_could_be_one if {
	every kind in requests.creates {
		messages(requests.create_of(kind, {}, group({"allowed": ["sg-1"]}))) == {message |
			kind.sg
			message := "a request without a security group is not allowed"
		}
	}
}

test_the_refusal_says_what_to_do if {
	answer := security_group.deny with input as requests.create({"security_group": "sg-3"}, group({"allowed": ["sg-1", "sg-2"]}))
		with data.facts as facts
	answer == {{
		"rule": "security_group",
		"message": "security group sg-3 is not allowed",
		"field": path,
		"remedy": "Choose one of the allowed groups: sg-1, sg-2.",
		"asked": "sg-3",
		"allowed": ["sg-1", "sg-2"],
	}}
}

test_a_given_group_is_checked_where_there_is_no_field if {
	answer := security_group.deny with input as requests.create_of(requests.creates[2], {"security_group": "sg-2"}, group({"allowed": ["sg-1"]}))
		with data.facts as facts
	{violation.field | some violation in answer} == {path}
}

test_force_replaces_only_where_told_to if {
	operations := {word: operation |
		some word in ["deny", "warn", "replace"]
		some patch in patches(requests.create({"security_group": "sg-2"}, group({"force": "sg-1", "on_replace": word})))
		operation := patch.op
	}
	operations == {"deny": "default", "warn": "force", "replace": "force"}
}

test_without_settings_every_group_passes if {
	every settings in [{}, {"security_group": {}}, {"security_group": null}] {
		every view in [{}, {"security_group": "sg-9"}] {
			messages(requests.create(view, settings)) == set()
			patches(requests.create(view, settings)) == set()
		}
	}
}

test_wrong_settings_refuse_and_patch_nothing if {
	every settings in [{"default": ""}, {"force": 1}, {"allowed": "sg-1"}, {"on_replace": "no"}, {"groups": []}, "sg-1"] {
		asked := requests.create({}, group(settings))
		count(messages(asked)) == 1
		patches(asked) == set()
	}
}

test_without_facts_nothing_is_filled_in if {
	asked := requests.create({}, group({"default": "sg-1"}))
	answer := security_group.patches with input as asked with data.facts as {}
	answer == set()
	warned := security_group.warn with input as asked with data.facts as {}
	count(warned) == 1
}

test_changes_are_not_its_matter if {
	asked := requests.change("vm", "StartInstances", {}, group({"force": "sg-1", "allowed": ["sg-1"]}))
	messages(asked) == set()
	patches(asked) == set()
	warnings(asked) == set()
}

package zengate_test.rules.instance_types

import data.zengate.rules.instance_types as rule
import data.zengate_test.lib.requests

facts := {"types": {
	"c.1c2g": {"vcpus": 1, "memory_gb": 2},
	"c.4c8g": {"vcpus": 4, "memory_gb": 8},
	"odd": {"vcpus": "1"},
}}

types(settings) := {"instance_types": settings}

messages(asked) := {violation.message | some violation in violations} if {
	violations := rule.deny with input as asked with data.facts as facts
}

of(kind, type, settings) := messages(requests.create_of(kind, {"type": type}, types(settings)))

resized(service, member, type, settings) := messages(requests.change(
	service,
	"ModifyInstanceType",
	{"instanceId": "i-1", member: type},
	types(settings),
))

test_allowed_types_pass_on_every_create if {
	every kind in requests.creates {
		every allowed in [["c.1c2g"], ["m.*", "c.*"], ["*"]] {
			of(kind, "c.1c2g", {"allowed": allowed}) == set()
		}
	}
}

test_others_are_refused_on_every_create if {
	every kind in requests.creates {
		every allowed in [["c.1c2"], ["m.*"], ["C.1C2G"], []] {
			of(kind, "c.1c2g", {"allowed": allowed}) == {"instance type c.1c2g is not allowed"}
		}
	}
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.create_of(requests.creates[2], {"type": "M6C"}, types({"allowed": ["S5I", "S6*"]}))
	answer == {{
		"rule": "instance_types",
		"message": "instance type M6C is not allowed",
		"field": "/instanceTypeId",
		"remedy": "Choose one of the allowed instance types: S5I, S6*.",
		"asked": "M6C",
		"allowed": ["S5I", "S6*"],
	}}
}

test_a_missing_type_is_none_of_the_allowed if {
	of(requests.creates[0], null, {"allowed": ["*"]}) == {"a request without an instance type is not allowed"}
}

test_denied_types_are_refused_even_if_allowed if {
	of(requests.creates[0], "g.8c", {"denied": ["g.*"]}) == {"instance type g.8c is not to be used"}
	of(requests.creates[0], "g.8c", {"allowed": ["*"], "denied": ["g.8c"]}) == {"instance type g.8c is not to be used"}
	of(requests.creates[0], "c.1c2g", {"denied": ["g.*"]}) == set()
}

test_the_size_of_one_machine if {
	four := {"maximum_vcpus": 4, "maximum_memory_gb": 8}
	of(requests.creates[0], "c.4c8g", four) == set()
	of(requests.creates[0], "c.4c8g", {"maximum_vcpus": 3}) == {"instance type c.4c8g has 4 vCPUs: at most 3 are allowed for one machine"}
	of(requests.creates[0], "c.4c8g", {"maximum_memory_gb": 4}) == {"instance type c.4c8g has 8 GB of memory: at most 4 are allowed for one machine"}
}

test_a_type_of_unknown_size_is_refused_under_a_limit if {
	every type in ["new", "odd", null] {
		count(of(requests.creates[0], type, {"maximum_vcpus": 64})) == 1
	}
	of(requests.creates[0], "new", {"maximum_memory_gb": 1}) == {"nobody can tell how many GB of memory instance type new has, and there is a limit on them"}
}

test_a_later_change_of_type_is_judged_alike if {
	every change in [["vm", "instanceTypeId"], ["zec", "instanceType"]] {
		resized(change[0], change[1], "c.1c2g", {"allowed": ["c.1c2g"], "maximum_vcpus": 1}) == set()
		resized(change[0], change[1], "c.4c8g", {"allowed": ["c.1c2g"]}) == {"instance type c.4c8g is not allowed"}
		resized(change[0], change[1], "c.4c8g", {"maximum_vcpus": 1}) == {"instance type c.4c8g has 4 vCPUs: at most 1 are allowed for one machine"}
		resized(change[0], "other", "c.1c2g", {"allowed": ["*"]}) == {"a request without an instance type is not allowed"}
		every wrong in [null, "", 1, ["c.1c2g"], {}] {
			count(resized(change[0], change[1], wrong, {"allowed": ["*"]})) == 1
		}
	}
	answer := rule.deny with input as requests.change("vm", "ModifyInstanceType", {"instanceTypeId": "x"}, types({"allowed": []}))
	{violation.field | some violation in answer} == {"/instanceTypeId"}
}

test_other_changes_are_not_its_matter if {
	messages(requests.change("vm", "StartInstances", {"instanceTypeId": "x"}, types({"allowed": []}))) == set()
}

test_without_settings_every_type_passes if {
	every settings in [{}, types({}), types(null), types({"allowed": null, "denied": null, "maximum_vcpus": null})] {
		messages(requests.create({"type": null}, settings)) == set()
		messages(requests.change("vm", "ModifyInstanceType", {}, settings)) == set()
	}
}

test_wrong_settings_refuse if {
	every wrong in [{"allowed": "c.1c2g"}, {"denied": [1]}, {"maximum_vcpus": "4"}, {"maximum_memory_gb": 1.5}, {"alowed": []}] {
		count(messages(requests.create({}, types(wrong)))) == 1
	}
}

package zengate_test.rules.own_instances

import data.zengate.rules.own_instances as rule
import data.zengate_test.lib.requests

change(targets, settings) := object.union(
	requests.change("vm", "TerminateInstance", {"instanceId": "i-1"}, settings),
	{"targets": targets},
)

denied(asked) := {violation.message | some violation in violations} if {
	violations := rule.deny with input as asked
}

warned(asked) := {violation.message | some violation in violations} if {
	violations := rule.warn with input as asked
}

own := {"id": "i-1", "team": "payments"}

foreign := {"id": "i-2", "team": "search"}

unknown := {"id": "i-3", "team": null}

test_own_machines_pass if {
	every targets in [[], [own], [own, {"id": "i-9", "team": "payments"}]] {
		denied(change(targets, {})) == set()
		warned(change(targets, {})) == set()
	}
}

test_machines_of_others_are_refused_whatever_the_settings if {
	every settings in [{}, {"own_instances": {"unknown": "allow"}}, {"own_instances": {"unknown": "warn"}}, {"own_instances": {"unknown": "deny"}}] {
		denied(change([own, foreign], settings)) == {"another team owns i-2"}
	}
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as change([foreign, {"id": "i-0", "team": "search"}], {})
	answer == {{
		"rule": "own_instances",
		"message": "another team owns i-0, i-2",
		"field": "",
		"remedy": "Change only machines of your own team, or ask the platform team who owns it.",
		"asked": ["i-0", "i-2"],
	}}
}

test_unknown_owners_by_setting if {
	asked := change([own, unknown], {"own_instances": {"unknown": "deny"}})
	denied(asked) == {"nobody can tell which team owns i-3"}
	warned(asked) == set()
	every settings in [{}, {"own_instances": null}, {"own_instances": {"unknown": null}}, {"own_instances": {"unknown": "warn"}}] {
		denied(change([own, unknown], settings)) == set()
		warned(change([own, unknown], settings)) == {"nobody can tell which team owns i-3"}
	}
	allowed := change([own, unknown], {"own_instances": {"unknown": "allow"}})
	denied(allowed) == set()
	warned(allowed) == set()
}

test_creates_name_no_machines if {
	denied(requests.create({}, {})) == set()
	warned(requests.create({}, {})) == set()
}

test_wrong_settings_refuse if {
	every wrong in [{"unknown": "pass"}, {"unknown": true}, {"unkown": "deny"}] {
		count(denied(change([own], {"own_instances": wrong}))) == 1
	}
}

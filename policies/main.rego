# The two questions that the gateway asks, as plain OPA would answer them.
#
# The gateway itself evaluates the packages under `zengate.rules` one by one and merges their answers; this file
# merges them in the same way, so that `opa eval`, `opa test` and an editor show what the gateway will do. Modes and
# exemptions are applied to the answer afterwards, outside Rego: what stands here is the raw answer.
package zengate

import data.zengate.lib.actions

# The refusing default has no member `patches`, so nothing can take it for an empty answer.
default amend := {"refused": "the input does not follow the contract"}

amend := {"patches": patches} if understood

default decide := {
	"deny": [{
		"rule": "main",
		"message": "the policy could not judge this request",
		"field": "",
		"remedy": "Report this to the platform team: the policy's input does not follow the contract.",
	}],
	"warn": [],
	"quota": [],
}

decide := {"deny": deny, "warn": warn, "quota": quota} if understood

# The members on which every rule leans. Where one of them is missing the rules would be undefined, which must not be
# read as permission.
understood if {
	is_object(input.settings)
	is_object(input.request)
	is_string(input.action.service)
	is_string(input.action.name)
	is_string(input.action.version)
	is_string(input.principal.team)
	understood_kind
}

understood_kind if input.action.kind in {"read", "change"}

understood_kind if {
	input.action.kind == "create"
	is_object(input.create)
}

patches contains patch if {
	input.action.kind == "create"
	some rule in applying
	some patch in data.zengate.rules[rule].patches
}

deny contains violation if {
	some rule in applying
	some violation in data.zengate.rules[rule].deny
}

warn contains violation if {
	some rule in applying
	some violation in data.zengate.rules[rule].warn
}

quota contains claim if {
	input.action.kind == "create"
	some rule in applying
	some claim in data.zengate.rules[rule].quota
}

# A rule applies unless the organisation's data exclude it; data that cannot be read exclude nothing.
applying contains rule if {
	some rule, _ in data.zengate.rules
	not excluded(rule)
}

excluded(rule) if {
	kinds := object.get(data.organisation, ["rules", rule, "applies", "kinds"], ["create", "change"])
	is_array(kinds)
	not input.action.kind in kinds
}

excluded(rule) if {
	patterns := data.organisation.rules[rule].applies.actions
	is_array(patterns)
	not actions.listed(patterns)
}

excluded(rule) if {
	teams := data.organisation.rules[rule].applies.teams
	is_array(teams)
	not input.principal.team in teams
}

excluded(rule) if input.principal.team in data.organisation.rules[rule].applies.except_teams

# A rule that restricts nothing without settings is left out where none of them is given.
excluded(rule) if {
	names := data.organisation.rules[rule].applies.settings
	is_array(names)
	not any_given(names)
}

any_given(names) if {
	some name in names
	input.settings[name] != null
}

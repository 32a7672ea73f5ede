# What the rules `resource_group` and `security_group` have in common: a default, a forced and a list of allowed groups.
#
# Patches are made of the request as it came, violations are found in the request as it will be sent. So a group that
# was filled in or replaced is judged like one that the caller wrote.
package zengate.lib.groups

import data.zengate.lib.settings

# The settings that both rules know.
kinds := {
	"allowed": "strings",
	"default": "string",
	"force": "string",
	"on_replace": "replacement",
}

# What is wrong with the settings of `rule` taken together.
contradictions(rule) := {mistake |
	some name in ["default", "force"]
	group := input.settings[rule][name]
	is_string(group)
	allowed := input.settings[rule].allowed
	is_array(allowed)
	not group in allowed
	mistake := settings.violation(rule, concat(".", [rule, name]), sprintf("must be one of `%s.allowed`", [rule]))
}

# The patch of `rule` for the field at `path`.
patch(rule, path) := {"rule": rule, "op": "default", "path": path, "value": input.settings[rule].default} if {
	settings.given(rule, "default")
	not settings.given(rule, "force")
}

patch(rule, path) := {"rule": rule, "op": operation(rule), "path": path, "value": input.settings[rule].force} if {
	settings.given(rule, "force")
}

# Without leave to replace, a forced group only fills what is empty; another one that the caller wrote is refused.
operation(rule) := "force" if replaces(rule)

operation(rule) := "default" if not replaces(rule)

replaces(rule) if input.settings[rule].on_replace in {"replace", "warn"}

# What is wrong with `group`, the group in the request as it will be sent (null: none).
violation(rule, noun, field, group) := {
	"rule": rule,
	"message": sprintf("%s is not the one that must be used", [description(noun, group)]),
	"field": field,
	"remedy": sprintf("Leave the field out, or set it to %s.", [force]),
	"asked": group,
	"allowed": [force],
} if {
	settings.given(rule, "force")
	force := input.settings[rule].force
	group != force
}

violation(rule, noun, field, group) := {
	"rule": rule,
	"message": sprintf("%s is not allowed", [description(noun, group)]),
	"field": field,
	"remedy": sprintf("Choose one of the allowed groups: %s.", [concat(", ", allowed)]),
	"asked": group,
	"allowed": allowed,
} if {
	settings.given(rule, "allowed")
	not settings.given(rule, "force")
	allowed := input.settings[rule].allowed
	not group in allowed
}

description(noun, group) := sprintf("%s %s", [noun, group]) if is_string(group)

description(noun, group) := sprintf("a request without a %s", [noun]) if not is_string(group)

# Required tags, on new machines and through later changes of tags.
#
# `settings.tags.required` maps each key to what its value must be: null or {} (anything but blank), a list of values,
# or `{pattern: "^CC-[0-9]+$"}`. `false` lifts a key that the organisation requires.
package zengate.rules.tags

import data.zengate.lib.fields
import data.zengate.lib.settings

mistakes := settings.mistakes("tags", {"required": "requirements"})

deny contains mistake if some mistake in mistakes

required[key] := requirement if {
	count(mistakes) == 0
	is_object(input.settings.tags.required)
	some key, requirement in input.settings.tags.required
	requirement != false
}

# A version of an action that cannot carry tags cannot carry the required ones.
deny contains violation if {
	input.action.kind == "create"
	count(required) > 0
	not input.create.tags_supported
	violation := {
		"rule": "tags",
		"message": sprintf("the tags %s are required, and this version of %s %s cannot carry tags", [
			concat(", ", sort(object.keys(required))),
			input.action.service,
			input.action.name,
		]),
		"field": fields.tags,
		"remedy": carrier,
		"asked": input.action.version,
	}
}

deny contains violation if {
	input.action.kind == "create"
	input.create.tags_supported
	some key, requirement in required
	value := object.get(carried, key, null)
	not satisfied(requirement, value)
	violation := refusal(key, requirement, value, fields.tag(key))
}

carried := input.create.tags if is_object(input.create.tags)

default carried := {}

# Later changes: required keys stay, and their values stay among the allowed ones.

deny contains violation if {
	some pointer, entry in set_tags
	requirement := required[entry.key]
	value := object.get(entry, "value", null)
	not satisfied(requirement, value)
	violation := refusal(entry.key, requirement, value, concat("", [pointer, "/value"]))
}

deny contains violation if {
	some pointer, key in deleted_keys
	requirement := required[key]
	violation := {
		"rule": "tags",
		"message": sprintf("the tag %s is required and must not be removed", [key]),
		"field": pointer,
		"remedy": sprintf("Keep the tag, or give it another value: %s.", [wanted(requirement)]),
		"asked": key,
	}
}

# A change of tags that this rule cannot read might remove a required one.
deny contains violation if {
	count(required) > 0
	changes_tags
	not readable
	violation := {
		"rule": "tags",
		"message": sprintf("the change of tags by zrm %s could not be understood", [input.action.name]),
		"field": "",
		"remedy": "Send exactly the documented fields: tags as objects of `key` and `value`, keys as strings.",
	}
}

changes_tags if {
	input.action.service == "zrm"
	input.action.kind == "change"
}

# What each change of tags may carry. One that is not named here cannot be read; creating a tag binds it to nothing.
members := {
	"CreateTags": {"tags"},
	"DeleteTags": {"tags"},
	"ModifyResourceTags": {"deleteTagKeys", "replaceTags", "resourceUuid"},
	"TagBindResources": {"resourceUuids", "tag"},
	"TagUnbindResources": {"resourceUuids", "tag"},
}

readable if {
	members[input.action.name]
	every name, value in input.request {
		name in members[input.action.name]
		well_formed(name, value)
	}
}

well_formed(name, _) if name in {"resourceUuid", "resourceUuids"}

well_formed(name, value) if {
	name == "tag"
	is_tag(value)
}

well_formed(name, value) if {
	name != "tag"
	value == null
}

well_formed(name, value) if {
	name == "deleteTagKeys"
	is_array(value)
	every key in value {
		is_string(key)
	}
}

well_formed(name, value) if {
	name in {"replaceTags", "tags"}
	is_array(value)
	every entry in value {
		is_tag(entry)
	}
}

is_tag(entry) if {
	is_object(entry)
	is_string(entry.key)
	every name, value in entry {
		name in {"key", "value"}
		is_string_or_null(value)
	}
}

is_string_or_null(value) if is_string(value)

is_string_or_null(value) if value == null

# Tags that the change sets, and keys that it removes, by where they stand in the request.

set_tags[pointer] := entry if {
	changes_tags
	readable
	input.action.name == "ModifyResourceTags"
	is_array(input.request.replaceTags)
	some index, entry in input.request.replaceTags
	pointer := sprintf("/replaceTags/%d", [index])
}

set_tags[pointer] := entry if {
	changes_tags
	readable
	input.action.name == "TagBindResources"
	entry := input.request.tag
	pointer := "/tag"
}

deleted_keys[pointer] := key if {
	changes_tags
	readable
	input.action.name == "ModifyResourceTags"
	is_array(input.request.deleteTagKeys)
	some index, key in input.request.deleteTagKeys
	pointer := sprintf("/deleteTagKeys/%d", [index])
}

deleted_keys[pointer] := key if {
	changes_tags
	readable
	input.action.name == "TagUnbindResources"
	key := input.request.tag.key
	pointer := "/tag/key"
}

deleted_keys[pointer] := entry.key if {
	changes_tags
	readable
	input.action.name == "DeleteTags"
	is_array(input.request.tags)
	some index, entry in input.request.tags
	pointer := sprintf("/tags/%d/key", [index])
}

# What a value must be.

satisfied(requirement, value) if {
	requirement in {null, {}}
	not blank(value)
}

satisfied(requirement, value) if {
	is_array(requirement)
	value in requirement
}

satisfied(requirement, value) if {
	is_object(requirement)
	is_string(value)
	regex.match(requirement.pattern, value)
}

blank(value) if not is_string(value)

blank(value) if {
	is_string(value)
	trim_space(value) == ""
}

wanted(requirement) := "any value but a blank one" if requirement in {null, {}}

wanted(requirement) := sprintf("one of %s", [concat(", ", requirement)]) if is_array(requirement)

wanted(requirement) := sprintf("a value that matches %s", [requirement.pattern]) if is_object(requirement)

# Only the requirement that was missed; `allowed` is left out where any value would do.
refusal(key, requirement, value, field) := object.union(
	{
		"rule": "tags",
		"message": problem(key, value),
		"field": field,
		"remedy": sprintf("Set the tag %s to %s.", [key, wanted(requirement)]),
	},
	object.union(asked(value), allowed_at(key, requirement, value)),
)

# Where there is no such tag yet, what would be allowed is a whole tag.
allowed_at(key, requirement, value) := {"allowed": [{"key": key, "value": choice} | some choice in requirement]} if {
	value == null
	is_array(requirement)
}

allowed_at(_, requirement, value) := allowed(requirement) if value != null

allowed_at(_, requirement, value) := allowed(requirement) if {
	value == null
	not is_array(requirement)
}

problem(key, value) := sprintf("the required tag %s is missing or blank", [key]) if blank(value)

problem(key, value) := sprintf("the tag %s has a value that is not allowed: %s", [key, value]) if not blank(value)

asked(value) := {} if blank(value)

asked(value) := {"asked": value} if not blank(value)

allowed(requirement) := {} if requirement in {null, {}}

allowed(requirement) := {"allowed": requirement} if is_array(requirement)

allowed(requirement) := {"allowed": {"pattern": requirement.pattern}} if is_object(requirement)

carrier := sprintf("Use version %s of this action, which can.", [input.create.tags_supported_by]) if {
	is_string(input.create.tags_supported_by)
}

default carrier := "Use another action that can carry tags, or ask the platform team for an exemption."

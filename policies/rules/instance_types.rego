# Allowed instance types, for new machines and for machines that are given another type.
#
# `settings.instance_types`: `allowed` and `denied` (names, with a `*` at the end for all that begin so), `maximum_vcpus`
# and `maximum_memory_gb` for one machine. The size of a type is a fact (`data.facts.types`); under a maximum a type of
# unknown size is refused.
package zengate.rules.instance_types

import data.zengate.lib.changes
import data.zengate.lib.fields
import data.zengate.lib.patterns
import data.zengate.lib.settings

mistakes := settings.mistakes("instance_types", {
	"allowed": "strings",
	"denied": "strings",
	"maximum_memory_gb": "number",
	"maximum_vcpus": "number",
})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	judged
	settings.given("instance_types", "allowed")
	allowed := input.settings.instance_types.allowed
	not patterns.any_covers(allowed, type)
	violation := {
		"rule": "instance_types",
		"message": sprintf("%s is not allowed", [description]),
		"field": field,
		"remedy": sprintf("Choose one of the allowed instance types: %s.", [concat(", ", allowed)]),
		"asked": type,
		"allowed": allowed,
	}
}

deny contains violation if {
	judged
	settings.given("instance_types", "denied")
	patterns.any_covers(input.settings.instance_types.denied, type)
	violation := {
		"rule": "instance_types",
		"message": sprintf("%s is not to be used", [description]),
		"field": field,
		"remedy": sprintf("Choose another instance type; not to be used are: %s.", [concat(", ", input.settings.instance_types.denied)]),
		"asked": type,
	}
}

deny contains violation if {
	judged
	some limit in limits
	settings.given("instance_types", limit.setting)
	maximum := input.settings.instance_types[limit.setting]
	size := known(limit.fact)
	size > maximum
	violation := {
		"rule": "instance_types",
		"message": sprintf("%s has %v %s: at most %v are allowed for one machine", [description, size, limit.unit, maximum]),
		"field": field,
		"remedy": sprintf("Choose an instance type of at most %v %s.", [maximum, limit.unit]),
		"asked": type,
		"allowed": maximum,
	}
}

deny contains violation if {
	judged
	some limit in limits
	settings.given("instance_types", limit.setting)
	not known(limit.fact)
	violation := {
		"rule": "instance_types",
		"message": sprintf("nobody can tell how many %s %s has, and there is a limit on them", [limit.unit, description]),
		"field": field,
		"remedy": "Choose another instance type, or ask the platform team to renew the cloud facts.",
		"asked": type,
		"allowed": input.settings.instance_types[limit.setting],
	}
}

# A fact about the type; undefined where it is not known.
known(fact) := size if {
	is_string(type)
	size := data.facts.types[type][fact]
	is_number(size)
}

limits := [
	{"setting": "maximum_vcpus", "fact": "vcpus", "unit": "vCPUs"},
	{"setting": "maximum_memory_gb", "fact": "memory_gb", "unit": "GB of memory"},
]

judged if {
	count(mistakes) == 0
	input.action.kind == "create"
}

judged if {
	count(mistakes) == 0
	changes.carries("type")
}

default type := null

type := input.create.type if input.action.kind == "create"

type := changes.value("type") if input.action.kind == "change"

field := fields.type if input.action.kind == "create"

field := changes.field("type") if input.action.kind == "change"

description := sprintf("instance type %s", [type]) if is_string(type)

description := "a request without an instance type" if not is_string(type)

# What a new machine uses up, and how much of it there is. `settings.quota`.
#
# `limits`: by name, `{resource, limit, per, teams, zones, types, resource_groups, temporary, mode}`. `per` splits the count (by
# team, zone, type, resource_group; [] counts for the whole organisation), the lists choose whose machines count. Every
# resource is counted for the organisation and for each team in any case, and machines for each team's zones.
#
# A machine that is found in the cloud is priced by the same rule, so it may read only the view, the team, the settings and
# the cloud's facts. What the amounts are when somebody asks for too much is the ledger's to know.
package zengate.rules.quota

import data.zengate.lib.fields
import data.zengate.lib.patterns
import data.zengate.lib.settings

mistakes := settings.mistakes("quota", {
	"default_system_disk_gb": "number",
	"limits": "object",
	"unset": "unset",
}) | wrong_limits

deny contains mistake if some mistake in mistakes

wrong_limits contains mistake if {
	is_object(input.settings.quota.limits)
	some name, entry in input.settings.quota.limits
	entry != null
	not well_formed(entry)
	mistake := settings.violation("quota", concat(".", ["quota.limits", name]), settings.words.limit)
}

# Under a limit on what a type has, a type of unknown size could be of any size.
deny contains violation if {
	input.action.kind == "create"
	some item in listed
	item.entry.resource in {"vcpus", "memory_gb"}
	limits_something(item.entry)
	not is_number(object.get(size, item.entry.resource, null))
	violation := {
		"rule": "quota",
		"message": sprintf("nobody can tell how much of %s the instance type %v uses, and there is a limit on it", [
			item.entry.resource,
			values.type,
		]),
		"field": fields.type,
		"remedy": "Choose a type that the gateway knows, or ask the platform team to run `zengate facts pull`.",
		"asked": values.type,
	}
}

limits_something(entry) if is_number(entry.limit)

limits_something(entry) if is_object(object.get(entry, "temporary", null))

quota contains claim if {
	some item in listed
	claim := object.union(
		{
			"rule": "quota",
			"name": item.name,
			"scope": item.scope,
			"resource": item.entry.resource,
			"amount": amounts[item.entry.resource],
			"limit": number_or_null(item.entry.limit),
		},
		{member: value |
			some member in ["mode", "temporary"]
			value := item.entry[member]
			value != null
		},
	)
}

# What is counted where no limit of the settings counts it already.
quota contains {
	"rule": "quota",
	"scope": owner,
	"resource": resource,
	"amount": amount,
	"limit": object.get(most, resource, null),
} if {
	some owner, most in owners
	some resource, amount in amounts
	not [owner, resource] in taken
}

quota contains {
	"rule": "quota",
	"scope": own_zone,
	"resource": "instances",
	"amount": machines,
	"limit": null,
} if {
	not [own_zone, "instances"] in taken
}

taken contains [item.scope, item.entry.resource] if some item in listed

own := sprintf("team/%s", [input.principal.team])

own_zone := concat("/", [own, "zone", text(values.zone)])

resources := {"disk_gb", "instances", "memory_gb", "public_ips", "vcpus"}

# Whose machines are counted in any case, with what they may have without a limit of the settings; not named is any amount.
owners := {"organisation": {}, own: zero}

# `unset` is what holds for a team and resource that no entry splits or chooses by team.
zero[resource] := 0 if {
	input.settings.quota.unset == "zero"
	some resource in resources
	not resource in limited
}

limited contains item.entry.resource if {
	some item in listed
	"team" in object.get(item.entry, "per", [])
}

limited contains item.entry.resource if {
	some item in listed
	is_array(object.get(item.entry, "teams", null))
}

# The limits that can be understood.
sound[name] := entry if {
	is_object(input.settings.quota.limits)
	some name, entry in input.settings.quota.limits
	well_formed(entry)
}

# The entries that count this machine.
listed contains {"name": name, "entry": entry, "scope": scope(entry)} if {
	some name, entry in sound
	not other_machines(entry)
}

other_machines(entry) if {
	some dimension in dimensions
	not counted(entry, dimension)
}

counted(entry, dimension) if object.get(entry, chosen_by[dimension], null) == null

counted(entry, dimension) if patterns.any_covers(entry[chosen_by[dimension]], values[dimension])

dimensions := ["team", "zone", "type", "resource_group"]

chosen_by := {"team": "teams", "zone": "zones", "type": "types", "resource_group": "resource_groups"}

values := {
	"team": input.principal.team,
	"zone": object.get(create, "zone", null),
	"type": object.get(create, "type", null),
	"resource_group": object.get(create, "resource_group", null),
}

scope(entry) := "organisation" if count(segments(entry)) == 0

scope(entry) := concat("/", segments(entry)) if count(segments(entry)) > 0

segments(entry) := [part |
	some dimension in dimensions
	part := segment(entry, dimension)
	part != null
]

segment(entry, dimension) := sprintf("%s/%s", [dimension, text(values[dimension])]) if {
	dimension in object.get(entry, "per", [])
}

segment(entry, dimension) := sprintf("%s/%s", [dimension, concat(",", entry[chosen_by[dimension]])]) if {
	not dimension in object.get(entry, "per", [])
	is_array(object.get(entry, chosen_by[dimension], null))
}

segment(entry, dimension) := null if {
	not dimension in object.get(entry, "per", [])
	not is_array(object.get(entry, chosen_by[dimension], null))
}

text(value) := value if is_string(value)

text(value) := "-" if not is_string(value)

number_or_null(limit) := limit if is_number(limit)

number_or_null(limit) := null if not is_number(limit)

amounts := {
	"disk_gb": machines * (system_disk + data_disks),
	"instances": machines,
	"memory_gb": machines * known("memory_gb"),
	"public_ips": machines * addresses,
	"vcpus": machines * known("vcpus"),
}

create := input.create if is_object(input.create)

default create := {}

machines := create.count if is_number(object.get(create, "count", null))

default machines := 0

size := data.facts.types[values.type] if is_object(data.facts.types[values.type])

default size := {}

known(resource) := ceil(size[resource]) if is_number(object.get(size, resource, null))

known(resource) := 0 if not is_number(object.get(size, resource, null))

system_disk := create.system_disk_gb if is_number(object.get(create, "system_disk_gb", null))

system_disk := default_disk if not is_number(object.get(create, "system_disk_gb", null))

given := input.settings.quota if is_object(input.settings.quota)

default given := {}

default_disk := given.default_system_disk_gb if {
	is_number(object.get(given, "default_system_disk_gb", null))
}

default default_disk := 40

data_disks := sum([gigabytes |
	some disk in object.get(create, "data_disks", [])
	is_number(disk.size_gb)
	is_number(disk.amount)
	gigabytes := disk.size_gb * disk.amount
])

# Where the request does not say, the cloud may give one.
addresses := 0 if object.get(create, "public_ipv4", null) == false

default addresses := 1

well_formed(entry) if {
	is_object(entry)
	count(object.keys(entry) - members) == 0
	entry.resource in resources
	is_limit(object.get(entry, "limit", null))
	not odd_choice(entry)
	is_split(object.get(entry, "per", []))
	object.get(entry, "mode", null) in {null, "warn", "shadow"}
	is_temporary(object.get(entry, "temporary", null))
}

members := {"limit", "mode", "per", "resource", "resource_groups", "teams", "temporary", "types", "zones"}

is_limit(limit) if limit == "unlimited"

is_limit(limit) if settings.is_kind("number", limit)

odd_choice(entry) if {
	some dimension in dimensions
	not is_choice(object.get(entry, chosen_by[dimension], null))
}

is_choice(list) if list == null

is_choice(list) if settings.is_kind("strings", list)

is_split(per) if {
	is_array(per)
	count({part | some part in per} - {part | some part in dimensions}) == 0
}

is_temporary(temporary) if temporary == null

is_temporary(temporary) if {
	is_object(temporary)
	object.keys(temporary) == {"limit", "until", "reason"}
	settings.is_kind("number", temporary.limit)
	settings.is_kind("string", temporary.until)
	settings.is_kind("string", temporary.reason)
}

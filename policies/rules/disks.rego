# Disks of new machines, and disks that are made or enlarged later.
#
# `settings.disks`: `maximum_disks` (data disks of one machine), `maximum_system_gb`, `maximum_data_gb` (each),
# `maximum_total_gb` (all disks of one machine), `categories`; and what the cloud takes where a request is silent:
# `default_system_gb`, `default_category`. Without these two a request must say it under a limit on it.
#
# The disks of bare metal belong to its type. What a machine has already is not known here: see the rule `growth`.
package zengate.rules.disks

import data.zengate.lib.changes
import data.zengate.lib.fields
import data.zengate.lib.settings

mistakes := settings.mistakes("disks", {
	"categories": "strings",
	"default_category": "string",
	"default_system_gb": "number",
	"maximum_data_gb": "number",
	"maximum_disks": "number",
	"maximum_system_gb": "number",
	"maximum_total_gb": "number",
})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	new_machine
	settings.given("disks", "maximum_disks")
	maximum := input.settings.disks.maximum_disks
	amount := sum([disk.amount | some disk in input.create.data_disks])
	amount > maximum
	violation := {
		"rule": "disks",
		"message": sprintf("%v data disks for one machine are too many: at most %v are allowed", [amount, maximum]),
		"field": fields.data_disks,
		"remedy": sprintf("Ask for at most %v data disks, larger ones if need be.", [maximum]),
		"asked": amount,
		"allowed": maximum,
	}
}

deny contains violation if {
	new_machine
	settings.given("disks", "maximum_system_gb")
	maximum := input.settings.disks.maximum_system_gb
	not within(system_gb, maximum)
	violation := too_large("the system disk", fields.system_disk, system_gb, maximum)
}

deny contains violation if {
	new_machine
	settings.given("disks", "maximum_data_gb")
	maximum := input.settings.disks.maximum_data_gb
	some index, disk in input.create.data_disks
	not within(disk.size_gb, maximum)
	violation := too_large("a data disk", fields.data_disk(index, "diskSize"), disk.size_gb, maximum)
}

deny contains violation if {
	new_machine
	settings.given("disks", "maximum_total_gb")
	maximum := input.settings.disks.maximum_total_gb
	not within(total_gb, maximum)
	violation := too_large("the disks of one machine together", fields.system_disk, total_gb, maximum)
}

deny contains violation if {
	count(mistakes) == 0
	settings.given("disks", "categories")
	some field, category in categories
	not category in input.settings.disks.categories
	violation := {
		"rule": "disks",
		"message": sprintf("%s is not allowed", [kind(category)]),
		"field": field,
		"remedy": sprintf("Choose one of the allowed categories: %s.", [concat(", ", input.settings.disks.categories)]),
		"asked": category,
		"allowed": input.settings.disks.categories,
	}
}

# A disk that is enlarged may be a system disk or a data disk: the request does not say.
deny contains violation if {
	count(mistakes) == 0
	changes.carries("disk_gb")
	some setting in later_limits
	settings.given("disks", setting)
	maximum := input.settings.disks[setting]
	size := changes.value("disk_gb")
	not within(size, maximum)
	violation := too_large("a disk", changes.field("disk_gb"), size, maximum)
}

later_limits contains "maximum_data_gb"

later_limits contains "maximum_system_gb" if input.action.name == "ResizeDisk"

new_machine if {
	count(mistakes) == 0
	input.action.kind == "create"
	input.action.service != "bmc"
}

within(value, maximum) if {
	is_number(value)
	value <= maximum
}

default system_gb := null

system_gb := input.create.system_disk_gb if states_system_gb

system_gb := input.settings.disks.default_system_gb if {
	not states_system_gb
	settings.given("disks", "default_system_gb")
}

states_system_gb if is_number(input.create.system_disk_gb)

# Null where the size of any disk is unknown.
default total_gb := null

total_gb := system_gb + sum(sizes) if {
	is_number(system_gb)
	sizes := [size |
		some disk in input.create.data_disks
		is_number(disk.size_gb)
		size := disk.size_gb * disk.amount
	]
	count(sizes) == count(input.create.data_disks)
}

# The category of each disk, by where it stands; null where nobody can tell.

categories[fields.system_disk_category] := category if {
	new_machine
	category := stated(system_category)
}

categories[fields.data_disk(index, "diskCategory")] := stated(disk.category) if {
	new_machine
	some index, disk in input.create.data_disks
}

categories[changes.field("disk_category")] := stated(changes.value("disk_category")) if changes.carries("disk_category")

stated(category) := category if not category in {null, ""}

stated(category) := default_category if category in {null, ""}

default default_category := null

default_category := input.settings.disks.default_category if is_string(input.settings.disks.default_category)

default system_category := null

system_category := input.request.systemDisk.diskCategory if is_string(input.request.systemDisk.diskCategory)

kind(category) := sprintf("disk category %s", [category]) if is_string(category)

kind(category) := "a disk without a category" if not is_string(category)

too_large(noun, field, size, maximum) := {
	"rule": "disks",
	"message": sprintf("%s may have at most %v GB, and %v are asked for", [noun, maximum, size]),
	"field": field,
	"remedy": sprintf("Ask for at most %v GB.", [maximum]),
	"asked": size,
	"allowed": maximum,
} if {
	is_number(size)
}

too_large(noun, field, size, maximum) := {
	"rule": "disks",
	"message": sprintf("%s may have at most %v GB, and the request does not say how many", [noun, maximum]),
	"field": field,
	"remedy": sprintf("Name the size of every disk, at most %v GB.", [maximum]),
	"asked": size,
	"allowed": maximum,
} if {
	not is_number(size)
}

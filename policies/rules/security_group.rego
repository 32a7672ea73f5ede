# The security group of a new machine. `settings.security_group`: `default`, `allowed`, `force`, `on_replace`.
#
# Only some zones have security groups, and a group sent to another zone makes the cloud refuse the whole request. So a
# group is filled in, and its absence refused, only where `data.facts.zones` says that the zone has them and where this
# version of the action can carry one. A group that the caller wrote is checked everywhere.
package zengate.rules.security_group

import data.zengate.lib.fields
import data.zengate.lib.groups
import data.zengate.lib.settings

mistakes := settings.mistakes("security_group", groups.kinds) | groups.contradictions("security_group")

deny contains mistake if some mistake in mistakes

patches contains patch if {
	input.action.kind == "create"
	count(mistakes) == 0
	carried
	supported
	patch := groups.patch("security_group", input.create.security_group_path)
}

deny contains violation if {
	input.action.kind == "create"
	count(mistakes) == 0
	judged
	violation := groups.violation("security_group", "security group", field, group)
}

# Without facts on the zone nobody would notice that the organisation's group is missing.
warn contains violation if {
	input.action.kind == "create"
	carried
	wanted
	not given
	not known
	violation := {
		"rule": "security_group",
		"message": sprintf("no security group was filled in: zone %v is not among the cloud facts", [zone]),
		"field": fields.zone,
		"remedy": "Name a security group where the zone has them, or ask the platform team to renew the cloud facts.",
		"asked": zone,
	}
}

group := input.create.security_group

default group := null

given if is_string(group)

judged if given

judged if {
	carried
	supported
}

wanted if {
	some name in ["allowed", "default", "force"]
	settings.given("security_group", name)
}

carried if is_string(input.create.security_group_path)

zone := input.create.zone

default zone := null

known if is_boolean(data.facts.zones[input.create.zone].security_groups)

supported if data.facts.zones[input.create.zone].security_groups == true

field := input.create.security_group_path if carried

default field := "/securityGroupId"

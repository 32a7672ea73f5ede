# The resource group of a new machine. `settings.resource_group`: `default`, `allowed`, `force`, `on_replace`.
package zengate.rules.resource_group

import data.zengate.lib.groups
import data.zengate.lib.settings

mistakes := settings.mistakes("resource_group", groups.kinds) | groups.contradictions("resource_group")

deny contains mistake if some mistake in mistakes

patches contains patch if {
	input.action.kind == "create"
	count(mistakes) == 0
	path := input.create.resource_group_path
	is_string(path)
	patch := groups.patch("resource_group", path)
}

deny contains violation if {
	input.action.kind == "create"
	count(mistakes) == 0
	violation := groups.violation("resource_group", "resource group", field, group)
}

group := input.create.resource_group

default group := null

field := input.create.resource_group_path if is_string(input.create.resource_group_path)

default field := "/resourceGroupId"

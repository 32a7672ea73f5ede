# The resource group of a new machine. `settings.resource_group`: `default`, `allowed`, `force`, `on_replace`.
package zengate.rules.resource_group

import data.zengate.lib.groups

deny contains mistake if some mistake in groups.mistakes("resource_group")

patches contains patch if {
	input.action.kind == "create"
	path := input.create.resource_group_path
	path != null
	some patch in groups.patches("resource_group", path)
}

deny contains violation if {
	input.action.kind == "create"
	group := object.get(input.create, "resource_group", null)
	some violation in groups.violations("resource_group", "resource group", field, group)
}

field := input.create.resource_group_path if is_string(input.create.resource_group_path)

field := "/resourceGroupId" if not is_string(input.create.resource_group_path)

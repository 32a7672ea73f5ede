# Names of actions, as lists in the settings spell them: `<service> <Action>`, with a `*` allowed at the end.
package zengate.lib.actions

import data.zengate.lib.patterns

# The action of this request, e.g. `vm CreateInstances`.
asked := concat(" ", [input.action.service, input.action.name]) if {
	is_string(input.action.service)
	is_string(input.action.name)
}

# Whether any of the patterns names the action of this request.
listed(names) if {
	is_array(names)
	patterns.any_covers(names, asked)
}

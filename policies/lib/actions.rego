# Names of actions, as lists in the settings spell them: `<service> <Action>`, with a `*` allowed at the end.
package zengate.lib.actions

# The action of this request, e.g. `vm CreateInstances`.
asked := concat(" ", [input.action.service, input.action.name]) if {
	is_string(input.action.service)
	is_string(input.action.name)
}

# Whether any of the patterns names the action of this request.
listed(patterns) if {
	is_array(patterns)
	some pattern in patterns
	is_string(pattern)
	matches(pattern)
}

matches(pattern) if pattern == asked

matches(pattern) if {
	endswith(pattern, "*")
	startswith(asked, trim_suffix(pattern, "*"))
}

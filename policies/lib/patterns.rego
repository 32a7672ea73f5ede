# Names in the lists of settings: written out, or with a `*` at the end for all that begin so.
package zengate.lib.patterns

# Whether any of the patterns covers `name`; what is no string is covered by none.
any_covers(patterns, name) if {
	is_string(name)
	some pattern in patterns
	is_string(pattern)
	covers(pattern, name)
}

covers(pattern, name) if pattern == name

covers(pattern, name) if {
	endswith(pattern, "*")
	startswith(name, trim_suffix(pattern, "*"))
}

# Settings of a rule: read them, and refuse requests while they are written wrongly.
#
# A setting that is absent or null restricts nothing. A setting of the wrong type, or one that no rule knows, is a
# mistake of the platform team. It refuses every request that the rule applies to: a limit that was meant but misspelt
# must not pass as no limit.
package zengate.lib.settings

# Whether the setting `name` of `rule` is given.
given(rule, name) if input.settings[rule][name] != null

# What is wrong with the settings of `rule`. `kinds` says for each setting that the rule knows what it must be (one of
# the keys of `words`).
mistakes(rule, kinds) := {mistake |
	some name, value in input.settings[rule]
	kind := object.get(kinds, name, "unknown")
	value != null
	not is_kind(kind, value)
	mistake := violation(rule, concat(".", [rule, name]), words[kind])
} if {
	is_object(input.settings[rule])
}

mistakes(rule, _) := {violation(rule, rule, "must be an object")} if {
	value := input.settings[rule]
	value != null
	not is_object(value)
}

mistakes(rule, _) := set() if {
	readable
	object.get(input.settings, rule, null) == null
}

mistakes(rule, _) := {violation(rule, rule, "must be an object")} if not readable

readable if is_object(input.settings)

# A refusal that tells the caller that the fault is not theirs, and the platform team where it is.
violation(rule, setting, problem) := {
	"rule": rule,
	"message": sprintf("the setting `%s` %s", [setting, problem]),
	"field": concat(".", ["settings", setting]),
	"remedy": "Nothing in the request is at fault. Ask the platform team to correct the setting.",
}

words := {
	"actions": "must be a list of `<service> <Action>`, each with a `*` allowed at the end",
	"amount": "must be a number, 0 or more",
	"flag": "must be true or false",
	"limit": concat(" ", [
		"must be an object: `resource`, `limit` (a number or `unlimited`), `per`, `teams`, `zones`, `types`, `resource_groups`,",
		"`mode` (warn, shadow) and `temporary` (`limit`, `until`, `reason`)",
	]),
	"number": "must be a whole number, 0 or more",
	"object": "must be an object",
	"outcome": "must be `allow`, `warn` or `deny`",
	"pattern": "must be a regular expression",
	"replacement": "must be `deny`, `warn` or `replace`",
	"requirements": "must be an object of tag keys, each with null, false, a list of strings or a `pattern`",
	"resources": "must be a list of `bandwidth`, `disk_gb`, `memory_gb`, `public_ips` and `vcpus`",
	"string": "must be a string that is not empty",
	"strings": "must be a list of strings",
	"unknown": "is not known to this rule",
	"unset": "must be `unlimited`, `zero` or `inherit`",
}

is_kind("strings", value) if is_strings(value)

is_kind("string", value) if {
	is_string(value)
	trim_space(value) != ""
}

is_kind("number", value) if {
	is_number(value)
	value >= 0
	floor(value) == value
}

is_kind("amount", value) if {
	is_number(value)
	value >= 0
}

is_kind("flag", value) if is_boolean(value)

is_kind("object", value) if is_object(value)

is_kind("unset", value) if value in {"unlimited", "zero", "inherit"}

is_kind("outcome", value) if value in {"allow", "warn", "deny"}

is_kind("pattern", value) if {
	is_string(value)
	regex.is_valid(value)
}

is_kind("resources", value) if {
	is_strings(value)
	every entry in value {
		entry in {"bandwidth", "disk_gb", "memory_gb", "public_ips", "vcpus"}
	}
}

is_kind("replacement", value) if value in {"deny", "warn", "replace"}

is_kind("actions", value) if {
	is_strings(value)
	every entry in value {
		is_action(entry)
	}
}

is_kind("requirements", value) if {
	is_object(value)
	every requirement in value {
		is_requirement(requirement)
	}
}

is_strings(value) if {
	is_array(value)
	every entry in value {
		is_string(entry)
	}
}

is_action(entry) if entry == "*"

is_action(entry) if {
	is_string(entry)
	parts := split(entry, " ")
	count(parts) == 2
	every part in parts {
		part != ""
	}
	not contains(trim_suffix(entry, "*"), "*")
}

is_requirement(requirement) if requirement in {null, false}

is_requirement(requirement) if is_strings(requirement)

is_requirement(requirement) if requirement == {}

is_requirement(requirement) if {
	is_object(requirement)
	object.keys(requirement) == {"pattern"}
	is_string(requirement.pattern)
	regex.is_valid(requirement.pattern)
}

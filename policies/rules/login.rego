# How people log in to machines, and what runs at their first start.
#
# `settings.login`: `password` (false: none may be set, at the create or later), `key_pair` (true: a create must name
# one) and `script` (false: no script may run at the first start).
package zengate.rules.login

import data.zengate.lib.changes
import data.zengate.lib.fields
import data.zengate.lib.settings

mistakes := settings.mistakes("login", {"key_pair": "flag", "password": "flag", "script": "flag"})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	count(mistakes) == 0
	input.settings.login.password == false
	sets_password
	violation := {
		"rule": "login",
		"message": "logging in with a password is not allowed",
		"field": fields.password,
		"remedy": "Leave the password out and use a key pair.",
	}
}

deny contains violation if {
	count(mistakes) == 0
	input.settings.login.key_pair == true
	input.action.kind == "create"
	not input.create.key_pair == true
	violation := {
		"rule": "login",
		"message": "a machine without a key pair is not allowed",
		"field": "/keyId",
		"remedy": "Name a key pair in keyId.",
	}
}

deny contains violation if {
	count(mistakes) == 0
	input.settings.login.script == false
	some field in scripts
	violation := {
		"rule": "login",
		"message": "a script that runs at the first start is not allowed",
		"field": field,
		"remedy": "Leave the script out, and set the machine up once it runs.",
	}
}

sets_password if input.create.password == true

sets_password if {
	input.action.kind == "change"
	fields.holds("password")
}

# Such an action has no other purpose, whatever its members are called.
sets_password if {
	input.action.kind == "change"
	startswith(input.action.name, "Reset")
	endswith(input.action.name, "Password")
}

scripts contains fields.script if input.create.script == true

scripts contains changes.field("script") if {
	changes.carries("script")
	changes.value("script") != null
}

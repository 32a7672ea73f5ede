# A team changes its own machines only.
#
# Whose a machine is the ledger tells. `settings.own_instances.unknown` says what becomes of a change to a machine whose
# owner it does not know, one made before the gateway stood there for example: `allow`, `warn` (the default) or `deny`.
package zengate.rules.own_instances

import data.zengate.lib.settings

mistakes := settings.mistakes("own_instances", {"unknown": "outcome"})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	count(mistakes) == 0
	count(foreign) > 0
	violation := {
		"rule": "own_instances",
		"message": sprintf("another team owns %s", [concat(", ", foreign)]),
		"field": "",
		"remedy": "Change only machines of your own team, or ask the platform team who owns it.",
		"asked": foreign,
	}
}

deny contains violation if {
	count(mistakes) == 0
	outcome == "deny"
	violation := unknown
}

warn contains violation if {
	count(mistakes) == 0
	outcome == "warn"
	violation := unknown
}

foreign := sort({target.id |
	some target in input.targets
	is_string(target.team)
	target.team != input.principal.team
})

strangers := sort({target.id |
	some target in input.targets
	not is_string(target.team)
})

unknown := {
	"rule": "own_instances",
	"message": sprintf("nobody can tell which team owns %s", [concat(", ", strangers)]),
	"field": "",
	"remedy": "Ask the platform team to enter the owner.",
	"asked": strangers,
} if {
	count(strangers) > 0
}

outcome := input.settings.own_instances.unknown if settings.given("own_instances", "unknown")

outcome := "warn" if not settings.given("own_instances", "unknown")

# Allowed zones. `settings.zones.allowed`: the zones in which machines may be made.
package zengate.rules.zones

import data.zengate.lib.fields
import data.zengate.lib.settings

mistakes := settings.mistakes("zones", {"allowed": "strings"})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	input.action.kind == "create"
	count(mistakes) == 0
	settings.given("zones", "allowed")
	not passes
	allowed := input.settings.zones.allowed
	violation := {
		"rule": "zones",
		"message": message,
		"field": fields.zone,
		"remedy": sprintf("Choose one of the allowed zones: %s.", [concat(", ", allowed)]),
		"asked": asked,
		"allowed": allowed,
	}
}

passes if input.create.zone in input.settings.zones.allowed

asked := input.create.zone

default asked := null

message := sprintf("zone %s is not allowed", [asked]) if is_string(asked)

message := "no zone is given" if asked == null

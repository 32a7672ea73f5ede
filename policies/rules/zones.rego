# Allowed zones. `settings.zones.allowed`: the zones in which machines may be made.
package zengate.rules.zones

import data.zengate.lib.fields
import data.zengate.lib.settings

deny contains mistake if some mistake in settings.mistakes("zones", {"allowed": "strings"})

deny contains violation if {
	input.action.kind == "create"
	settings.given("zones", "allowed")
	allowed := input.settings.zones.allowed
	not input.create.zone in allowed
	violation := {
		"rule": "zones",
		"message": message,
		"field": fields.zone,
		"remedy": sprintf("Choose one of the allowed zones: %s.", [concat(", ", allowed)]),
		"asked": object.get(input.create, "zone", null),
		"allowed": allowed,
	}
}

message := sprintf("zone %s is not allowed", [input.create.zone]) if is_string(input.create.zone)

message := "no zone is given" if not is_string(input.create.zone)

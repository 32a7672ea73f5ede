# The most machines in one request. `settings.count.maximum`.
package zengate.rules.count

import data.zengate.lib.fields
import data.zengate.lib.settings

deny contains mistake if some mistake in settings.mistakes("count", {"maximum": "number"})

deny contains violation if {
	input.action.kind == "create"
	settings.given("count", "maximum")
	maximum := input.settings.count.maximum
	not within(maximum)
	asked := object.get(input.create, "count", null)
	violation := {
		"rule": "count",
		"message": sprintf("%v machines in one request are too many: at most %v are allowed", [asked, maximum]),
		"field": fields.count,
		"remedy": sprintf("Ask for at most %v in one request, or split the order.", [maximum]),
		"asked": asked,
		"allowed": maximum,
	}
}

within(maximum) if {
	is_number(input.create.count)
	input.create.count <= maximum
}

# The most machines in one request. `settings.count.maximum`.
package zengate.rules.count

import data.zengate.lib.fields
import data.zengate.lib.settings

mistakes := settings.mistakes("count", {"maximum": "number"})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	input.action.kind == "create"
	count(mistakes) == 0
	settings.given("count", "maximum")
	not passes
	maximum := input.settings.count.maximum
	violation := {
		"rule": "count",
		"message": sprintf("%v machines in one request are too many: at most %v are allowed", [asked, maximum]),
		"field": fields.count,
		"remedy": sprintf("Ask for at most %v in one request, or split the order.", [maximum]),
		"asked": asked,
		"allowed": maximum,
	}
}

passes if {
	is_number(input.create.count)
	input.create.count <= input.settings.count.maximum
}

asked := input.create.count

default asked := null

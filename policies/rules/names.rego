# Names of machines, at the create and later.
#
# `settings.names`: `pattern` (a regular expression; write ^ and $, or a part of the name is enough) and `required` (true:
# a create must name its machines). Under a pattern a name must be given, for the cloud's own default fits none.
#
# The cloud numbers machines by tokens in the name, `web-[7,3]` gives web-007, web-008 ...: the first and the last name
# that come of it are judged.
package zengate.rules.names

import data.zengate.lib.changes
import data.zengate.lib.fields
import data.zengate.lib.settings

mistakes := settings.mistakes("names", {"pattern": "pattern", "required": "flag"})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	judged
	wanted
	not is_string(given)
	violation := {
		"rule": "names",
		"message": "a request without a name is not allowed",
		"field": field,
		"remedy": remedy,
	}
}

deny contains violation if {
	judged
	settings.given("names", "pattern")
	is_string(given)
	pattern := input.settings.names.pattern
	misfits := [name |
		some offset in {0, last}
		name := expanded(offset)
		not regex.match(pattern, name)
	]
	count(misfits) > 0
	violation := {
		"rule": "names",
		"message": sprintf("the name %s does not have the form that names must have", [misfits[0]]),
		"field": field,
		"remedy": remedy,
		"asked": given,
		"allowed": {"pattern": pattern},
	}
}

judged if {
	count(mistakes) == 0
	input.action.kind == "create"
}

judged if {
	count(mistakes) == 0
	changes.carries("name")
}

# Installing a machine anew may rename it by the way.
judged if {
	count(mistakes) == 0
	input.action.kind == "change"
	fields.holds("instanceName")
}

wanted if input.settings.names.required == true

wanted if settings.given("names", "pattern")

remedy := sprintf("Give a name that matches %s.", [input.settings.names.pattern]) if settings.given("names", "pattern")

remedy := "Give a name." if not settings.given("names", "pattern")

default given := null

given := input.create.name if input.action.kind == "create"

given := fields.member("instanceName") if {
	input.action.kind == "change"
	fields.holds("instanceName")
}

field := fields.name if input.action.kind == "create"

field := "/instanceName" if input.action.kind == "change"

default last := 0

last := input.create.count - 1 if input.create.count > 0

# `[begin,digits]`, both optional; an underscore right before it is dropped.
token := `_?\[([0-9]{0,5}),([1-6]?)\]`

# The name of the machine at `offset` of the order.
expanded(offset) := concat("", [part |
	some index, text in regex.split(token, given)
	part := concat("", [text, number(index, offset)])
])

number(index, offset) := padded(begin(index) + offset, digits(index)) if index < count(tokens)

number(index, _) := "" if index >= count(tokens)

default tokens := []

tokens := regex.find_all_string_submatch_n(token, given, -1) if is_string(given)

begin(index) := 0 if tokens[index][1] == ""

begin(index) := to_number(trimmed) if {
	tokens[index][1] != ""
	trimmed := concat("", ["0", trim_left(tokens[index][1], "0")])
	trimmed == "0"
}

begin(index) := to_number(trimmed) if {
	tokens[index][1] != ""
	trimmed := trim_left(tokens[index][1], "0")
	trimmed != ""
}

digits(index) := 6 if tokens[index][2] == ""

digits(index) := to_number(tokens[index][2]) if tokens[index][2] != ""

padded(value, width) := concat("", [substring("000000", 0, max([0, width - count(text)])), text]) if {
	text := format_int(value, 10)
}

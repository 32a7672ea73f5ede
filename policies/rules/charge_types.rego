# How machines and their traffic may be paid for.
#
# `settings.charge_types`: `allowed` (PREPAID, POSTPAID), `internet` (ByBandwidth, ByTrafficPackage ...) and
# `maximum_prepaid_months`.
package zengate.rules.charge_types

import data.zengate.lib.changes
import data.zengate.lib.fields
import data.zengate.lib.settings

mistakes := settings.mistakes("charge_types", {
	"allowed": "strings",
	"internet": "strings",
	"maximum_prepaid_months": "number",
})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	count(mistakes) == 0
	settings.given("charge_types", "allowed")
	some field, value in charge
	not value in input.settings.charge_types.allowed
	violation := refusal("charge type", field, value, input.settings.charge_types.allowed)
}

deny contains violation if {
	count(mistakes) == 0
	settings.given("charge_types", "internet")
	some field, value in internet
	not value in input.settings.charge_types.internet
	violation := refusal("internet charge type", field, value, input.settings.charge_types.internet)
}

deny contains violation if {
	count(mistakes) == 0
	settings.given("charge_types", "maximum_prepaid_months")
	input.create.charge_type == "PREPAID"
	maximum := input.settings.charge_types.maximum_prepaid_months
	not short(maximum)
	violation := {
		"rule": "charge_types",
		"message": sprintf("paying in advance is allowed for at most %v months", [maximum]),
		"field": fields.prepaid_months,
		"remedy": sprintf("Set the period to at most %v months.", [maximum]),
		"asked": input.create.prepaid_months,
		"allowed": maximum,
	}
}

short(maximum) if {
	is_number(input.create.prepaid_months)
	input.create.prepaid_months <= maximum
}

# How the thing itself is paid for, by where it stands. A change that does not say so keeps to what the cloud does.

charge[fields.charge_type] := input.create.charge_type if input.action.kind == "create"

charge[changes.field("charge_type")] := value if {
	changes.carries("charge_type")
	value := changes.value("charge_type")
	value != null
}

# How its traffic is paid for. A machine without a public address has none.

internet[fields.internet_charge_type] := value if {
	input.action.kind == "create"
	value := input.create.internet_charge_type
	not nothing_to_pay(value)
}

internet[changes.field("internet_charge_type")] := changes.value("internet_charge_type") if {
	changes.carries("internet_charge_type")
}

nothing_to_pay(value) if {
	value == null
	input.create.public_ipv4 == false
	not input.create.public_ipv6 == true
}

refusal(noun, field, value, allowed) := {
	"rule": "charge_types",
	"message": sprintf("%s is not allowed", [description(noun, value)]),
	"field": field,
	"remedy": sprintf("Choose one of the allowed: %s.", [concat(", ", allowed)]),
	"asked": value,
	"allowed": allowed,
}

description(noun, value) := sprintf("%s %s", [noun, value]) if is_string(value)

description(noun, value) := sprintf("a request without a valid %s", [noun]) if not is_string(value)

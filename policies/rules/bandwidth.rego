# Public bandwidth and traffic packages, at the create and later.
#
# `settings.bandwidth`: `maximum_mbps` for one machine or address, `maximum_traffic_package_tb`. A create that names none
# gets the cloud's default, which is its smallest; it passes.
package zengate.rules.bandwidth

import data.zengate.lib.changes
import data.zengate.lib.fields
import data.zengate.lib.settings

mistakes := settings.mistakes("bandwidth", {"maximum_mbps": "number", "maximum_traffic_package_tb": "amount"})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	count(mistakes) == 0
	settings.given("bandwidth", "maximum_mbps")
	maximum := input.settings.bandwidth.maximum_mbps
	some field, value in bandwidths
	not within(value, maximum)
	violation := refusal("bandwidth", "Mbps", field, value, maximum)
}

deny contains violation if {
	count(mistakes) == 0
	settings.given("bandwidth", "maximum_traffic_package_tb")
	maximum := input.settings.bandwidth.maximum_traffic_package_tb
	some field, value in packages
	not within(value, maximum)
	violation := refusal("traffic package", "TB", field, value, maximum)
}

bandwidths[fields.bandwidth] := input.create.bandwidth_mbps if {
	input.action.kind == "create"
	input.create.bandwidth_mbps != null
}

bandwidths[changes.field("bandwidth")] := changes.value("bandwidth") if changes.carries("bandwidth")

packages[fields.traffic_package] := input.request.trafficPackageSize if {
	input.action.kind == "create"
	input.request.trafficPackageSize != null
}

packages[changes.field("traffic_package")] := changes.value("traffic_package") if changes.carries("traffic_package")

within(value, maximum) if {
	is_number(value)
	value <= maximum
}

refusal(noun, unit, field, value, maximum) := {
	"rule": "bandwidth",
	"message": sprintf("%s: at most %v %s are allowed", [description(noun, unit, value), maximum, unit]),
	"field": field,
	"remedy": sprintf("Ask for at most %v %s.", [maximum, unit]),
	"asked": value,
	"allowed": maximum,
}

description(noun, unit, value) := sprintf("a %s of %v %s", [noun, value, unit]) if is_number(value)

description(noun, _, value) := sprintf("a %s that is no number", [noun]) if not is_number(value)

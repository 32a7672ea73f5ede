package zengate_test.rules.charge_types

import data.zengate.rules.charge_types as rule
import data.zengate_test.lib.requests

charges(settings) := {"charge_types": settings}

told(asked) := requests.told(violations) if {
	violations := rule.deny with input as asked
}

test_allowed_types_pass_on_every_create if {
	every kind in requests.creates {
		told(requests.create_of(kind, {"charge_type": "POSTPAID"}, charges({"allowed": ["POSTPAID"]}))) == set()
	}
}

test_others_are_refused_on_every_create if {
	every kind in requests.creates {
		told(requests.create_of(kind, {"charge_type": "POSTPAID"}, charges({"allowed": ["PREPAID"]}))) == {["/instanceChargeType", "charge type POSTPAID is not allowed"]}
	}
}

test_a_missing_type_is_refused if {
	told(requests.create({"charge_type": null}, charges({"allowed": ["POSTPAID"]}))) == {["/instanceChargeType", "a request without a valid charge type is not allowed"]}
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.create({"internet_charge_type": "ByTrafficPackage"}, charges({"internet": ["ByBandwidth"]}))
	answer == {{
		"rule": "charge_types",
		"message": "internet charge type ByTrafficPackage is not allowed",
		"field": "/internetChargeType",
		"remedy": "Choose one of the allowed: ByBandwidth.",
		"asked": "ByTrafficPackage",
		"allowed": ["ByBandwidth"],
	}}
}

test_a_machine_without_public_address_has_no_traffic_to_pay_for if {
	settings := charges({"internet": ["ByBandwidth"]})
	missing := {["/internetChargeType", "a request without a valid internet charge type is not allowed"]}
	told(requests.create({"internet_charge_type": null, "public_ipv4": false}, settings)) == set()
	told(requests.create({"internet_charge_type": null, "public_ipv4": false, "public_ipv6": true}, settings)) == missing
	told(requests.create({"internet_charge_type": null, "public_ipv4": null}, settings)) == missing
	told(requests.create({"internet_charge_type": null, "public_ipv4": true}, settings)) == missing
	count(told(requests.create({"internet_charge_type": "Other", "public_ipv4": false}, settings))) == 1
	told(requests.create({}, settings)) == set()
}

test_months_in_advance if {
	settings := charges({"maximum_prepaid_months": 3})
	told(requests.create({"charge_type": "PREPAID", "prepaid_months": 3}, settings)) == set()
	told(requests.create({"charge_type": "POSTPAID", "prepaid_months": 12}, settings)) == set()
	every months in [4, null] {
		told(requests.create({"charge_type": "PREPAID", "prepaid_months": months}, settings)) == {[
			"/instanceChargePrepaid/period",
			"paying in advance is allowed for at most 3 months",
		]}
	}
}

test_later_changes_are_judged_alike if {
	settings := charges({"allowed": ["POSTPAID"], "internet": ["ByBandwidth"]})
	told(requests.change("vm", "CreateDisks", {"chargeType": "POSTPAID"}, settings)) == set()
	told(requests.change("vm", "CreateDisks", {}, settings)) == set()
	told(requests.change("vm", "CreateDisks", {"chargeType": "PREPAID"}, settings)) == {["/chargeType", "charge type PREPAID is not allowed"]}
	told(requests.change("zec", "ChangeEipInternetChargeType", {"internetChargeType": "ByBandwidth"}, settings)) == set()
	told(requests.change("zec", "ChangeEipInternetChargeType", {}, settings)) == {["/internetChargeType", "a request without a valid internet charge type is not allowed"]}
	told(requests.change("vm", "StartInstances", {"chargeType": "PREPAID"}, settings)) == set()
}

test_without_settings_everything_passes if {
	every settings in [{}, charges(null), charges({"allowed": null, "internet": null, "maximum_prepaid_months": null})] {
		told(requests.create({"charge_type": null, "internet_charge_type": null}, settings)) == set()
	}
}

test_wrong_settings_refuse if {
	every wrong in [{"allowed": "POSTPAID"}, {"internet": {}}, {"maximum_prepaid_months": "3"}, {"prepaid": true}] {
		count(told(requests.create({}, charges(wrong)))) == 1
	}
}

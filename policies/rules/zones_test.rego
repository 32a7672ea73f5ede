package zengate_test.rules.zones

import data.zengate.rules.zones
import data.zengate_test.lib.requests

allowed := {"zones": {"allowed": ["SEL-A", "HKG-A"]}}

test_an_allowed_zone_passes_on_every_create if {
	every kind in requests.creates {
		zones.deny == set() with input as requests.create_of(kind, {"zone": "HKG-A"}, allowed)
	}
}

test_another_zone_is_refused_on_every_create if {
	every kind in requests.creates {
		answer := zones.deny with input as requests.create_of(kind, {"zone": "FRA-A"}, allowed)
		answer == {{
			"rule": "zones",
			"message": "zone FRA-A is not allowed",
			"field": "/zoneId",
			"remedy": "Choose one of the allowed zones: SEL-A, HKG-A.",
			"asked": "FRA-A",
			"allowed": ["SEL-A", "HKG-A"],
		}}
	}
}

test_zones_are_compared_to_the_letter if {
	count(zones.deny) == 1 with input as requests.create({"zone": "sel-a"}, allowed)
	count(zones.deny) == 1 with input as requests.create({"zone": "SEL-A "}, allowed)
}

test_no_zone_is_refused if {
	some violation in zones.deny with input as requests.create({"zone": null}, allowed)
	violation.message == "no zone is given"
	violation.asked == null
}

test_a_view_without_the_zone_is_refused if {
	view := object.remove(requests.create({}, allowed), ["create"])
	count(zones.deny) == 1 with input as object.union(view, {"create": {}})
}

test_an_empty_list_allows_nothing if {
	count(zones.deny) == 1 with input as requests.create({}, {"zones": {"allowed": []}})
}

test_without_a_setting_every_zone_passes if {
	every settings in [{}, {"zones": {}}, {"zones": null}, {"zones": {"allowed": null}}] {
		zones.deny == set() with input as requests.create({"zone": null}, settings)
	}
}

test_a_wrong_setting_refuses if {
	every wrong in ["SEL-A", 1, true, {"SEL-A": true}, [1], ["SEL-A", null]] {
		answer := zones.deny with input as requests.create({}, {"zones": {"allowed": wrong}})
		"the setting `zones.allowed` must be a list of strings" in {violation.message | some violation in answer}
	}
}

test_a_misspelt_setting_refuses if {
	answer := zones.deny with input as requests.create({}, {"zones": {"alowed": ["SEL-A"]}})
	answer == {{
		"rule": "zones",
		"message": "the setting `zones.alowed` is not known to this rule",
		"field": "settings.zones.alowed",
		"remedy": "Nothing in the request is at fault. Ask the platform team to correct the setting.",
	}}
}

test_settings_that_are_no_object_refuse if {
	every wrong in ["SEL-A", ["SEL-A"], [], 1, true, false] {
		answer := zones.deny with input as requests.create({}, {"zones": wrong})
		{violation.message | some violation in answer} == {"the setting `zones` must be an object"}
	}
}

test_settings_that_are_missing_altogether_refuse if {
	asked := requests.create({}, {})
	every broken in [object.remove(asked, ["settings"]), object.union(asked, {"settings": null})] {
		answer := zones.deny with input as broken
		{violation.message | some violation in answer} == {"the setting `zones` must be an object"}
	}
}

test_changes_are_not_its_matter if {
	zones.deny == set() with input as requests.change("vm", "StartInstances", {}, allowed)
}

package zengate_test.rules.count

import data.zengate.rules.count as rule
import data.zengate_test.lib.requests

five := {"count": {"maximum": 5}}

test_up_to_the_maximum_passes_on_every_create if {
	every kind in requests.creates {
		rule.deny == set() with input as requests.create_of(kind, {"count": 5}, five)
		rule.deny == set() with input as requests.create_of(kind, {"count": 1}, five)
	}
}

test_one_more_is_refused_on_every_create if {
	every kind in requests.creates {
		answer := rule.deny with input as requests.create_of(kind, {"count": 6}, five)
		answer == {{
			"rule": "count",
			"message": "6 machines in one request are too many: at most 5 are allowed",
			"field": field(kind.service),
			"remedy": "Ask for at most 5 in one request, or split the order.",
			"asked": 6,
			"allowed": 5,
		}}
	}
}

test_a_maximum_of_zero_allows_nothing if {
	count(rule.deny) == 1 with input as requests.create({"count": 1}, {"count": {"maximum": 0}})
}

test_a_count_that_is_no_number_is_refused if {
	every wrong in [null, "1", [1]] {
		count(rule.deny) == 1 with input as requests.create({"count": wrong}, five)
	}
}

test_without_a_setting_every_count_passes if {
	every settings in [{}, {"count": {}}, {"count": null}, {"count": {"maximum": null}}] {
		rule.deny == set() with input as requests.create({"count": 100}, settings)
	}
}

test_a_wrong_setting_refuses if {
	every wrong in ["5", -1, 2.5, [5], true, {}] {
		answer := rule.deny with input as requests.create({}, {"count": {"maximum": wrong}})
		"the setting `count.maximum` must be a whole number, 0 or more" in {violation.message | some violation in answer}
	}
}

test_a_misspelt_setting_refuses if {
	count(rule.deny) == 1 with input as requests.create({}, {"count": {"max": 5}})
}

test_changes_are_not_its_matter if {
	rule.deny == set() with input as requests.change("vm", "StartInstances", {}, five)
}

field("bmc") := "/amount"

field(service) := "/instanceCount" if service != "bmc"

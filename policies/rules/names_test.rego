package zengate_test.rules.names

import data.zengate.rules.names as rule
import data.zengate_test.lib.requests

names(settings) := {"names": settings}

told(asked) := requests.told(violations) if {
	violations := rule.deny with input as asked
}

web := names({"pattern": "^web-[0-9]{3}$"})

named(name, count) := told(requests.create({"name": name, "count": count}, web))

misfit(name) := {["/instanceName", sprintf("the name %s does not have the form that names must have", [name])]}

test_names_of_the_form_pass_on_every_create if {
	every kind in requests.creates {
		told(requests.create_of(kind, {"name": "web-001"}, web)) == set()
	}
}

test_others_are_refused_on_every_create if {
	every kind in requests.creates {
		told(requests.create_with(kind, {"instanceName": "db-1"}, {"name": "db-1"}, web)) == misfit("db-1")
	}
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.create({"name": "db-1"}, web)
	answer == {{
		"rule": "names",
		"message": "the name db-1 does not have the form that names must have",
		"field": "/instanceName",
		"remedy": "Give a name that matches ^web-[0-9]{3}$.",
		"asked": "db-1",
		"allowed": {"pattern": "^web-[0-9]{3}$"},
	}}
}

test_a_host_name_stands_for_the_name_of_bare_metal if {
	bmc := requests.creates[2]
	{field | some [field, _] in told(requests.create_with(bmc, {"hostname": "x"}, {"name": "x"}, web))} == {"/hostname"}
	{field | some [field, _] in told(requests.create_with(bmc, {"hostname": "x", "instanceName": "y"}, {"name": "y"}, web))} == {"/instanceName"}
	{field | some [field, _] in told(requests.create_with(bmc, {"hostname": ""}, {"name": null}, web))} == {"/instanceName"}
}

test_the_names_that_come_of_tokens_are_judged if {
	named("web-[1,3]", 5) == set()
	named("web-_[1,3]", 5) == set()
	named("web-[998,3]", 2) == set()
	named("web-[998,3]", 3) == misfit("web-1000")
	named("web-[,3]", 1) == set()
	named("web-[0,3]", 1) == set()
	named("web-[00007,3]", 1) == set()
	named("web-[1,]", 1) == misfit("web-000001")
	named("web-[,]", 2) == misfit("web-000000")
	named("web-[1,7]", 1) == misfit("web-[1,7]")
	named("web-[1,1][2,2]", 1) == set()
	named("db-[1,3]", 2) == misfit("db-001")
}

test_under_a_pattern_a_name_must_be_given if {
	named(null, 1) == {["/instanceName", "a request without a name is not allowed"]}
	told(requests.create({"name": null}, names({"required": true}))) == {["/instanceName", "a request without a name is not allowed"]}
	told(requests.create({"name": "x"}, names({"required": true}))) == set()
	told(requests.create({"name": null}, names({"required": false}))) == set()
}

test_renaming_is_judged_alike if {
	every service in ["bmc", "vm", "zec"] {
		told(requests.change(service, "ModifyInstancesAttribute", {"instanceName": "web-001"}, web)) == set()
		told(requests.change(service, "ModifyInstancesAttribute", {"instanceName": "db"}, web)) == misfit("db")
		every wrong in [{}, {"instanceName": null}, {"instanceName": ""}, {"instanceName": 1}] {
			told(requests.change(service, "ModifyInstancesAttribute", wrong, web)) == {["/instanceName", "a request without a name is not allowed"]}
		}
	}
	told(requests.change("vm", "ResetInstance", {"instanceName": "db"}, web)) == misfit("db")
	told(requests.change("vm", "ResetInstance", {}, web)) == set()
	told(requests.change("vm", "StartInstances", {}, web)) == set()
}

test_without_settings_everything_passes if {
	every settings in [{}, names(null), names({"pattern": null})] {
		told(requests.create({"name": null}, settings)) == set()
	}
}

test_wrong_settings_refuse if {
	every wrong in [{"pattern": "("}, {"pattern": 1}, {"required": "yes"}, {"regex": "x"}] {
		count(told(requests.create({}, names(wrong)))) == 1
	}
}

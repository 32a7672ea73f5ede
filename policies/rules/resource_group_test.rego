package zengate_test.rules.resource_group

import data.zengate.rules.resource_group
import data.zengate_test.lib.requests

group(settings) := {"resource_group": settings}

messages(asked) := found if {
	found := {violation.message | some violation in resource_group.deny} with input as asked
}

patches(asked) := found if {
	found := resource_group.patches with input as asked
}

path := "/resourceGroupId"

test_the_default_is_filled_in_on_every_create if {
	every kind in requests.creates {
		asked := requests.create_of(kind, {}, group({"default": "rg-1"}))
		patches(asked) == {{"rule": "resource_group", "op": "default", "path": path, "value": "rg-1"}}
		messages(asked) == set()
	}
}

test_the_path_is_the_one_of_the_view if {
	asked := requests.create({"resource_group_path": "/placement/group"}, group({"force": "rg-1"}))
	{patch.path | some patch in patches(asked)} == {"/placement/group"}
	answer := resource_group.deny with input as asked
	{violation.field | some violation in answer} == {"/placement/group"}
}

test_nothing_is_filled_in_where_there_is_no_field if {
	asked := requests.create({"resource_group_path": null}, group({"default": "rg-1", "allowed": ["rg-1"]}))
	patches(asked) == set()
	answer := resource_group.deny with input as asked
	{violation.field | some violation in answer} == {path}
}

test_an_allowed_group_passes_on_every_create if {
	every kind in requests.creates {
		messages(requests.create_of(kind, {"resource_group": "rg-2"}, group({"allowed": ["rg-1", "rg-2"]}))) == set()
	}
}

test_another_group_is_refused_on_every_create if {
	every kind in requests.creates {
		asked := requests.create_of(kind, {"resource_group": "rg-3"}, group({"allowed": ["rg-1", "rg-2"]}))
		answer := resource_group.deny with input as asked
		answer == {{
			"rule": "resource_group",
			"message": "resource group rg-3 is not allowed",
			"field": path,
			"remedy": "Choose one of the allowed groups: rg-1, rg-2.",
			"asked": "rg-3",
			"allowed": ["rg-1", "rg-2"],
		}}
	}
}

test_no_group_is_refused_while_a_list_is_set if {
	every view in [{"resource_group": null}, {"resource_group": ""}] {
		count(messages(requests.create(view, group({"allowed": ["rg-1"]})))) == 1
	}
	messages(requests.create({}, group({"allowed": ["rg-1"]}))) == {"a request without a resource group is not allowed"}
	count(messages(requests.create({}, group({"allowed": []})))) == 1
}

# What `amend` filled in is judged like what the caller wrote.
test_the_default_passes_the_list if {
	settings := group({"default": "rg-1", "allowed": ["rg-1", "rg-2"]})
	count(patches(requests.create({}, settings))) == 1
	messages(requests.create({"resource_group": "rg-1"}, settings)) == set()
}

test_force_fills_in_and_refuses_another if {
	every settings in [{"force": "rg-1"}, {"force": "rg-1", "on_replace": "deny"}, {"force": "rg-1", "default": "rg-2"}] {
		patches(requests.create({}, group(settings))) == {{
			"rule": "resource_group",
			"op": "default",
			"path": path,
			"value": "rg-1",
		}}
		messages(requests.create({"resource_group": "rg-1"}, group(settings))) == set()
		answer := resource_group.deny with input as requests.create({"resource_group": "rg-2"}, group(settings))
		answer == {{
			"rule": "resource_group",
			"message": "resource group rg-2 is not the one that must be used",
			"field": path,
			"remedy": "Leave the field out, or set it to rg-1.",
			"asked": "rg-2",
			"allowed": ["rg-1"],
		}}
	}
}

test_force_replaces_another_where_told_to if {
	every word in ["replace", "warn"] {
		settings := group({"force": "rg-1", "on_replace": word})
		patches(requests.create({"resource_group": "rg-2"}, settings)) == {{
			"rule": "resource_group",
			"op": "force",
			"path": path,
			"value": "rg-1",
		}}
		messages(requests.create({"resource_group": "rg-1"}, settings)) == set()

		# Were the patch not applied, the group would still be refused.
		count(messages(requests.create({"resource_group": "rg-2"}, settings))) == 1
	}
}

test_without_settings_every_group_passes if {
	every settings in [{}, {"resource_group": {}}, {"resource_group": null}, group({
		"default": null,
		"allowed": null,
		"force": null,
		"on_replace": null,
	})] {
		every view in [{}, {"resource_group": "rg-9"}] {
			messages(requests.create(view, settings)) == set()
			patches(requests.create(view, settings)) == set()
		}
	}
}

test_wrong_settings_refuse_and_patch_nothing if {
	every settings in [
		{"default": ""},
		{"default": " "},
		{"default": 1},
		{"default": ["rg-1"]},
		{"force": {"id": "rg-1"}},
		{"force": true},
		{"allowed": "rg-1"},
		{"allowed": {"rg-1": true}},
		{"allowed": [1]},
		{"on_replace": "ignore", "force": "rg-1"},
		{"on_replace": true, "force": "rg-1"},
		{"forced": "rg-1"},
		"rg-1",
		["rg-1"],
	] {
		asked := requests.create({"resource_group": "rg-1"}, group(settings))
		count(messages(asked)) == 1
		patches(asked) == set()
	}
}

test_a_default_that_is_not_allowed_is_a_mistake if {
	every name in ["default", "force"] {
		asked := requests.create({"resource_group": "rg-1"}, group({name: "rg-2", "allowed": ["rg-1"]}))
		messages(asked) == {sprintf("the setting `resource_group.%s` must be one of `resource_group.allowed`", [name])}
		patches(asked) == set()
	}
}

test_changes_are_not_its_matter if {
	asked := requests.change("vm", "StartInstances", {}, group({"force": "rg-1", "allowed": ["rg-1"]}))
	messages(asked) == set()
	patches(asked) == set()
}

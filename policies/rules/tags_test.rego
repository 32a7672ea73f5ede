package zengate_test.rules.tags

import data.zengate.rules.tags
import data.zengate_test.lib.requests

required := {"tags": {"required": {
	"owner": {},
	"env": ["prod", "test"],
	"cost": {"pattern": "^CC-[0-9]+$"},
}}}

good := {"owner": "jane", "env": "prod", "cost": "CC-12", "more": "x"}

only(requirement) := {"tags": {"required": {"k": requirement}}}

answer(asked) := found if {
	found := tags.deny with input as asked
}

messages(asked) := {violation.message | some violation in answer(asked)}

# Creates.

test_the_required_tags_pass_on_every_create_that_can_carry_them if {
	every kind in requests.creates {
		refused := count(answer(requests.create_of(kind, {"tags": good}, required))) > 0
		refused == kind.tags == false
	}
}

test_each_missing_tag_is_named if {
	messages(requests.create({}, required)) == {
		"the required tag owner is missing or blank",
		"the required tag env is missing or blank",
		"the required tag cost is missing or blank",
	}
}

test_a_version_without_tags_names_the_one_with_them if {
	answer(requests.create_of(requests.creates[4], {}, required)) == {{
		"rule": "tags",
		"message": "the tags cost, env, owner are required, and this version of zec CreateZecInstances cannot carry tags",
		"field": "/tags",
		"remedy": "Use version 2025-09-01 of this action, which can.",
		"asked": "2024-04-01",
	}}
}

test_an_action_without_tags_names_another_way if {
	some violation in answer(requests.create_of(requests.creates[6], {}, required))
	violation.remedy == "Use another action that can carry tags, or ask the platform team for an exemption."
}

test_an_action_without_tags_passes_when_none_is_required if {
	every settings in [{}, {"tags": {"required": {}}}, only(false)] {
		answer(requests.create_of(requests.creates[4], {}, settings)) == set()
	}
}

test_a_list_of_values if {
	answer(requests.create({"tags": {"k": "a"}}, only(["a", "b"]))) == set()
	answer(requests.create({"tags": {"k": "c"}}, only(["a", "b"]))) == {{
		"rule": "tags",
		"message": "the tag k has a value that is not allowed: c",
		"field": "/tags",
		"remedy": "Set the tag k to one of a, b.",
		"asked": "c",
		"allowed": ["a", "b"],
	}}
	count(answer(requests.create({"tags": {"k": "A"}}, only(["a", "b"])))) == 1
	count(answer(requests.create({"tags": {"k": "a"}}, only([])))) == 1
}

test_a_pattern if {
	answer(requests.create({"tags": {"k": "CC-1"}}, only({"pattern": "^CC-[0-9]+$"}))) == set()
	some wrong in answer(requests.create({"tags": {"k": "CC-"}}, only({"pattern": "^CC-[0-9]+$"})))
	wrong.remedy == "Set the tag k to a value that matches ^CC-[0-9]+$."
	wrong.allowed == {"pattern": "^CC-[0-9]+$"}
	count(answer(requests.create({}, only({"pattern": "^CC-[0-9]+$"})))) == 1
}

test_any_value_but_blank if {
	every requirement in [null, {}] {
		answer(requests.create({"tags": {"k": "x"}}, only(requirement))) == set()
		every blank in ["", " ", "\t\n"] {
			answer(requests.create({"tags": {"k": blank}}, only(requirement))) == {{
				"rule": "tags",
				"message": "the required tag k is missing or blank",
				"field": "/tags",
				"remedy": "Set the tag k to any value but a blank one.",
			}}
		}
	}
}

test_keys_are_compared_to_the_letter if {
	count(answer(requests.create({"tags": {"K": "x"}}, only({})))) == 1
}

test_false_lifts_a_key if {
	answer(requests.create({}, only(false))) == set()
}

test_the_field_is_where_the_tag_stands if {
	asked := object.union(requests.create({"tags": {"x": "1", "k": "c"}}, only(["a"])), {"request": {"tags": {"tags": [
		{"key": "x", "value": "1"},
		{"key": "k", "value": "c"},
	]}}})
	{violation.field | some violation in answer(asked)} == {"/tags/tags/1/value"}
}

test_without_settings_no_tag_is_required if {
	every settings in [{}, {"tags": {}}, {"tags": null}, {"tags": {"required": null}}, {"tags": {"required": {}}}] {
		answer(requests.create({}, settings)) == set()
		answer(requests.change("zrm", "ModifyResourceTags", {"odd": 1}, settings)) == set()
	}
}

test_wrong_settings_refuse if {
	every wrong in [
		["owner"],
		"owner",
		true,
		{"owner": true},
		{"owner": "jane"},
		{"owner": 1},
		{"owner": [1]},
		{"owner": {"pattern": 1}},
		{"owner": {"pattern": "("}},
		{"owner": {"pattern": "x", "values": []}},
		{"owner": {"patern": "x"}},
	] {
		every asked in [
			requests.create({"tags": {"owner": "x"}}, {"tags": {"required": wrong}}),
			requests.change("zrm", "ModifyResourceTags", {}, {"tags": {"required": wrong}}),
		] {
			messages(asked) == {"the setting `tags.required` must be an object of tag keys, each with null, false, a list of strings or a `pattern`"}
		}
	}
	count(answer(requests.create({}, {"tags": {"require": {}}}))) == 1
	count(answer(requests.create({}, {"tags": ["owner"]}))) == 1
}

# Changes.

change(name, request) := requests.change("zrm", name, request, required)

test_changes_that_keep_the_required_tags_pass if {
	every asked in [
		change("ModifyResourceTags", {"resourceUuid": "u", "replaceTags": [{"key": "env", "value": "test"}], "deleteTagKeys": ["more"]}),
		change("ModifyResourceTags", {"resourceUuid": "u", "replaceTags": null, "deleteTagKeys": null}),
		change("ModifyResourceTags", {}),
		change("ModifyResourceTags", {"replaceTags": [{"key": "more"}]}),
		change("TagBindResources", {"tag": {"key": "cost", "value": "CC-9"}, "resourceUuids": ["u"]}),
		change("TagUnbindResources", {"tag": {"key": "more", "value": "x"}, "resourceUuids": ["u"]}),
		change("DeleteTags", {"tags": [{"key": "more", "value": "x"}]}),
		change("DeleteTags", {"tags": null}),
		change("CreateTags", {"tags": [{"key": "env", "value": "anything"}]}),
		requests.change("vm", "StartInstances", {"deleteTagKeys": ["owner"]}, required),
	] {
		answer(asked) == set()
	}
}

test_a_required_tag_must_not_be_removed if {
	places := {name: fields |
		some name, request in {
			"ModifyResourceTags": {"deleteTagKeys": ["more", "owner"]},
			"TagUnbindResources": {"tag": {"key": "owner", "value": "x"}},
			"DeleteTags": {"tags": [{"key": "more"}, {"key": "owner", "value": "x"}]},
		}
		violations := answer(change(name, request))
		{violation.message | some violation in violations} == {"the tag owner is required and must not be removed"}
		fields := {violation.field | some violation in violations}
	}
	places == {
		"ModifyResourceTags": {"/deleteTagKeys/1"},
		"TagUnbindResources": {"/tag/key"},
		"DeleteTags": {"/tags/1/key"},
	}
}

test_the_refusal_of_a_removal_says_what_is_possible if {
	answer(change("ModifyResourceTags", {"deleteTagKeys": ["env"]})) == {{
		"rule": "tags",
		"message": "the tag env is required and must not be removed",
		"field": "/deleteTagKeys/0",
		"remedy": "Keep the tag, or give it another value: one of prod, test.",
		"asked": "env",
	}}
}

test_a_required_tag_must_not_be_blanked_or_spoilt if {
	every entry in [
		{"key": "owner", "value": ""},
		{"key": "owner", "value": null},
		{"key": "owner"},
		{"key": "env", "value": "dev"},
		{"key": "cost", "value": "x"},
	] {
		set_by_modify := answer(change("ModifyResourceTags", {"replaceTags": [{"key": "more", "value": "x"}, entry]}))
		{violation.field | some violation in set_by_modify} == {"/replaceTags/1/value"}
		set_by_bind := answer(change("TagBindResources", {"tag": entry}))
		{violation.field | some violation in set_by_bind} == {"/tag/value"}
	}
}

test_what_cannot_be_read_is_refused if {
	every asked in [
		change("ModifyResourceTags", {"deleteTagkeys": ["owner"]}),
		change("ModifyResourceTags", {"deleteTagKeys": "owner"}),
		change("ModifyResourceTags", {"deleteTagKeys": {"0": "owner"}}),
		change("ModifyResourceTags", {"deleteTagKeys": [["owner"]]}),
		change("ModifyResourceTags", {"replaceTags": {"key": "owner"}}),
		change("ModifyResourceTags", {"replaceTags": ["owner"]}),
		change("ModifyResourceTags", {"replaceTags": [{"Key": "owner", "value": ""}]}),
		change("ModifyResourceTags", {"replaceTags": [{"key": "owner", "value": 1}]}),
		change("ModifyResourceTags", {"replaceTags": [{"key": "owner", "value": "x", "Value": ""}]}),
		change("ModifyResourceTags", {"replaceTags": [{"value": "x"}]}),
		change("TagBindResources", {"tag": "owner"}),
		change("TagUnbindResources", {"tag": null}),
		change("TagUnbindResources", {"tags": [{"key": "owner"}]}),
		change("SomethingNew", {}),
		change("SomethingNew", {"tags": []}),
	] {
		{violation.rule | some violation in answer(asked)} == {"tags"}
		{violation.message | some violation in answer(asked)} == {sprintf("the change of tags by zrm %s could not be understood", [asked.action.name])}
	}
}

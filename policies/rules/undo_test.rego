package zengate_test.rules.undo

import data.zengate.rules.undo as rule
import data.zengate_test.lib.requests

told(asked) := requests.told(violations) if {
	violations := rule.deny with input as asked
}

settings := {
	"resource_group": {"default": "rg-1", "allowed": ["rg-1", "rg-2"]},
	"security_group": {"default": "sg-1", "allowed": ["sg-1", "sg-2"]},
}

forced := {"resource_group": {"force": "rg-1"}, "security_group": {"force": "sg-1"}}

moves := [
	["bmc", "ModifyInstancesResourceGroup"],
	["vm", "ModifyInstancesResourceGroup"],
	["vm", "ModifyDisksResourceGroup"],
	["zec", "ModifyInstancesResourceGroup"],
	["zec", "ModifyDisksResourceGroup"],
	["user", "AddResourceResourceGroup"],
]

test_machines_move_to_allowed_resource_groups_only if {
	every move in moves {
		told(requests.change(move[0], move[1], {"resourceGroupId": "rg-2"}, settings)) == set()
		told(requests.change(move[0], move[1], {"resourceGroupId": "rg-3"}, settings)) == {["/resourceGroupId", "resource group rg-3 is not allowed"]}
		told(requests.change(move[0], move[1], {"resourceGroupId": "rg-2"}, forced)) == {["/resourceGroupId", "resource group rg-2 is not allowed"]}
		told(requests.change(move[0], move[1], {"resourceGroupId": "rg-3"}, {})) == set()
		every wrong in [{}, {"resourceGroupId": null}, {"resourceGroupId": ""}, {"resourcegroupid": "rg-1"}] {
			count(told(requests.change(move[0], move[1], wrong, settings))) == 1
		}
	}
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.change("vm", "ModifyInstancesResourceGroup", {"resourceGroupId": "rg-3"}, settings)
	answer == {{
		"rule": "undo",
		"message": "resource group rg-3 is not allowed",
		"field": "/resourceGroupId",
		"remedy": "Choose one of the allowed groups: rg-1, rg-2.",
		"asked": "rg-3",
		"allowed": ["rg-1", "rg-2"],
	}}
}

test_security_groups_that_are_attached_must_be_allowed if {
	every change in [["vm", "AssociateSecurityGroupInstance"], ["zec", "AssignSecurityGroupVpc"]] {
		told(requests.change(change[0], change[1], {"securityGroupId": "sg-2"}, settings)) == set()
		told(requests.change(change[0], change[1], {"securityGroupId": "sg-3"}, settings)) == {["/securityGroupId", "security group sg-3 is not allowed"]}
		count(told(requests.change(change[0], change[1], {}, settings))) == 1
		count(told(requests.change(change[0], change[1], {"securityGroupId": "sg-2"}, forced))) == 1
	}
}

test_groups_in_any_other_change_are_judged if {
	told(requests.change("zec", "ModifyNetworkInterfaceAttribute", {"securityGroupId": "sg-2"}, settings)) == set()
	told(requests.change("zec", "ModifyNetworkInterfaceAttribute", {}, settings)) == set()
	count(told(requests.change("zec", "ModifyNetworkInterfaceAttribute", {"securityGroupId": "sg-3"}, settings))) == 1
	count(told(requests.change("vm", "CreateDisks", {"resourceGroupId": "rg-3"}, settings))) == 1
	told(requests.change("vm", "CreateDisks", {"resourceGroupId": ""}, settings)) == set()
}

test_the_organisations_security_group_stays_attached if {
	own := {["/securityGroupId", "the organisation's security group must stay attached"]}
	every group in ["sg-1", "sg-2"] {
		told(requests.change("vm", "UnAssociateSecurityGroupInstance", {"securityGroupId": group}, settings)) == own
	}
	told(requests.change("vm", "UnAssociateSecurityGroupInstance", {"securityGroupId": "sg-1"}, forced)) == own
	told(requests.change("vm", "UnAssociateSecurityGroupInstance", {}, settings)) == own
	told(requests.change("zec", "UnAssignSecurityGroupVpc", {"vpcId": "v"}, settings)) == own
	told(requests.change("vm", "UnAssociateSecurityGroupInstance", {"securityGroupId": "sg-3"}, settings)) == set()
	told(requests.change("vm", "UnAssociateSecurityGroupInstance", {"securityGroupId": "sg-1"}, {})) == set()
	lifted := object.union(settings, {"undo": {"detach": true}})
	told(requests.change("vm", "UnAssociateSecurityGroupInstance", {"securityGroupId": "sg-1"}, lifted)) == set()
}

test_the_organisations_groups_are_not_edited if {
	lifted := object.union(settings, {"undo": {"edit": true}})
	every change in [
		["vm", "AuthorizeSecurityGroupRule"],
		["vm", "AuthorizeSecurityGroupRules"],
		["vm", "ConfigureSecurityGroupRules"],
		["vm", "RevokeSecurityGroupRules"],
		["vm", "DeleteSecurityGroup"],
		["zec", "ConfigureSecurityGroupRules"],
		["zec", "DeleteSecurityGroup"],
	] {
		every request in [{"securityGroupId": "sg-1"}, {"securityGroupId": "sg-2"}, {}, {"securityGroupId": ""}, {"securityGroupId": ["sg-9"]}] {
			told(requests.change(change[0], change[1], request, settings)) == {["/securityGroupId", "the organisation's security group must not be changed or deleted"]}
			told(requests.change(change[0], change[1], request, lifted)) == set()
			told(requests.change(change[0], change[1], request, {})) == set()
		}
		told(requests.change(change[0], change[1], {"securityGroupId": "sg-3"}, settings)) == set()
	}
	every name in ["DeleteResourceGroup", "ModifyResourceGroup"] {
		told(requests.change("user", name, {"resourceGroupId": "rg-1"}, settings)) == {["/resourceGroupId", "the organisation's resource group must not be changed or deleted"]}
		told(requests.change("user", name, {"resourceGroupId": "rg-9"}, settings)) == set()
		told(requests.change("user", name, {"resourceGroupId": "rg-1"}, lifted)) == set()
		told(requests.change("user", name, {"resourceGroupId": "rg-1"}, {})) == set()
	}
}

test_creates_are_not_its_matter if {
	told(requests.create({"resource_group": "rg-9"}, settings)) == set()
}

test_wrong_settings_refuse if {
	every wrong in [{"undo": {"detach": "no"}}, {"undo": {"edits": true}}, {"resource_group": {"allowed": "rg-1"}}, {"security_group": []}] {
		count(told(requests.change("vm", "StartInstances", {}, wrong))) == 1
	}
}

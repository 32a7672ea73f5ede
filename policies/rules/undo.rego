# Changes that would undo what creates are made to carry: the resource group and the security group.
#
# They are judged by the settings of the rules `resource_group` and `security_group`: whatever a machine may not be
# created with, it may not be given later. Groups that those settings name are the organisation's own: they are not
# detached (`settings.undo.detach: true` lifts that), nor edited or deleted (`settings.undo.edit: true`).
package zengate.rules.undo

import data.zengate.lib.actions
import data.zengate.lib.fields
import data.zengate.lib.groups
import data.zengate.lib.settings

mistakes := settings.mistakes("undo", {"detach": "flag", "edit": "flag"}) | {mistake |
	some rule in object.keys(members)
	count(settings.mistakes(rule, groups.kinds)) > 0
	mistake := settings.violation("undo", rule, "is written wrongly")
}

deny contains mistake if some mistake in mistakes

# Any change that carries a group, and those whose purpose it is even if it seems to be missing.
deny contains violation if {
	judged
	some rule, member in members
	carries(rule, member)
	permitted[rule]
	group := fields.member(member)
	not group in permitted[rule]
	violation := {
		"rule": "undo",
		"message": sprintf("%s %v is not allowed", [nouns[rule], group]),
		"field": concat("", ["/", member]),
		"remedy": sprintf("Choose one of the allowed groups: %s.", [concat(", ", permitted[rule])]),
		"asked": group,
		"allowed": permitted[rule],
	}
}

deny contains violation if {
	judged
	actions.asked in detaching
	not input.settings.undo.detach == true
	touches_own
	violation := {
		"rule": "undo",
		"message": "the organisation's security group must stay attached",
		"field": "/securityGroupId",
		"remedy": "Leave it attached, or ask the platform team for an exemption.",
		"asked": security_group,
	}
}

deny contains violation if {
	judged
	actions.asked in editing
	not input.settings.undo.edit == true
	touches_own
	violation := {
		"rule": "undo",
		"message": "the organisation's security group must not be changed or deleted",
		"field": "/securityGroupId",
		"remedy": "Make a security group of your own, or ask the platform team for an exemption.",
		"asked": security_group,
	}
}

deny contains violation if {
	judged
	actions.asked in {"user DeleteResourceGroup", "user ModifyResourceGroup"}
	not input.settings.undo.edit == true
	count(own("resource_group")) > 0
	group := fields.member("resourceGroupId")
	not someone_elses("resource_group", group)
	violation := {
		"rule": "undo",
		"message": "the organisation's resource group must not be changed or deleted",
		"field": "/resourceGroupId",
		"remedy": "Leave it as it is, or ask the platform team for an exemption.",
		"asked": group,
	}
}

judged if {
	count(mistakes) == 0
	input.action.kind == "change"
}

members := {"resource_group": "resourceGroupId", "security_group": "securityGroupId"}

nouns := {"resource_group": "resource group", "security_group": "security group"}

carries(rule, _) if actions.asked in placing[rule]

carries(rule, member) if {
	not actions.asked in detaching
	not actions.asked in editing
	not actions.asked in {"user DeleteResourceGroup", "user ModifyResourceGroup"}
	not actions.asked in placing[rule]
	fields.holds(member)
}

# The groups that a machine may have, where the settings say so.
permitted[rule] := [input.settings[rule].force] if {
	some rule in object.keys(members)
	settings.given(rule, "force")
}

permitted[rule] := input.settings[rule].allowed if {
	some rule in object.keys(members)
	settings.given(rule, "allowed")
	not settings.given(rule, "force")
}

# The groups that the settings name.
own(rule) := {group |
	some name in ["allowed", "default", "force"]
	settings.given(rule, name)
	some group in listed(input.settings[rule][name])
}

listed(groups) := groups if is_array(groups)

listed(group) := [group] if is_string(group)

security_group := fields.member("securityGroupId")

# A request that does not say which group it means may mean the organisation's.
touches_own if {
	count(own("security_group")) > 0
	not someone_elses("security_group", security_group)
}

someone_elses(rule, group) if {
	is_string(group)
	group != ""
	not group in own(rule)
}

placing := {
	"resource_group": {
		"bmc ModifyInstancesResourceGroup",
		"user AddResourceResourceGroup",
		"vm ModifyDisksResourceGroup",
		"vm ModifyInstancesResourceGroup",
		"zec ModifyDisksResourceGroup",
		"zec ModifyInstancesResourceGroup",
	},
	"security_group": {
		"vm AssociateSecurityGroupInstance",
		"zec AssignSecurityGroupVpc",
	},
}

detaching := {"vm UnAssociateSecurityGroupInstance", "zec UnAssignSecurityGroupVpc"}

editing := {
	"vm AuthorizeSecurityGroupRule",
	"vm AuthorizeSecurityGroupRules",
	"vm ConfigureSecurityGroupRules",
	"vm DeleteSecurityGroup",
	"vm RevokeSecurityGroupRules",
	"zec ConfigureSecurityGroupRules",
	"zec DeleteSecurityGroup",
}

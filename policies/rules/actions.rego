# Which creates and changes pass at all; everything that is not listed is refused.
#
# `settings.actions.creates` and `settings.actions.changes` replace the lists below, `settings.actions.allow` adds to
# both. Left out on purpose are the changes that undo what a create was made to carry (other resource or security
# groups, `zrm TagUnbindResources`), that grow a machine (types, disks, bandwidth) or that put another system on it.
package zengate.rules.actions

import data.zengate.lib.actions
import data.zengate.lib.settings

default_creates := ["vm CreateInstances"]

default_changes := [
	"bmc ModifyInstancesAttribute",
	"bmc RebootInstances",
	"bmc ReleaseInstances",
	"bmc StartInstances",
	"bmc StopInstances",
	"bmc TerminateInstance",
	"vm ModifyInstancesAttribute",
	"vm RebootInstances",
	"vm ReleaseInstances",
	"vm ResetInstancesPassword",
	"vm StartInstances",
	"vm StopInstances",
	"vm TerminateInstance",
	"zec ModifyInstancesAttribute",
	"zec RebootInstances",
	"zec ReleaseInstances",
	"zec ResetInstancePassword",
	"zec StartInstances",
	"zec StopInstances",
	"zrm ModifyResourceTags",
]

mistakes := settings.mistakes("actions", {
	"allow": "actions",
	"changes": "actions",
	"creates": "actions",
})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	input.action.kind != "read"
	count(mistakes) == 0
	not listed
	violation := {
		"rule": "actions",
		"message": sprintf("the action %s is not among the actions that pass", [actions.asked]),
		"field": "action.name",
		"remedy": sprintf("Ask the platform team to list it in the setting `settings.actions.%s`.", [setting]),
		"asked": actions.asked,
	}
}

setting := "creates" if input.action.kind == "create"

setting := "changes" if input.action.kind != "create"

listed if {
	input.action.kind == "create"
	actions.listed(chosen("creates", default_creates))
}

listed if {
	input.action.kind == "change"
	actions.listed(chosen("changes", default_changes))
}

listed if {
	settings.given("actions", "allow")
	actions.listed(input.settings.actions.allow)
}

chosen(name, _) := input.settings.actions[name] if settings.given("actions", name)

chosen(name, fallback) := fallback if not settings.given("actions", name)

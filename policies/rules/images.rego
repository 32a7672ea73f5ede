# Allowed images, for new machines and for machines that are installed anew.
#
# `settings.images`: `allowed` (ids, with a `*` at the end for all that begin so) and `network_boot` (true: a boot script
# from the network may take the place of an image; false: never; not set: only while `allowed` is not set either).
package zengate.rules.images

import data.zengate.lib.changes
import data.zengate.lib.fields
import data.zengate.lib.patterns
import data.zengate.lib.settings

mistakes := settings.mistakes("images", {"allowed": "strings", "network_boot": "flag"})

deny contains mistake if some mistake in mistakes

deny contains violation if {
	judged
	settings.given("images", "allowed")
	chosen
	allowed := input.settings.images.allowed
	not patterns.any_covers(allowed, image)
	violation := {
		"rule": "images",
		"message": sprintf("%s is not allowed", [description]),
		"field": field,
		"remedy": sprintf("Choose one of the allowed images: %s.", [concat(", ", allowed)]),
		"asked": image,
		"allowed": allowed,
	}
}

deny contains violation if {
	judged
	boots
	not may_boot
	violation := {
		"rule": "images",
		"message": "installing from a boot script of the network is not allowed",
		"field": fields.network_boot,
		"remedy": "Leave the boot script out and choose an image.",
	}
}

judged if {
	count(mistakes) == 0
	input.action.kind == "create"
}

judged if {
	count(mistakes) == 0
	changes.carries("image")
}

# An image that is named is judged, boot script or not; none at all is only right beside a boot script.
chosen if is_string(image)

chosen if not boots

boots if input.create.network_boot == true

boots if {
	input.action.kind == "change"
	fields.holds("ipxeUrl")
}

may_boot if input.settings.images.network_boot == true

may_boot if {
	not settings.given("images", "network_boot")
	not settings.given("images", "allowed")
}

default image := null

image := input.create.image if input.action.kind == "create"

image := changes.value("image") if input.action.kind == "change"

field := fields.image if input.action.kind == "create"

field := changes.field("image") if input.action.kind == "change"

description := sprintf("image %s", [image]) if is_string(image)

description := "a request without an image" if not is_string(image)

package zengate_test.rules.images

import data.zengate.rules.images as rule
import data.zengate_test.lib.requests

images(settings) := {"images": settings}

told(asked) := requests.told(violations) if {
	violations := rule.deny with input as asked
}

bmc := requests.creates[2]

test_allowed_images_pass_on_every_create if {
	every kind in requests.creates {
		every allowed in [["img-1"], ["img-*"]] {
			told(requests.create_of(kind, {"image": "img-1"}, images({"allowed": allowed}))) == set()
		}
	}
}

test_others_are_refused_on_every_create if {
	every kind in requests.creates {
		told(requests.create_of(kind, {"image": "img-2"}, images({"allowed": ["img-1"]}))) == {["/imageId", "image img-2 is not allowed"]}
	}
}

test_a_missing_image_is_none_of_the_allowed if {
	told(requests.create({"image": null}, images({"allowed": ["*"]}))) == {["/imageId", "a request without an image is not allowed"]}
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.create({"image": "img-2"}, images({"allowed": ["img-1"]}))
	answer == {{
		"rule": "images",
		"message": "image img-2 is not allowed",
		"field": "/imageId",
		"remedy": "Choose one of the allowed images: img-1.",
		"asked": "img-2",
		"allowed": ["img-1"],
	}}
}

test_a_boot_script_does_not_go_around_the_list if {
	refused := {["/ipxeUrl", "installing from a boot script of the network is not allowed"]}
	every view in [{"image": null, "network_boot": true}, {"image": "img-1", "network_boot": true}] {
		told(requests.create_of(bmc, view, images({"allowed": ["img-1"]}))) == refused
		told(requests.create_of(bmc, view, images({"network_boot": false}))) == refused
		told(requests.create_of(bmc, view, images({"allowed": ["img-1"], "network_boot": true}))) == set()
		told(requests.create_of(bmc, view, images({}))) == set()
	}
}

test_a_boot_script_excuses_no_other_image if {
	booting := images({"allowed": ["img-1"], "network_boot": true})
	refused := {["/imageId", "image img-2 is not allowed"]}
	told(requests.create_of(bmc, {"image": "img-2", "network_boot": true}, booting)) == refused
	told(requests.change("bmc", "ReinstallInstance", {"ipxeUrl": {"set": true}, "imageId": "img-2"}, booting)) == refused
	unset := {"set": false, "length": 0}
	told(requests.change("bmc", "ReinstallInstance", {"ipxeUrl": unset, "imageId": "img-2"}, booting)) == refused
	told(requests.change("bmc", "ReinstallInstance", {"ipxeUrl": unset}, booting)) == {["/imageId", "a request without an image is not allowed"]}
	told(requests.change("bmc", "ReinstallInstance", {"ipxeUrl": unset, "imageId": "img-1"}, images({"network_boot": false}))) == set()
}

test_installing_anew_is_judged_alike if {
	every action in [["bmc", "ReinstallInstance"], ["vm", "ResetInstance"], ["zec", "ResetInstance"], ["zec", "ResetInstances"]] {
		settings := images({"allowed": ["img-1"]})
		told(requests.change(action[0], action[1], {"imageId": "img-1"}, settings)) == set()
		told(requests.change(action[0], action[1], {"imageId": "img-2"}, settings)) == {["/imageId", "image img-2 is not allowed"]}
		every wrong in [{}, {"imageId": null}, {"imageId": ""}, {"imageId": ["img-1"]}] {
			told(requests.change(action[0], action[1], wrong, settings)) == {["/imageId", "a request without an image is not allowed"]}
		}
	}
	every request in [{"ipxeUrl": "http://x"}, {"ipxeUrl": "http://x", "imageId": "img-1"}] {
		count(told(requests.change("bmc", "ReinstallInstance", request, images({"allowed": ["img-1"]})))) == 1
		told(requests.change("bmc", "ReinstallInstance", request, images({"network_boot": true}))) == set()
	}
}

test_other_changes_are_not_its_matter if {
	told(requests.change("vm", "StartInstances", {"imageId": "x"}, images({"allowed": []}))) == set()
}

test_without_settings_every_image_passes if {
	every settings in [{}, images(null), images({"allowed": null})] {
		told(requests.create({"image": null}, settings)) == set()
	}
}

test_wrong_settings_refuse if {
	every wrong in [{"allowed": "img-1"}, {"network_boot": "no"}, {"images": []}] {
		count(told(requests.create({}, images(wrong)))) == 1
	}
}

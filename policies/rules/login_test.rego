package zengate_test.rules.login

import data.zengate.rules.login as rule
import data.zengate_test.lib.requests

login(settings) := {"login": settings}

told(asked) := requests.told(violations) if {
	violations := rule.deny with input as asked
}

no_password := {["/password", "logging in with a password is not allowed"]}

test_passwords_on_every_create if {
	every kind in requests.creates {
		told(requests.create_of(kind, {"password": true}, login({"password": false}))) == no_password
		told(requests.create_of(kind, {"password": false}, login({"password": false}))) == set()
		told(requests.create_of(kind, {"password": true}, login({"password": true}))) == set()
	}
}

test_passwords_set_later if {
	fact := {"set": true, "length": 12}
	every change in [
		["vm", "ResetInstancesPassword", {}],
		["zec", "ResetInstancePassword", {"password": fact}],
		["bmc", "ResetInstanceIpmiPassword", {}],
		["vm", "ResetInstance", {"password": fact}],
		["bmc", "ReinstallInstance", {"password": fact}],
	] {
		told(requests.change(change[0], change[1], change[2], login({"password": false}))) == no_password
		told(requests.change(change[0], change[1], change[2], {})) == set()
	}
	told(requests.change("vm", "ResetInstance", {"password": null}, login({"password": false}))) == set()
	told(requests.change("vm", "ResetInstance", {"password": {"set": false, "length": 0}}, login({"password": false}))) == set()
	told(requests.change("vm", "ResetInstance", {"initScript": {"set": false, "length": 0}}, login({"script": false}))) == set()
	told(requests.change("vm", "ResetInstance", {}, login({"password": false}))) == set()
}

test_key_pairs if {
	every kind in requests.creates {
		told(requests.create_of(kind, {}, login({"key_pair": true}))) == {["/keyId", "a machine without a key pair is not allowed"]}
		told(requests.create_of(kind, {"key_pair": true}, login({"key_pair": true}))) == set()
		told(requests.create_of(kind, {}, login({"key_pair": false}))) == set()
	}
	told(requests.change("vm", "StartInstances", {}, login({"key_pair": true}))) == set()
}

test_scripts if {
	every kind in requests.creates {
		field := {"bmc": "/userData", "vm": "/initScript", "zec": "/userData"}[kind.service]
		told(requests.create_of(kind, {"script": true}, login({"script": false}))) == {[field, "a script that runs at the first start is not allowed"]}
		told(requests.create_of(kind, {"script": false}, login({"script": false}))) == set()
		told(requests.create_of(kind, {"script": true}, login({"script": true}))) == set()
	}
	every change in [["bmc", "ReinstallInstance", "userData"], ["vm", "ResetInstance", "initScript"], ["zec", "ResetInstances", "userData"]] {
		count(told(requests.change(change[0], change[1], {change[2]: {"set": true}}, login({"script": false})))) == 1
		told(requests.change(change[0], change[1], {change[2]: ""}, login({"script": false}))) == set()
	}
}

test_the_refusal_is_whole if {
	answer := rule.deny with input as requests.create({"password": true}, login({"password": false}))
	answer == {{
		"rule": "login",
		"message": "logging in with a password is not allowed",
		"field": "/password",
		"remedy": "Leave the password out and use a key pair.",
	}}
}

test_without_settings_everything_passes if {
	every settings in [{}, login(null), login({"password": null})] {
		told(requests.create({"password": true, "script": true}, settings)) == set()
	}
}

test_wrong_settings_refuse if {
	every wrong in [{"password": "no"}, {"key_pair": 1}, {"script": {}}, {"keys": true}] {
		count(told(requests.create({}, login(wrong)))) == 1
	}
}

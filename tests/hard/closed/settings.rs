//! What an operator may soften, and what stays hard all the same: each lenient setting is named in the log and on `/status`,
//! and creates and changes that have no choice are refused under it as under any other.

use serde_json::json;

use super::{Reads, Told, calls, cells, failed};
use crate::support::world::{KEY, Setup, organisation};
use crate::support::{World, stock_policies_in};

const FAULTY: &str = r#"package zengate.rules.faulty

deny contains violation if {
	input.request.instanceName == "fails"
	violation := {"rule": "faulty", "message": "m", "field": "", "remedy": "r", "surprise": 1}
}

deny contains violation if {
	input.request.instanceId == "fails"
	violation := {"rule": "faulty", "message": "m", "field": "", "remedy": "r", "surprise": 1}
}

deny contains violation if {
	input.request.instanceName == "forbidden"
	violation := {"rule": "faulty", "message": "it is forbidden", "field": "", "remedy": "r"}
}

deny contains violation if {
	input.request.instanceId == "forbidden"
	violation := {"rule": "faulty", "message": "it is forbidden", "field": "", "remedy": "r"}
}
"#;

/// One lenient setting: lines of the configuration, of the organisation's data, and its sentence.
struct Lenient {
    config: &'static str,
    organisation: &'static str,
    says: &'static str,
    /// Whether the rule `faulty` itself is softened.
    softened: bool,
}

const LENIENT: &[Lenient] = &[
    Lenient { config: "", organisation: "", says: "reads pass while the ledger is away", softened: false },
    Lenient {
        config: "[quota]\nstore = \"none\"\n",
        organisation: "",
        says: "nothing is counted: quota.store is \"none\"",
        softened: false,
    },
    Lenient {
        config: "[records]\nto = \"none\"\n",
        organisation: "",
        says: "no decision record is kept: records.to is \"none\"",
        softened: false,
    },
    Lenient {
        config: "[records]\nto = { file = \"records.jsonl\" }\nwhen_full = \"drop\"\n",
        organisation: "",
        says: "decisions go on without a record while records cannot be written: records.when_full is \"drop\"",
        softened: false,
    },
    Lenient {
        config: "",
        organisation: "",
        says: "whoever is on this machine may give orders: admin.tokens and admin.users are empty",
        softened: false,
    },
    Lenient {
        config: "",
        organisation: "rules:\n  faulty: {mode: warn}\n",
        says: "the rule faulty is not enforced: warn",
        softened: true,
    },
    Lenient {
        config: "",
        organisation: "rules:\n  faulty: {mode: shadow}\n",
        says: "the rule faulty is not enforced: shadow",
        softened: true,
    },
    Lenient {
        config: "",
        organisation: "rules:\n  faulty: {modes: {payments: shadow}}\n",
        says: "the rule faulty is not enforced for payments: shadow",
        softened: true,
    },
];

#[test]
fn what_is_lenient_is_said_and_what_has_no_choice_is_refused() {
    let policies = tempfile::TempDir::new().unwrap();
    stock_policies_in(policies.path());
    std::fs::write(policies.path().join("rules/faulty.rego"), FAULTY).unwrap();
    let tree = format!("directory = \"{}\"", policies.path().display());
    for Lenient { config, organisation: data, says, softened } in LENIENT {
        let config =
            format!("[policy]\ndata = [\"organisation.yaml\"]\npoll_interval = \"50ms\"\n{tree}\n{config}");
        let organisation = format!("{data}{}", organisation());
        let world = World::with(Setup { config, organisation, ..Setup::default() });
        let status = world.gateway.admin_page("/status").json();
        let said = status["fail_open"].as_array().unwrap();
        assert!(said.contains(&json!(says)), "{says}: {said:?}");
        let line = serde_json::to_string(says).unwrap();
        world.gateway.logged(line.trim_matches('"'));
        // A rule that fails refuses whatever its mode is, and nobody comes in without a key.
        cells(&world, "fails", failed("(bad_answer in rule `faulty`)"), Reads::Pass, |call| call);
        let signature = Told(401, "AUTHFAILURE_SIGNATURE_FAILURE", "does not match", "unauthenticated");
        cells(&world, "wrong-secret", signature, Reads::Same, |call| call.key(KEY, "wrong"));
        if *softened {
            assert_eq!(world.send(&calls("forbidden")[0]).status, 200, "{says}");
        } else {
            let denied = Told(403, "OPERATION_DENIED_POLICY_VIOLATION", "it is forbidden", "denied_policy");
            cells(&world, "forbidden", denied, Reads::Pass, |call| call);
        }
    }
}

#[test]
fn a_limit_without_a_store_refuses_rather_than_counts_nothing() {
    let limit = "  quota:\n    limits:\n      all: {resource: instances, per: [team], limit: 100}\n";
    let setup = Setup {
        config: "[quota]\nstore = \"none\"\n".to_owned(),
        organisation: organisation() + limit,
        ..Setup::default()
    };
    let world = World::with(setup);
    let answer = world.send(&calls("limited")[0]);
    answer.assert_refused(403, "OPERATION_DENIED_POLICY_ERROR");
    assert!(answer.message().contains("(quota_without_store)"), "{}", answer.message());
    assert_eq!(world.emulator.requests().len(), 0);
}

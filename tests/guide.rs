//! The guide for authors of policies: every example in `policies/README.md` loads beside the stock policies, passes its own tests,
//! and does what the guide says.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::client::EXAMPLE;
use crate::support::world::Setup;
use crate::support::{Call, World, stock_policies_in};

/// The examples with the file that the text before each names.
fn examples() -> Vec<(String, String)> {
    let guide = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/README.md")).unwrap();
    let mut parts = guide.split("```");
    let mut examples = Vec::new();
    let mut before = parts.next().unwrap_or_default();
    while let (Some(block), Some(after)) = (parts.next(), parts.next()) {
        let (language, text) = block.split_once('\n').unwrap();
        if matches!(language, "rego" | "yaml") {
            let named = before.split('`').rfind(|word| word.ends_with(".rego") || word.ends_with(".yaml"));
            examples.push((named.expect("a file is named").to_owned(), text.to_owned()));
        }
        before = after;
    }
    examples
}

/// The stock policies with all examples among them, and the example's data.
fn guided() -> (TempDir, PathBuf, String) {
    let at = TempDir::new().unwrap();
    let policies = at.path().join("policies");
    stock_policies_in(&policies);
    let mut organisation = String::new();
    for (name, text) in examples() {
        if name == "organisation.yaml" {
            organisation = text;
        } else {
            std::fs::write(policies.join(&name), text).unwrap();
        }
    }
    (at, policies, organisation)
}

fn run(program: &str, arguments: &[&str], at: &Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(at).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn every_example_loads_and_passes_its_tests() {
    let names: Vec<String> = examples().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    let (_at, policies, _) = guided();
    for rule in ["team_prefix", "large_types"] {
        run(env!("CARGO_BIN_EXE_zengate"), &["test", "--run", rule, "."], &policies);
    }
}

#[test]
fn the_examples_do_what_the_guide_says() {
    let (_at, policies, organisation) = guided();
    let config = format!("[policy]\ndirectory = {policies:?}\ndata = [\"organisation.yaml\"]\n");
    let world = World::with(Setup { config, organisation, ..Setup::default() });
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    body.as_object_mut().unwrap().remove("instanceChargeType");
    let answer = world.send(&Call::new("vm", "CreateInstances").json(&body));
    assert_eq!(answer.status, 200, "{}", answer.json());
    let added = answer.headers("x-zengate-added").join("\n");
    assert!(
        added.contains("/instanceChargeType=\"POSTPAID\"") || added.contains("/instanceChargeType=POSTPAID"),
        "{added}"
    );
    let record = world.gateway.record(answer.header("x-zengate-decision").unwrap());
    let shadowed: Vec<&Value> = record["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|found| found["rule"] == "team_prefix")
        .collect();
    assert_eq!(shadowed.len(), 1, "{record}");
    assert_eq!(shadowed[0]["effect"], "shadowed");
}

#[test]
#[ignore = "needs the real OPA: set ZENGATE_TEST_OPA to its path"]
fn opa_says_the_same_of_the_examples() {
    let opa = std::env::var("ZENGATE_TEST_OPA").expect("ZENGATE_TEST_OPA");
    let (_at, policies, _) = guided();
    run(&opa, &["check", "--strict", "-b", "."], &policies);
    run(&opa, &["test", "-b", "."], &policies);
    run(&opa, &["fmt", "--fail", "--list", "rules"], &policies);
}

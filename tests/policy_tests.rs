//! `zengate test` on the stock policies and on a corpus, beside the real OPA.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::client::EXAMPLE;
use crate::support::gateway::write;
use crate::support::world::Setup;
use crate::support::{Call, World, eventually, stock_policies_in};

fn test(arguments: &[&str], at: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zengate")).arg("test").args(arguments).current_dir(at).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Tests that end in every way, in one directory.
fn corpus() -> TempDir {
    let at = TempDir::new().unwrap();
    let put = |name: &str, content: &str| {
        let path = at.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write(&path, content);
    };
    put(
        "rules/zones.rego",
        "package zengate.rules.zones\n\nimport rego.v1\n\ndeny contains \"no\" if {\n\tinput.zone != data.home.zone\n}\n\n\
         warn contains \"far\" if {\n\tinput.far == true\n}\n",
    );
    put("home/data.json", "{\"zone\": \"SEL-A\"}");
    put(
        "rules/zones_test.rego",
        "package zengate_test.zones\n\nimport data.zengate.rules.zones\nimport rego.v1\n\n\
         test_home_passes if count(zones.deny) == 0 with input as {\"zone\": \"SEL-A\"}\n\n\
         test_abroad_is_denied if zones.deny == {\"no\"} with input as {\"zone\": \"FRA-A\"}\n\n\
         test_nobody_wrote_this if zones.deny == {\"maybe\"} with input as {\"zone\": \"FRA-A\"}\n\n\
         test_fails_inside if startswith(data.home.number, \"a\")\n\n\
         test_breaks if to_number(input.word) == 1 with input as {\"word\": \"one\"}\n\n\
         test_text := \"true\"\n\n\
         test_false := false\n\n\
         test_prints if {\n\tprint(\"seen\", data.home.zone)\n\tdata.home.zone == \"SEL-A\"\n}\n\n\
         todo_test_later if false\n",
    );
    at
}

#[test]
fn the_stock_policies_pass_their_own_tests() {
    let at = TempDir::new().unwrap();
    let run = test(&["--threshold", "90", "--coverage"], at.path());
    let said = text(&run.stdout);
    assert_eq!(run.status.code(), Some(0), "{said}{}", text(&run.stderr));
    assert!(said.starts_with("PASS: ") && said.contains("coverage: "), "{said}");
    stock_policies_in(&at.path().join("policies"));
    let copied = test(&["policies", "--run", "zones"], at.path());
    assert_eq!(copied.status.code(), Some(0));
    assert!(text(&copied.stdout).len() < said.len());
}

#[test]
fn every_end_has_its_word_and_undefined_is_a_failure() {
    let at = corpus();
    let run = test(&[".", "--verbose"], at.path());
    assert_eq!(run.status.code(), Some(1));
    let said = text(&run.stdout);
    for part in [
        "rules/zones_test.rego:6: zengate_test.zones.test_home_passes: PASS",
        "zengate_test.zones.test_nobody_wrote_this: FAIL",
        "zengate_test.zones.test_text: FAIL",
        "zengate_test.zones.test_breaks: ERROR",
        "zengate_test.zones.todo_test_later: SKIPPED",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    let quiet = text(&test(&["."], at.path()).stdout);
    assert!(!quiet.contains("test_home_passes"), "{quiet}");
    let covered = text(&test(&[".", "--coverage"], at.path()).stdout);
    assert!(covered.contains("rules/zones.rego: no test reaches line 9"), "{covered}");
    let json: Value = serde_json::from_slice(&test(&[".", "--output", "json"], at.path()).stdout).unwrap();
    assert_eq!(json["results"][0]["outcome"], "pass");
    let low = test(&[".", "--run", "home_passes", "--threshold", "100"], at.path());
    assert_eq!(low.status.code(), Some(1), "the coverage is below the threshold");
    assert_eq!(test(&[".", "--run", "nothing"], at.path()).status.code(), Some(2));
    assert_eq!(test(&["nowhere"], at.path()).status.code(), Some(2));
}

#[test]
#[ignore = "needs the real OPA; .ci/run installs it and names it in ZENGATE_TEST_OPA"]
fn the_real_opa_says_the_same_of_each_test() {
    let opa = std::env::var("ZENGATE_TEST_OPA").expect("ZENGATE_TEST_OPA names the real OPA");
    let corpus = corpus();
    let stock = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    for (at, bundle) in [(corpus.path(), "."), (stock.as_path(), ".")] {
        let run = Command::new(&opa)
            .args(["test", "--bundle", "--format", "json", bundle])
            .current_dir(at)
            .output()
            .unwrap();
        let theirs: Value = serde_json::from_slice(&run.stdout).unwrap();
        let mut theirs: Vec<(String, bool)> = theirs
            .as_array()
            .unwrap()
            .iter()
            .filter(|result| result["skip"] != true)
            .map(|result| {
                let name = format!(
                    "{}.{}",
                    result["package"].as_str().unwrap().trim_start_matches("data."),
                    result["name"].as_str().unwrap()
                );
                (name, result["fail"] != true && result["error"].is_null())
            })
            .collect();
        let ours: Value = serde_json::from_slice(&test(&[".", "--output", "json"], at).stdout).unwrap();
        let mut ours: Vec<(String, bool)> = ours["results"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|result| result["outcome"] != "skipped")
            .map(|result| {
                let name =
                    format!("{}.{}", result["package"].as_str().unwrap(), result["name"].as_str().unwrap());
                (name, result["outcome"] == "pass")
            })
            .collect();
        theirs.sort();
        ours.sort();
        assert!(theirs.len() > 5);
        assert_eq!(ours, theirs);
    }
}

#[test]
#[ignore = "needs the real OPA; .ci/run installs it and names it in ZENGATE_TEST_OPA"]
fn what_opa_builds_serves_unchanged_and_a_torn_one_keeps_the_old() {
    let opa = std::env::var("ZENGATE_TEST_OPA").expect("ZENGATE_TEST_OPA names the real OPA");
    let at = TempDir::new().unwrap();
    stock_policies_in(&at.path().join("policies"));
    let build = |name: &str| {
        let run = Command::new(&opa)
            .args(["build", "--bundle", "policies", "--output", name])
            .current_dir(at.path())
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", text(&run.stderr));
        at.path().join(name)
    };
    let bundle = build("bundle.tar.gz");
    assert_eq!(test(&["bundle.tar.gz"], at.path()).status.code(), Some(0), "its tests run from the bundle");
    let config = format!(
        "[policy]\nbundle = \"{}\"\ndata = [\"organisation.yaml\"]\npoll_interval = \"50ms\"\n",
        bundle.display()
    );
    let world = World::with(Setup { config, ..Setup::default() });
    assert_eq!(world.send(&Call::example()).instance_ids().len(), 1);
    let mut abroad: Value = serde_json::from_str(EXAMPLE).unwrap();
    abroad["zoneId"] = "FRA-A".into();
    let abroad = Call::new("vm", "CreateInstances").json(&abroad);
    assert_eq!(world.send(&abroad).status, 403);
    let revision = |world: &World| world.gateway.admin_page("/status").json()["policy"]["revision"].clone();
    let before = revision(&world);
    // Half a bundle is no bundle: the one in force stays.
    let whole = std::fs::read(&bundle).unwrap();
    std::fs::write(&bundle, &whole[..whole.len() / 2]).unwrap();
    world.gateway.logged("the new policy set is refused");
    assert_eq!(revision(&world), before);
    assert_eq!(world.send(&abroad).status, 403);
    // A new one takes its place.
    let rule = at.path().join("policies/rules/zones.rego");
    let changed = std::fs::read_to_string(&rule).unwrap() + "\n# changed\n";
    std::fs::write(&rule, changed).unwrap();
    std::fs::rename(build("next.tar.gz"), &bundle).unwrap();
    eventually("the new bundle is in force", || (revision(&world) != before).then_some(()));
    assert_eq!(world.send(&abroad).status, 403);
}

//! The real OPA beside the gateway's two machines: the same calls, the same rules and data, whole answers compared.
//!
//! Four evaluators answer: the real OPA through `main.rego`, the engine's interpreter through `main.rego`, the engine's
//! bytecode machine rule by rule, and the gateway's judge, which runs its own entry modules on whatever machine each set of
//! rules got and merges the answers in Rust. Beside the two entry points everything that the rule packages define is
//! compared, helpers too.
//!
//! The data sets are the shipped organisation data and `tests/opa/*.yaml`; the calls are made of the field tables and of
//! the words that rules and settings hold, so a new rule needs no code here, only a setting in `everything.yaml`.

mod generate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use zengate::policy::{Judge, Limits, Overlays, PolicySet, Source};

use generate::Generator;

/// How many calls all data sets get together, unless `ZENGATE_TEST_OPA_CASES` says otherwise.
const CASES: usize = 5_000;
/// How many differences are shown of one data set.
const SHOWN: usize = 3;

/// All calls in one query: one start of OPA and one compilation for thousands of them.
const QUERY: &str = r#"[answer | some call in input; answer := {
    "amend": data.zengate.amend,
    "decide": data.zengate.decide,
    "rules": data.zengate.rules,
} with input as call]"#;

#[test]
#[ignore = "needs the real OPA; .ci/run installs it and names it in ZENGATE_TEST_OPA"]
fn the_real_opa_and_the_gateway_give_the_same_answers() {
    let opa = std::env::var("ZENGATE_TEST_OPA").expect("ZENGATE_TEST_OPA names the opa binary");
    let cases = std::env::var("ZENGATE_TEST_OPA_CASES")
        .map_or(CASES, |text| text.parse().expect("ZENGATE_TEST_OPA_CASES is a number"));
    let sets = data_sets();
    let mut wrong = Vec::new();
    for (number, (name, organisation)) in sets.iter().enumerate() {
        let seed = 0x5eed ^ u64::try_from(number).unwrap();
        let found = compare(&opa, name, organisation.as_deref(), cases.div_ceil(sets.len()), seed);
        wrong.extend(found);
    }
    assert!(wrong.is_empty(), "{} data sets differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The data sets by name; none for the data as shipped.
fn data_sets() -> Vec<(String, Option<PathBuf>)> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/opa"));
    let mut found: Vec<(String, Option<PathBuf>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), Some(path)))
        .collect();
    found.push(("shipped".to_owned(), None));
    found.sort();
    found
}

#[expect(clippy::print_stdout, reason = "what the run covered belongs beside its outcome")]
fn compare(opa: &str, name: &str, organisation: Option<&Path>, cases: usize, seed: u64) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("policies");
    crate::support::stock_policies_in(&tree);
    if let Some(organisation) = organisation {
        std::fs::copy(organisation, tree.join("organisation/data.yaml")).unwrap();
    }
    let source = Source::Directory(tree.clone());
    let read = source.read(&Overlays::default()).unwrap();
    let set =
        PolicySet::load(&source, &Overlays::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
    if name == "everything" {
        for rule in set.rules() {
            let settings = set.organisation().settings("").as_object().unwrap();
            assert!(settings.contains_key(rule), "tests/opa/everything.yaml: turn the rule `{rule}` on");
        }
    }
    let rego: Vec<String> = read.modules.iter().map(|module| module.text.clone()).collect();
    let rules: Vec<String> = set.rules().map(str::to_owned).collect();
    let mut generator = Generator::new(&set, &rego, seed);
    let inputs: Vec<_> = (0..cases).map(|_| generator.input()).collect();
    let refused = generator.refused;
    let documents: Vec<Value> = inputs.iter().map(|input| serde_json::to_value(input).unwrap()).collect();

    let theirs = real_opa(opa, &tree, folder.path(), &documents);
    assert_eq!(theirs.len(), documents.len());
    let mut engine = interpreter(&read);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(set.fallbacks(), [], "{name}");
    let patient = Duration::from_secs(30);
    let judge =
        Judge::start(set, Limits { evaluation: patient, deadline: patient, ..Limits::default() }).unwrap();
    let (mut different, mut denied, mut patched, mut shown) = (0, 0, 0, String::new());
    let mut by_rule: BTreeMap<String, usize> = BTreeMap::new();
    for ((input, document), theirs) in inputs.iter().zip(&documents).zip(&theirs) {
        let interpreted = interpret(&mut engine, document);
        let judged = runtime.block_on(ask(&judge, input));
        let deny = theirs["decide"]["deny"].as_array().map_or(&[][..], Vec::as_slice);
        denied += usize::from(!deny.is_empty());
        for rule in deny.iter().filter_map(|violation| violation["rule"].as_str()).collect::<BTreeSet<_>>() {
            *by_rule.entry(rule.to_owned()).or_default() += 1;
        }
        patched += usize::from(theirs["amend"]["patches"].as_array().is_some_and(|all| !all.is_empty()));
        let mut places = differences(theirs, &interpreted);
        for entry in ["amend", "decide"] {
            let theirs = without_nulls(&sorted(&theirs[entry]));
            if !same(&theirs, &judged[entry]) {
                places.push(format!("{entry}\n  OPA:   {theirs}\n  judge: {}", judged[entry]));
            }
        }
        if !places.is_empty() {
            different += 1;
            if different <= SHOWN {
                shown += &format!("\ninput: {document}\n{}\n", places.join("\n"));
            }
        }
    }
    let stats = judge.stats();
    // what the plan leaves to the interpreter proves nothing about it
    assert_eq!((stats.elsewhere, stats.unplanned, stats.differed), (0, 0, 0), "{name}: {stats:?}");
    println!(
        "{name}: {cases} calls ({refused} more refused unread), {denied} denied, {patched} patched, {different} different, \
         {} answers of the plan, {} compared on the way",
        stats.planned, stats.compared
    );
    if name == "everything" {
        // a generator that reaches no rule proves nothing
        for rule in &rules {
            let denied = by_rule.get(rule).copied().unwrap_or_default();
            assert!(denied > 0 && denied < cases, "{rule} denied {denied} of {cases} calls");
        }
    }
    (different > 0).then(|| format!("{name}: {different} of {cases} calls differ{shown}"))
}

/// One process answers all.
fn real_opa(opa: &str, tree: &Path, folder: &Path, documents: &[Value]) -> Vec<Value> {
    let file = folder.join("input.json");
    std::fs::write(&file, serde_json::to_vec(documents).unwrap()).unwrap();
    let run = Command::new(opa)
        .args(["eval", "--strict-builtin-errors", "--format", "json", "--bundle"])
        .arg(tree)
        .arg("--input")
        .arg(&file)
        .arg(QUERY)
        .output()
        .unwrap_or_else(|error| panic!("{opa} does not start: {error}"));
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "OPA failed: {said}\n{}", String::from_utf8_lossy(&run.stderr));
    let answer: Value = serde_json::from_str(&said).unwrap();
    answer["result"][0]["expressions"][0]["value"].as_array().expect("a list of answers").clone()
}

fn interpreter(tree: &zengate::policy::source::Tree) -> regorus::Engine {
    let mut engine = regorus::Engine::new();
    for module in &tree.modules {
        engine.add_policy(module.path.clone(), module.text.clone()).unwrap();
    }
    engine.add_data(regorus::Value::from_json_str(&tree.data.to_string()).unwrap()).unwrap();
    engine
}

fn interpret(engine: &mut regorus::Engine, document: &Value) -> Value {
    engine.set_input(regorus::Value::from_json_str(&document.to_string()).unwrap());
    let mut ask = |path: &str| match engine.eval_query(path.to_owned(), false) {
        Ok(results) => results.result.first().and_then(|result| result.expressions.first()).map_or(
            Value::Null,
            |expression| {
                serde_json::from_str(&expression.value.to_json_str().unwrap()).unwrap_or(Value::Null)
            },
        ),
        Err(error) => json!({ "error": error.to_string() }),
    };
    json!({
        "amend": ask("data.zengate.amend"),
        "decide": ask("data.zengate.decide"),
        "rules": ask("data.zengate.rules"),
    })
}

/// The judge's answer in the form of `main.rego`, failures with their reason.
async fn ask(judge: &Judge, input: &zengate::policy::input::Input) -> Value {
    let mut sitting = judge.open();
    let amend = match input.create {
        Some(_) => sitting.amend(input).await.map(|patches| json!({ "patches": patches })),
        None => Ok(json!({ "patches": [] })),
    };
    let decide = sitting
        .decide(input)
        .await
        .map(|answer| json!({ "deny": answer.deny, "warn": answer.warn, "quota": answer.quota }));
    let plain = |answer: Result<Value, zengate::policy::PolicyFailure>| {
        answer.map_or_else(|failure| json!({ "failed": failure.to_string() }), |answer| sorted(&answer))
    };
    json!({ "amend": plain(amend), "decide": plain(decide) })
}

/// Sets as lists in one order.
fn sorted(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for (_, part) in answer.as_object_mut().into_iter().flatten() {
        if let Value::Array(items) = part {
            items.sort_by_cached_key(canonical);
        }
    }
    answer
}

/// The judge reads a violation's optional members as the contract has them: null is absent.
fn without_nulls(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for part in ["deny", "warn"] {
        for violation in answer.get_mut(part).and_then(Value::as_array_mut).into_iter().flatten() {
            for member in ["asked", "allowed", "link"] {
                if violation.get(member).is_some_and(Value::is_null) {
                    violation.as_object_mut().unwrap().shift_remove(member);
                }
            }
        }
    }
    sorted(&answer)
}

fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut members: Vec<String> =
                members.iter().map(|(key, inner)| format!("{key:?}:{}", canonical(inner))).collect();
            members.sort();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Number(number) => {
            number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string())
        }
        plain => plain.to_string(),
    }
}

fn same(one: &Value, other: &Value) -> bool {
    canonical(one) == canonical(other)
}

/// Where OPA and the interpreter differ: entry points, and members of rule packages.
fn differences(opa: &Value, interpreted: &Value) -> Vec<String> {
    let mut places = Vec::new();
    for entry in ["amend", "decide"] {
        let (theirs, ours) = (sorted(&opa[entry]), sorted(&interpreted[entry]));
        if !same(&theirs, &ours) {
            places.push(format!("{entry}\n  OPA:         {theirs}\n  interpreter: {ours}"));
        }
    }
    let empty = serde_json::Map::new();
    let packages = |side: &Value| side["rules"].as_object().unwrap_or(&empty).clone();
    let (theirs, ours) = (packages(opa), packages(interpreted));
    for package in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
        let members =
            |side: &serde_json::Map<String, Value>| side.get(package).and_then(Value::as_object).cloned();
        let (theirs, ours) = (members(&theirs).unwrap_or_default(), members(&ours).unwrap_or_default());
        for member in theirs.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
            let of = |side: &serde_json::Map<String, Value>| json!({ "it": side.get(member) });
            let (theirs, ours) = (sorted(&of(&theirs)), sorted(&of(&ours)));
            if !same(&theirs, &ours) {
                let place = format!("data.zengate.rules.{package}.{member}");
                places.push(format!("{place}\n  OPA:         {theirs}\n  interpreter: {ours}"));
            }
        }
    }
    places
}

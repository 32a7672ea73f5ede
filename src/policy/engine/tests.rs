mod deep;

use super::*;
use crate::api::Kind;
use crate::api::view::Create;
use crate::json::{Object, read_object};
use crate::policy::input::{ActionInput, ClientInput, PrincipalInput};
use crate::policy::source::{Overlays, Source};

/// Stands in for a bug of the engine: no rule is known that makes it panic.
pub(super) fn panic_if_asked(input: &Input) {
    assert_ne!(input.principal.key, "panic", "asked to panic");
}

const RULES: &str = r#"
package zengate.rules.zones

import rego.v1

patches contains {"rule": "zones", "op": "default", "path": "/zoneId", "value": input.settings.zones.usual}

deny contains {"rule": "zones", "message": sprintf("%v is not allowed", [input.create.zone]), "field": "/zoneId", "remedy": "use another"} if {
	not input.create.zone in input.settings.zones.allowed
}
"#;

const HOSTILE: &str = r#"
package zengate.rules.hostile

import rego.v1

deny contains {"rule": "hostile"} if input.create.name == "bad-answer"

deny contains 1 if { input.create.name == "error"; startswith(input.create.count, "x") }

deny contains 1 if { input.create.name == "conflict"; two > 5 }

two := 1

two := 2 if input.create.name == "conflict"

deny contains 1 if { input.create.name == "print"; print(input.request); false }

deny contains n if {
	input.create.name == "slow"
	some a in numbers.range(1, 1000)
	some b in numbers.range(1, 1000)
	some c in numbers.range(1, 1000)
	n := a + b + c
	n < 0
}
"#;

const PLANNED_LOOP: &str = r#"
package zengate.rules.looping

import rego.v1

list := ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]

deny contains 1 if {
	input.create.name == "slow"
	some a in list; some b in list; some c in list; some d in list; some e in list
	some f in list; some g in list; some h in list; some i in list
	[a, b, c, d, e, f, g, h, i] == []
}
"#;

fn set(rules: &[&str], organisation: &str) -> PolicySet {
    let mut files: std::collections::BTreeMap<String, String> =
        rules.iter().enumerate().map(|(n, text)| (format!("r{n}.rego"), (*text).to_owned())).collect();
    files.insert("organisation/data.yaml".into(), organisation.into());
    PolicySet::load(&Source::Files(files), &Overlays::default()).unwrap()
}

const ZONES: &str =
    "settings: {zones: {allowed: [SEL-A], usual: SEL-A}}\nteams: {t: {settings: {zones: {usual: HKG-A}}}}\n";

/// Generous where a test is not about it: test machines stall.
fn limits() -> Limits {
    Limits {
        threads: 2,
        queue: 8,
        evaluation: Duration::from_secs(20),
        deadline: Duration::from_secs(60),
        instructions: 5_000_000,
    }
}

fn input(set: &PolicySet, name: &str) -> Input {
    let mut create: Create = crate::policy::set::sample_create();
    create.name = Some(name.into());
    Input {
        action: ActionInput {
            service: "vm".into(),
            name: "CreateInstances".into(),
            version: "2023-03-13".into(),
            kind: Kind::Create,
        },
        principal: PrincipalInput {
            key: if name == "panic" { "panic" } else { "k" }.into(),
            team: "t".into(),
            labels: Default::default(),
            account: "a".into(),
        },
        request: Arc::new(read_object(br#"{"zoneId":"SEL-A"}"#).unwrap()),
        create: Some(create),
        targets: None,
        settings: Arc::clone(set.organisation().settings("t")),
        client: ClientInput { address: "192.0.2.7".into(), sdk: None, user_agent: None, certificate: None },
        now: "2026-01-01T00:00:00Z".into(),
    }
}

async fn decide(judge: &Judge, name: &str) -> Result<DecideAnswer, PolicyFailure> {
    let mut sitting = judge.open();
    let input = input(sitting.set(), name);
    sitting.decide(&input).await
}

#[tokio::test]
async fn rules_patch_and_deny() {
    let judge = Judge::start(set(&[RULES], ZONES), limits()).unwrap();
    assert_eq!(judge.current().fallbacks(), []);
    let mut sitting = judge.open();
    let mut input = input(sitting.set(), "web");
    let patches = sitting.amend(&input).await.unwrap();
    assert_eq!(patches[0].value.0, "HKG-A");
    input.create.as_mut().unwrap().zone = Some("SEL-A".into());
    assert_eq!(sitting.decide(&input).await.unwrap(), DecideAnswer::default());
    input.create.as_mut().unwrap().zone = Some("MOW-A".into());
    assert_eq!(sitting.decide(&input).await.unwrap().deny[0].message, "MOW-A is not allowed");
    // settings of the caller's own, as when something is tried out
    input.settings = Arc::new(serde_json::json!({"zones": {"allowed": ["MOW-A"]}}));
    assert_eq!(sitting.decide(&input).await.unwrap(), DecideAnswer::default());
}

const LEFT: &str = r#"
package zengate.rules.odd

import rego.v1

deny contains {"rule": "odd", "message": base64.encode(input.create.zone), "field": "/zoneId", "remedy": "r"} if {
	input.create.zone == "MOW-A"
}
"#;

#[tokio::test]
async fn what_is_left_to_the_interpreter_is_joined_with_what_is_planned() {
    let judge = Judge::start(set(&[RULES, LEFT], ZONES), limits()).unwrap();
    assert_eq!(judge.current().fallbacks().len(), 1);
    let mut sitting = judge.open();
    let mut input = input(sitting.set(), "web");
    input.create.as_mut().unwrap().zone = Some("MOW-A".into());
    let deny = sitting.decide(&input).await.unwrap().deny;
    let rules: Vec<&str> = deny.iter().map(|violation| violation.rule.as_str()).collect();
    assert_eq!(rules, ["odd", "zones"]);
    let stats = judge.stats();
    assert_eq!((stats.planned, stats.unplanned, stats.compared, stats.differed), (1, 1, 1, 0));
}

#[tokio::test]
async fn a_plan_that_answers_otherwise_is_found_out_and_not_asked_again() {
    let mut set = set(&[RULES], ZONES);
    for group in &mut set.compiled.groups {
        group.planned.deny.clear(); // as if the plan had forgotten the rule
    }
    let judge = Judge::start(set, Limits { threads: 1, ..limits() }).unwrap();
    let mut sitting = judge.open();
    let mut input = input(sitting.set(), "web");
    input.create.as_mut().unwrap().zone = Some("MOW-A".into());
    for asked in 1..=3 {
        assert_eq!(sitting.decide(&input).await.unwrap().deny.len(), 1, "the interpreter's answer counts");
        let stats = judge.stats();
        assert_eq!((stats.planned, stats.unplanned, stats.differed), (1, asked - 1, 1));
    }
    assert!(judge.current().fallbacks()[0].reason.contains("otherwise than the interpreter"));
}

#[tokio::test]
async fn every_way_to_fail_is_a_failure_that_names_its_rule() {
    let judge = Judge::start(set(&[HOSTILE], "{}"), limits()).unwrap();
    for (name, reason) in
        [("bad-answer", Reason::BadAnswer), ("error", Reason::Error), ("conflict", Reason::Conflict)]
    {
        let failure = decide(&judge, name).await.unwrap_err();
        assert_eq!((failure.reason, failure.rule.as_deref()), (reason, Some("hostile")), "{name}: {failure}");
    }
    assert_eq!(decide(&judge, "print").await.unwrap(), DecideAnswer::default());
    assert_eq!(judge.stats().prints, 1);
    assert_eq!(decide(&judge, "fine").await.unwrap(), DecideAnswer::default());
}

#[tokio::test]
async fn an_endless_comprehension_hits_the_time_limit_and_others_go_on() {
    let tight = Limits { evaluation: Duration::from_millis(50), threads: 1, ..limits() };
    let judge = Judge::start(set(&[HOSTILE], "{}"), tight).unwrap();
    assert_eq!(decide(&judge, "slow").await.unwrap_err().reason, Reason::TimeLimit);
    let judge = Judge::start(set(&[PLANNED_LOOP], "{}"), tight).unwrap();
    assert_eq!(judge.current().fallbacks(), []);
    assert_eq!(decide(&judge, "slow").await.unwrap_err().reason, Reason::TimeLimit);
    let few = Limits { instructions: 100_000, threads: 1, ..limits() };
    let judge = Judge::start(set(&[PLANNED_LOOP], "{}"), few).unwrap();
    assert_eq!(decide(&judge, "slow").await.unwrap_err().reason, Reason::InstructionLimit);
    assert_eq!(decide(&judge, "fine").await.unwrap(), DecideAnswer::default());
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let judge = Judge::start(set(&[RULES], ZONES), Limits { threads: 1, ..limits() }).unwrap();
    assert_eq!(decide(&judge, "panic").await.unwrap_err().reason, Reason::Panic);
    assert_eq!(decide(&judge, "fine").await.unwrap().deny.len(), 1);
    assert_eq!(judge.stats().panics, 1);
}

#[tokio::test]
async fn a_request_keeps_the_policies_it_began_with() {
    let judge = Judge::start(set(&[RULES], ZONES), limits()).unwrap();
    let mut early = judge.open();
    let mut asked = input(early.set(), "web");
    asked.create.as_mut().unwrap().zone = Some("SEL-A".into());
    let before = judge.swap(set(&[RULES], "settings: {zones: {allowed: [], usual: X}}"));
    assert_eq!(before.revision(), early.set().revision());
    assert_ne!(before.revision(), judge.current().revision());
    assert_eq!(early.decide(&asked).await.unwrap().deny.len(), 0);
    let mut late = judge.open();
    asked.settings = Arc::clone(late.set().organisation().settings("t"));
    assert_eq!(late.decide(&asked).await.unwrap().deny.len(), 1);
}

#[tokio::test]
async fn a_full_queue_sheds() {
    let none = Limits { queue: 0, ..limits() };
    let judge = Judge::start(set(&[RULES], ZONES), none).unwrap();
    assert_eq!(decide(&judge, "web").await.unwrap_err().reason, Reason::Busy);
    assert_eq!(judge.stats().busy, 1);
}

#[tokio::test]
async fn a_request_does_not_wait_past_its_deadline() {
    let hasty = Limits { deadline: Duration::from_millis(1), ..limits() };
    let judge = Judge::start(set(&[HOSTILE], "{}"), hasty).unwrap();
    assert_eq!(decide(&judge, "slow").await.unwrap_err().reason, Reason::TimeLimit);
}

#[tokio::test]
async fn no_thread_is_asked_where_no_rule_can_answer() {
    let judge = Judge::start(set(&[RULES], ZONES), Limits { queue: 0, ..limits() }).unwrap();
    let mut sitting = judge.open();
    let mut asked = input(sitting.set(), "web");
    asked.action.kind = Kind::Change;
    asked.request = Arc::new(Object::new());
    assert_eq!(sitting.amend(&asked).await.unwrap(), []);
}

#[tokio::test]
async fn answers_are_the_same_on_every_thread_while_policies_change() {
    let judge = Judge::start(set(&[RULES], ZONES), Limits { queue: 1000, ..limits() }).unwrap();
    let open = "settings: {zones: {allowed: [SEL-A, null], usual: SEL-A}}";
    let mut tasks = Vec::new();
    for round in 0..6 {
        for _ in 0..20 {
            let mut sitting = judge.open();
            tasks.push(tokio::spawn(async move {
                let mut asked = input(sitting.set(), "web");
                asked.create.as_mut().unwrap().zone = None;
                let allowed = asked.settings.pointer("/zones/allowed/1").is_some();
                (allowed, sitting.decide(&asked).await.unwrap().deny.is_empty())
            }));
        }
        judge.swap(set(&[RULES], if round % 2 == 0 { open } else { ZONES }));
    }
    for task in tasks {
        let (allowed, passed) = task.await.unwrap();
        assert_eq!(allowed, passed);
    }
}

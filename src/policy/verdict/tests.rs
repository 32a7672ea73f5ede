use super::*;
use crate::policy::answer::Claim;
use crate::policy::answer::Resource;
use crate::policy::{data, organisation};
use proptest::prelude::*;

fn read(yaml: &str) -> Organisation {
    let value = data::read("data.yaml", yaml).unwrap();
    let packages = ["count", "tags", "zones"].map(str::to_owned).into();
    let mut problems = Vec::new();
    let organisation = organisation::read(Some(&value), "data.yaml", &packages, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    organisation
}

fn violation(rule: &str) -> Violation {
    Violation {
        rule: rule.into(),
        message: "m".into(),
        field: "/zoneId".into(),
        remedy: "r".into(),
        asked: None,
        allowed: None,
        link: None,
    }
}

fn claim(rule: &str) -> Claim {
    Claim {
        rule: rule.into(),
        scope: "team/a".into(),
        resource: Resource::Instances,
        amount: 1,
        limit: Some(3),
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn one_rule_three_modes_three_outcomes() {
    let organisation = read("rules: {zones: {mode: enforce, modes: {b: warn, c: shadow}}}");
    let answer = DecideAnswer { deny: vec![violation("zones")], ..DecideAnswer::default() };
    let now = time("2026-06-01T00:00:00Z");
    let of = |team| judge(&organisation, team, now, answer.clone());
    assert_eq!((of("a").refused.len(), of("a").passes()), (1, false));
    assert_eq!((of("b").warned.len(), of("b").passes()), (1, true));
    assert_eq!((of("c").shadowed.len(), of("c").passes()), (1, true));
}

#[test]
fn an_exemption_holds_until_its_last_second() {
    let organisation = read(
        "exemptions:\n- {rule: zones, team: a, until: '2026-06-01T12:00:00Z', reason: r, ticket: T-1, owner: o}",
    );
    let answer = DecideAnswer { deny: vec![violation("zones")], ..DecideAnswer::default() };
    let before = judge(&organisation, "a", time("2026-06-01T11:59:59Z"), answer.clone());
    assert!(before.passes());
    assert_eq!(before.exempted[0].leave.as_ref().unwrap().ticket, "T-1");
    assert!(!judge(&organisation, "a", time("2026-06-01T12:00:01Z"), answer.clone()).passes());
    assert!(!judge(&organisation, "b", time("2026-06-01T11:59:59Z"), answer).passes());
}

#[test]
fn a_claim_is_booked_whatever_becomes_of_its_limit() {
    let organisation = read(
        "rules: {count: {mode: shadow}}\n\
         exemptions:\n- {rule: zones, team: a, until: 2027-01-01, reason: r, ticket: T-1, owner: o}",
    );
    let answer = DecideAnswer {
        quota: vec![claim("zones"), claim("count"), claim("tags")],
        ..DecideAnswer::default()
    };
    let verdict = judge(&organisation, "a", time("2026-06-01T00:00:00Z"), answer);
    let effects: Vec<_> = verdict
        .claims
        .iter()
        .map(|judged| (judged.limits[0].rule.as_str(), judged.limits[0].effect))
        .collect();
    assert_eq!(
        effects,
        [("zones", Effect::Exempted), ("count", Effect::Shadowed), ("tags", Effect::Refused)]
    );
}

#[derive(Clone, Copy, Debug)]
struct Case {
    overall: usize,
    own: Option<usize>,
    exempt_rule: usize,
    exempt_team: usize,
    days_left: i64,
    rule: usize,
    team: usize,
}

const RULES: [&str; 3] = ["count", "tags", "zones"];
const TEAMS: [&str; 3] = ["a", "b", "c"];
const MODES: [&str; 3] = ["enforce", "warn", "shadow"];

fn any_case() -> impl Strategy<Value = Case> {
    (0..3_usize, prop::option::of(0..3_usize), 0..3_usize, 0..3_usize, -3..3_i64, 0..3_usize, 0..3_usize)
        .prop_map(|(overall, own, exempt_rule, exempt_team, days_left, rule, team)| Case {
            overall,
            own,
            exempt_rule,
            exempt_team,
            days_left,
            rule,
            team,
        })
}

proptest! {
    /// Hard stays hard: no setting elsewhere softens `enforce`.
    #[test]
    fn enforce_without_a_matching_exemption_always_refuses(case in any_case()) {
        let now = time("2026-06-10T12:00:00Z");
        let until = now.checked_add(jiff::SignedDuration::from_hours(24 * case.days_left)).unwrap();
        let own = case.own.map_or(String::new(), |mode| format!(", modes: {{{}: {}}}", TEAMS[case.team], MODES[mode]));
        let organisation = read(&format!(
            "rules: {{{}: {{mode: {}{own}}}}}\nexemptions:\n- {{rule: {}, team: {}, until: '{until}', reason: r, ticket: t, owner: o}}",
            RULES[case.rule], MODES[case.overall], RULES[case.exempt_rule], TEAMS[case.exempt_team],
        ));
        let answer = DecideAnswer { deny: vec![violation(RULES[case.rule])], ..DecideAnswer::default() };
        let verdict = judge(&organisation, TEAMS[case.team], now, answer);
        let enforced = MODES[case.own.unwrap_or(case.overall)] == "enforce";
        let exempt = case.exempt_rule == case.rule && case.exempt_team == case.team && case.days_left > 0;
        prop_assert_eq!(verdict.passes(), !enforced || exempt);
        let found = verdict.refused.len() + verdict.warned.len() + verdict.shadowed.len() + verdict.exempted.len();
        prop_assert_eq!(found, 1);
    }
}

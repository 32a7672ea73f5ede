use super::*;
use crate::policy::answer::Resource;
use crate::policy::answer::{Claim, Temporary};
use crate::policy::{data, organisation};
use proptest::prelude::*;

fn read(yaml: &str) -> Organisation {
    let value = data::read("data.yaml", yaml).unwrap();
    let packages = ["count", "tags", "zones"].map(str::to_owned).into();
    let mut problems = Vec::new();
    let organisation = organisation::read(Some(value), "data.yaml", &packages, &mut problems);
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

fn judge(organisation: &Organisation, team: &str, now: Timestamp, answer: DecideAnswer) -> Verdict {
    super::judge(organisation, team, now, answer).unwrap()
}

fn claim(rule: &str) -> Claim {
    Claim {
        rule: rule.into(),
        scope: "team/a".into(),
        resource: Resource::Instances,
        amount: 1,
        limit: Some(3),
        name: None,
        mode: None,
        temporary: None,
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
    let [claim] = &verdict.claims[..] else { panic!("one count, whatever limits it: {:?}", verdict.claims) };
    let effects: Vec<_> = claim.limits.iter().map(|limit| (limit.rule.as_str(), limit.effect)).collect();
    assert_eq!(
        effects,
        [("count", Effect::Shadowed), ("tags", Effect::Refused), ("zones", Effect::Exempted)]
    );
}

#[test]
fn two_rules_that_count_differently_refuse() {
    let organisation = read("{}");
    let two = vec![claim("zones"), Claim { amount: 2, ..claim("count") }];
    let answer = DecideAnswer { quota: two, ..DecideAnswer::default() };
    let failure = super::judge(&organisation, "a", time("2026-06-01T00:00:00Z"), answer).unwrap_err();
    assert_eq!(failure.reason, Reason::Conflict);
}

#[test]
fn a_temporary_limit_ends_by_itself_and_a_softened_one_never_hardens() {
    let organisation = read("rules: {count: {modes: {b: shadow}}}");
    let limited = |until: &str, mode| Claim {
        temporary: Some(Temporary { limit: 9, until: until.to_owned(), reason: "r".to_owned() }),
        mode,
        ..claim("count")
    };
    let at = |team: &str, now: &str, claim: Claim| {
        let answer = DecideAnswer { quota: vec![claim], ..DecideAnswer::default() };
        super::judge(&organisation, team, time(now), answer)
            .map(|verdict| verdict.claims[0].limits[0].clone())
    };
    let day = || limited("2026-06-01", None);
    let held = at("a", "2026-06-01T23:59:59Z", day()).unwrap();
    assert_eq!((held.limit, held.otherwise, held.effect), (9, Some(3), Effect::Refused));
    let ended = at("a", "2026-06-02T00:00:00Z", day()).unwrap();
    assert_eq!((ended.limit, ended.otherwise, ended.temporary_until), (3, None, None));
    assert_eq!(at("a", "2026-06-01T00:00:00Z", limited("soon", None)).unwrap_err().reason, Reason::BadAnswer);
    for (team, mode, effect) in [
        ("a", Some(Softened::Warn), Effect::Warned),
        ("a", Some(Softened::Shadow), Effect::Shadowed),
        ("b", Some(Softened::Warn), Effect::Shadowed),
        ("b", None, Effect::Shadowed),
    ] {
        assert_eq!(at(team, "2026-06-01T00:00:00Z", limited("2026-06-02", mode)).unwrap().effect, effect);
    }
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

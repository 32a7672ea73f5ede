use super::*;
use crate::policy::data;
use crate::policy::problem::Problem;

fn organisation(yaml: &str) -> (Organisation, Vec<String>) {
    let value = data::read("data.yaml", yaml).unwrap();
    let packages = ["count", "tags", "zones"].map(str::to_owned).into();
    let mut problems = Vec::new();
    let organisation = read(Some(value), "data.yaml", &packages, &mut problems);
    (organisation, problems.iter().map(Problem::to_string).collect())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn settings_modes_and_teams_are_resolved() {
    let (organisation, problems) = organisation(
        "rules: {zones: {mode: warn, modes: {payments: enforce}, grants: [/zoneId]}}\n\
         settings: {zones: {allowed: [SEL-A], note: x}, count: {most: 5}}\n\
         teams: {payments: {settings: {zones: {allowed: [HKG-A]}}}, web: {}}\n",
    );
    assert_eq!(problems, [""; 0]);
    assert_eq!(
        **organisation.settings("payments"),
        serde_json::json!({"zones": {"allowed": ["HKG-A"], "note": "x"}, "count": {"most": 5}})
    );
    assert_eq!(organisation.settings("web"), organisation.settings("nobody"));
    assert_eq!(organisation.mode("zones", "payments"), Mode::Enforce);
    assert_eq!(organisation.mode("zones", "web"), Mode::Warn);
    assert_eq!(organisation.mode("tags", "web"), Mode::Enforce);
    assert_eq!(organisation.mode("unknown", "web"), Mode::Enforce);
    assert_eq!(organisation.grants("zones").len(), 1);
}

#[test]
fn teams_that_say_the_same_share_what_it_comes_to() {
    let (organisation, _) = organisation(
        "settings: {count: {most: 5}}\n\
         teams: {a: {settings: {count: {most: 7}}}, b: {settings: {count: {most: 7}}}, c: {settings: {count: null}}, d: {}}\n",
    );
    assert!(Arc::ptr_eq(organisation.settings("a"), organisation.settings("b")));
    assert_eq!(**organisation.settings("c"), serde_json::json!({"count": null}));
    let asked = std::cell::Cell::new(0);
    let most = |settings: &Value| {
        asked.set(asked.get() + 1);
        settings.pointer("/count/most").and_then(Value::as_i64)
    };
    let all: Vec<_> = organisation.each_team(most).collect();
    assert_eq!(all, [("a", Some(7)), ("b", Some(7)), ("c", None), ("d", Some(5))]);
    assert_eq!(asked.get(), 3);
}

#[test]
fn every_mistake_is_told_with_what_was_meant() {
    let (_, problems) = organisation(
        "rules: {zone: {mode: warn}, count: {moed: warn}, tags: {mode: wran, grants: []}, zones: {grants: [x], applies: {actions: [vm]}}}\n\
         teams: {payments: {}}\n\
         exemptions:\n\
         - {rule: zoness, team: paymants, until: 2026-02-30, reason: r, ticket: t, owner: ''}\n\
         - {rule: zones, team: payments, until: 2026-12-31, reason: r, ticket: t}\n",
    );
    let all = problems.join("\n");
    for expected in [
        "rules.zone: there is no rule `zone` (did you mean `zones`?)",
        "rules.count: unknown field `moed`",
        "(did you mean `mode`?)",
        "(did you mean `warn`?)",
        "rules.zones.grants: `x` is not a JSON Pointer",
        "rules.zones.applies.actions: `vm` is not",
        "exemptions[0]: there is no rule `zoness`",
        "(did you mean `payments`?)",
        "`owner` is empty",
        "`2026-02-30` is neither a date",
        "exemptions[1]: missing field `owner`",
    ] {
        assert!(all.contains(expected), "{expected} not in\n{all}");
    }
}

#[test]
fn a_bare_date_ends_with_its_day_and_a_time_at_its_instant() {
    let (organisation, problems) = organisation(
        "exemptions:\n\
         - {rule: zones, team: a, until: 2026-12-31, reason: r, ticket: t, owner: o}\n\
         - {rule: zones, team: b, until: '2026-12-31T12:00:00+01:00', reason: r, ticket: t, owner: o}\n",
    );
    assert_eq!(problems, [""; 0]);
    assert!(organisation.exemption("zones", "a", time("2026-12-31T23:59:59Z")).is_some());
    assert!(organisation.exemption("zones", "a", time("2027-01-01T00:00:00Z")).is_none());
    assert!(organisation.exemption("zones", "b", time("2026-12-31T10:59:59Z")).is_some());
    assert!(organisation.exemption("zones", "b", time("2026-12-31T11:00:00Z")).is_none());
    assert!(organisation.exemption("tags", "a", time("2026-01-01T00:00:00Z")).is_none());
}

//! The rules that stand above the rows.

use uuid::Uuid;

use super::*;
use crate::policy::answer::Plain;
use crate::policy::answer::Resource;

fn violation(rule: &str) -> Violation {
    Violation {
        rule: rule.into(),
        message: "the zone SAO-A is not allowed".into(),
        field: "/zoneId".into(),
        remedy: "choose one of the allowed zones".into(),
        asked: Some(Plain("SAO-A".into())),
        allowed: Some(Plain(serde_json::json!(["SEL-A", "HKG-A"]))),
        link: None,
    }
}

/// One of each; the match below fails to compile when a variant is added without a sample here.
fn samples() -> Vec<Refusal> {
    let exceeded = Exceeded {
        scope: "team/a".into(),
        resource: Resource::Instances,
        used: 1,
        held: 2,
        asked: 3,
        limit: 4,
    };
    let all = vec![
        Refusal::Method,
        Refusal::Path { services: "vm".into(), hint: String::new() },
        Refusal::Head(HeadTrouble::Query),
        Refusal::MediaType("x"),
        Refusal::Malformed { status: 431 },
        Refusal::LengthRequired,
        Refusal::Expectation,
        Refusal::HeadTooLarge { max_fields: 64, max_bytes: 16384 },
        Refusal::BodyTooLarge { limit: 1 },
        Refusal::BodyTimeout { limit: Duration::from_secs(15), rate: 1024 },
        Refusal::BodyCut,
        Refusal::UnknownAction { service: "vm".into(), action: "X".into(), hint: String::new() },
        Refusal::UnknownVersion { service: "vm", action: "X", version: "1".into(), known: "2".into() },
        Refusal::Authorization(AuthorizationTrouble::Missing),
        Refusal::Signature,
        Refusal::Skew { offset: 301, allowed: 300 },
        Refusal::Key(KeyTrouble::Disabled),
        Refusal::Json(crate::json::read_object(b"[]").unwrap_err()),
        Refusal::Fields(vec![Mistake {
            pointer: "/a".parse().unwrap(),
            code: MistakeCode::Type,
            message: "m".into(),
            remedy: "r".into(),
        }]),
        Refusal::Violations {
            violations: vec![violation("zones")],
            team: "a".into(),
            contact: None,
            fix: Vec::new(),
        },
        Refusal::PolicyFailed { reason: "undefined", rule: None },
        Refusal::Quota(vec![exceeded]),
        Refusal::RateLimited {
            what: "team",
            name: "a".into(),
            per_minute: NonZeroU32::MIN,
            burst: NonZeroU32::MIN,
            retry_after: 60,
        },
        Refusal::DryRun(Box::default()),
        Refusal::Repeated(Repeated::Unknown { first: Uuid::nil() }),
        Refusal::Repeated(Repeated::Answered { first: Uuid::nil(), ids: vec!["i-1".into()] }),
        Refusal::Repeated(Repeated::Twins),
        Refusal::Repeated(Repeated::Overtaken { by: Uuid::nil() }),
        Refusal::Repeated(Repeated::OtherOrder { first: Uuid::nil() }),
        Refusal::Busy,
        Refusal::TooManyAnswers { key: "ZGa".into(), most: 256 },
        Refusal::Draining,
        Refusal::LedgerAway,
        Refusal::KeysAway,
        Refusal::NoRecord,
        Refusal::Panic,
        Refusal::NotSent,
        Refusal::EdgeRefused { status: 403 },
        Refusal::OutcomeUnknown { what: "x", decision: "T1".into() },
        Refusal::ReadFailed { what: "x" },
        Refusal::Unreadable { status: 502 },
    ];
    for refusal in &all {
        // Exhaustive on purpose: whoever adds a variant adds a sample.
        match refusal {
            Refusal::Method
            | Refusal::Path { .. }
            | Refusal::Head(_)
            | Refusal::MediaType(_)
            | Refusal::Malformed { .. }
            | Refusal::LengthRequired
            | Refusal::Expectation
            | Refusal::HeadTooLarge { .. }
            | Refusal::BodyTooLarge { .. }
            | Refusal::BodyTimeout { .. }
            | Refusal::BodyCut
            | Refusal::UnknownAction { .. }
            | Refusal::UnknownVersion { .. }
            | Refusal::Authorization(_)
            | Refusal::Signature
            | Refusal::Skew { .. }
            | Refusal::Key(_)
            | Refusal::Json(_)
            | Refusal::Fields(_)
            | Refusal::Violations { .. }
            | Refusal::PolicyFailed { .. }
            | Refusal::Quota(_)
            | Refusal::RateLimited { .. }
            | Refusal::DryRun(_)
            | Refusal::Repeated(_)
            | Refusal::Busy
            | Refusal::TooManyAnswers { .. }
            | Refusal::Draining
            | Refusal::LedgerAway
            | Refusal::KeysAway
            | Refusal::NoRecord
            | Refusal::Panic
            | Refusal::NotSent
            | Refusal::EdgeRefused { .. }
            | Refusal::OutcomeUnknown { .. }
            | Refusal::ReadFailed { .. }
            | Refusal::Unreadable { .. } => {}
        }
    }
    all
}

#[test]
fn no_refusal_is_a_success_a_redirect_or_a_status_that_loses_the_message() {
    for refusal in samples() {
        let row = refusal.row();
        assert!((400..600).contains(&row.status) && row.status != 451, "{refusal:?}");
        assert!(!refusal.to_string().is_empty() && !row.code.is_empty());
        assert!(!refusal.to_string().contains('\n'), "SDKs print one line: {refusal}");
    }
}

#[test]
fn codes_that_make_clients_repeat_are_said_only_when_nothing_was_sent() {
    for refusal in samples() {
        let row = refusal.row();
        let nothing_sent = matches!(
            refusal,
            Refusal::RateLimited { .. }
                | Refusal::Busy
                // Of a read only.
                | Refusal::TooManyAnswers { .. }
                | Refusal::Draining
                | Refusal::LedgerAway
                | Refusal::KeysAway
                | Refusal::NoRecord
                | Refusal::NotSent
                | Refusal::EdgeRefused { .. }
        );
        let repeats = row.status == 429
            || ["REQUEST_LIMIT_EXCEEDED", "SERVICE_TEMPORARY_UNAVAILABLE", "INVALID_OPERATION_TIMEOUT"]
                .contains(&row.code);
        assert!(!repeats || nothing_sent, "{refusal:?}");
        assert!(refusal.retry_after().is_none() || nothing_sent, "{refusal:?}");
    }
}

#[test]
fn a_refusal_by_rules_names_all_of_them_with_what_to_do() {
    let refusal = Refusal::Violations {
        violations: vec![violation("zones"), violation("count")],
        team: "web".into(),
        contact: None,
        fix: Vec::new(),
    };
    assert_eq!(
        refusal.to_string(),
        "Refused by 2 rules for team `web`. [1] zones: the zone SAO-A is not allowed (field /zoneId; asked SAO-A; \
         allowed SEL-A, HKG-A). To do: choose one of the allowed zones [2] count: the zone SAO-A is not allowed \
         (field /zoneId; asked SAO-A; allowed SEL-A, HKG-A). To do: choose one of the allowed zones"
    );
}

use super::*;

const GOOD: &str = r#"{"requestId":"T1","response":{"requestId":"T1","instanceIdSet":["i-1","i-2"]}}"#;

fn create(status: u16, body: &str) -> Meaning {
    classify(&Facts { kind: Kind::Create, asked: 2, status, challenged: false, body: body.as_bytes() })
}

fn error(code: &str) -> String {
    format!(r#"{{"requestId":"T1","code":"{code}","message":"m"}}"#)
}

fn ran(ids: &[&str], missing: u32) -> Fate {
    Fate::Ran { ids: ids.iter().map(|id| (*id).into()).collect(), missing }
}

#[test]
fn answers_with_ids_count_what_they_name() {
    assert_eq!(create(200, GOOD).fate, ran(&["i-1", "i-2"], 0));
    assert_eq!(create(200, &GOOD.replace(r#","i-2""#, "")).fate, ran(&["i-1"], 1));
    assert_eq!(create(200, &GOOD.replace("i-2", "i-1")).fate, ran(&["i-1"], 1));
    assert_eq!(create(200, &GOOD.replace(r#""i-2""#, r#""i-2","i-3""#)).fate, ran(&["i-1", "i-2", "i-3"], 0));
}

#[test]
fn answers_without_usable_ids_are_unknown_and_never_passed_on() {
    for body in [
        "",
        "<html>",
        "{}",
        "[]",
        r#"{"requestId":"T1","response":null}"#,
        &error("X"),
        r#"{"requestId":"T1","response":{"instanceIdSet":[]}}"#,
        r#"{"requestId":"T1","response":{}}"#,
        r#"{"requestId":"T1","response":{"instanceIdSet":"i-1"}}"#,
        r#"{"requestId":"T1","response":{"instanceIdSet":[7,""]}}"#,
    ] {
        let meaning = create(200, body);
        assert_eq!(meaning.fate, Fate::Unknown, "{body}");
        assert!(matches!(meaning.delivery, Delivery::OutcomeUnknown(_)), "{body}");
    }
}

#[test]
fn answers_that_two_clients_read_differently_are_unknown_and_never_passed_on() {
    let fine = GOOD.replace(r#""response""#, r#""tags":[{"a":1}],"response""#);
    assert_eq!(create(200, &fine).delivery, Delivery::Verbatim);
    for body in [
        GOOD.replace(r#""response""#, r#""Response":null,"response""#),
        GOOD.replace(r#""instanceIdSet""#, r#""InstanceIdSet":["i-9"],"instanceIdSet""#),
        GOOD.replace(r#""instanceIdSet""#, r#""instanceIdSet":["i-9"],"instanceIdSet""#),
        GOOD.replace(r#""instanceIdSet""#, r#""in\u017ftanceIdSet":["i-9"],"instanceIdSet""#),
        GOOD.replace("}}", "}} {}"),
    ] {
        let meaning = create(200, &body);
        assert_eq!(meaning.fate, Fate::Unknown, "{body}");
        assert!(matches!(meaning.delivery, Delivery::OutcomeUnknown(_)), "{body}");
    }
    // Clients repeat the second code.
    for twin in ["Code", "code", "c\\u004fde"] {
        let error = format!(
            r#"{{"requestId":"T1","code":"INTERNAL_SERVER_ERROR","message":"m","{twin}":"SERVICE_TEMPORARY_UNAVAILABLE"}}"#
        );
        let meaning = create(500, &error);
        assert_eq!(meaning.fate, Fate::Unknown);
        assert!(matches!(meaning.delivery, Delivery::OutcomeUnknown(_)), "{error}");
        assert_eq!(create(400, &error).delivery, Delivery::Rewritten, "{error}");
    }
}

#[test]
fn a_read_is_answered_by_an_envelope_with_a_response() {
    for good in [GOOD, r#"{"response":{}}"#, r#"{"response":{"a":"\ud800"},"x":[]}"#] {
        assert!(answers_a_read(good.as_bytes()), "{good}");
    }
    for bad in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"response":null}"#,
        r#"{"response":[]}"#,
        &error("X"),
        "{\"response\":{}",
    ] {
        assert!(!answers_a_read(bad.as_bytes()), "{bad}");
    }
}

#[test]
fn only_certain_refusals_give_the_booking_back() {
    let not_run = [
        (400, "INVALID_PARAMETER_TYPE"),
        (401, "A"),
        (403, "B"),
        (404, "INVALID_ZONE_NOT_FOUND"),
        (429, "REQUEST_LIMIT_EXCEEDED"),
    ];
    for (status, code) in not_run {
        let meaning = create(status, &error(code));
        assert_eq!((meaning.fate, meaning.delivery), (Fate::NotRun, Delivery::Verbatim), "{status} {code}");
    }
    for (status, code) in
        [(408, "X"), (409, "X"), (500, "INTERNAL_SERVER_ERROR"), (502, "X"), (504, "REQUEST_TIMED_OUT")]
    {
        let meaning = create(status, &error(code));
        assert_eq!((meaning.fate, meaning.delivery), (Fate::Unknown, Delivery::Verbatim), "{status} {code}");
    }
    for code in ["SERVICE_TEMPORARY_UNAVAILABLE", "INVALID_OPERATION_TIMEOUT", "REQUEST_LIMIT_EXCEEDED"] {
        let meaning = create(503, &error(code));
        assert_eq!(meaning.fate, Fate::Unknown);
        assert!(matches!(meaning.delivery, Delivery::OutcomeUnknown(_)), "clients repeat {code}");
    }
}

#[test]
fn pages_that_are_no_envelope_are_never_passed_on() {
    for status in [408, 409, 500, 502, 503, 504, 201, 204, 301, 302, 101] {
        let meaning = create(status, "<html>busy</html>");
        assert_eq!(meaning.fate, Fate::Unknown, "{status}");
        assert!(matches!(meaning.delivery, Delivery::OutcomeUnknown(_)), "{status}");
    }
    for status in [400, 404, 413, 429] {
        let meaning = create(status, "<html>no</html>");
        assert_eq!((meaning.fate, meaning.delivery), (Fate::NotRun, Delivery::Rewritten), "{status}");
    }
    // Python breaks on an error without requestId.
    assert_eq!(create(404, r#"{"code":"X","message":"m"}"#).delivery, Delivery::Rewritten);
}

#[test]
fn the_edge_turning_away_is_not_a_run() {
    let challenged =
        classify(&Facts { kind: Kind::Create, asked: 1, status: 403, challenged: true, body: b"<html>" });
    assert_eq!((challenged.fate, challenged.delivery), (Fate::NotRun, Delivery::EdgeRefused));
    assert_eq!(create(451, "").delivery, Delivery::EdgeRefused);
}

#[test]
fn changes_need_a_response_but_no_ids() {
    let change = |body: &str| {
        classify(&Facts {
            kind: Kind::Change,
            asked: 0,
            status: 200,
            challenged: false,
            body: body.as_bytes(),
        })
    };
    assert_eq!(change(r#"{"requestId":"T1","response":{"requestId":"T1"}}"#).fate, ran(&[], 0));
    assert_eq!(change("{}").fate, Fate::Unknown);
}

#[test]
fn labels_come_from_a_closed_list() {
    assert!(KNOWN_CODES.is_sorted());
    assert_eq!(code_label(Some("INVALID_ZONE_NOT_FOUND")), "INVALID_ZONE_NOT_FOUND");
    assert_eq!(code_label(Some("whatever the other side says")), "other");
    assert_eq!(code_label(None), "none");
}

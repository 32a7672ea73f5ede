//! The cloud's answers: none breaks the reader, none that a client would repeat a create for reaches it while nobody knows
//! whether it ran, and ids are told apart.
#![no_main]
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use zengate::api::Kind;
use zengate::reply::{Delivery, Facts, Fate, classify, code_label};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    create: bool,
    asked: u8,
    status: u16,
    challenged: bool,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let kind = if input.create { Kind::Create } else { Kind::Change };
    let asked = u32::from(input.asked);
    let status = 100 + input.status % 900;
    let meaning = classify(&Facts { kind, asked, status, challenged: input.challenged, body: input.body });
    let _ = code_label(meaning.code.as_deref());
    if let Fate::Ran { ids, .. } = &meaning.fate {
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
        assert!((200..300).contains(&status), "{status}");
    }
    if meaning.fate == Fate::Unknown && matches!(meaning.delivery, Delivery::Verbatim | Delivery::Rewritten) {
        let repeated =
            ["REQUEST_LIMIT_EXCEEDED", "SERVICE_TEMPORARY_UNAVAILABLE", "INVALID_OPERATION_TIMEOUT"];
        assert!(!meaning.code.as_deref().is_some_and(|code| repeated.contains(&code)));
        assert!(status != 429 && status != 451);
    }
});

//! Patches: whatever rules ask for, what comes out is what the record says was changed, and nothing outside the grants.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use zengate::json::read_object;
use zengate::policy::PolicySet;
use zengate::policy::answer::Patch;
use zengate::policy::patch::{apply, replay};
use zengate::policy::source::{Overlays, Source};

static SET: LazyLock<PolicySet> =
    LazyLock::new(|| PolicySet::load(&Source::Embedded, &Overlays::default()).expect("the stock rules load"));

fuzz_target!(|bytes: &[u8]| {
    let Some(at) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let (document, patches) = bytes.split_at(at);
    let (Ok(document), Ok(patches)) = (read_object(document), serde_json::from_slice::<Vec<Patch>>(patches))
    else {
        return;
    };
    let Ok(amended) = apply(SET.organisation(), "team", patches, &document) else { return };
    let replayed = replay(&document, &amended.changes).expect("what was changed can be changed again");
    assert_eq!(replayed, amended.document);
    for change in &amended.changes {
        let granted = SET
            .organisation()
            .grants(&change.rule)
            .iter()
            .any(|grant| change.path.parse().is_ok_and(|path| grant.covers(&path)));
        assert!(granted, "{} changed {}", change.rule, change.path);
    }
});

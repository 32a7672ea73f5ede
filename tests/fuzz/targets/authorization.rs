//! The Authorization header: no text breaks the reader, and what it takes can only be one signature.
#![no_main]
use libfuzzer_sys::fuzz_target;
use zengate::sign::{Authorization, Signature};

fuzz_target!(|text: &str| {
    let _ = Authorization::parse(text);
    if let Some(signature) = Signature::from_hex(text) {
        assert_eq!(signature.to_hex(), text, "two spellings of one signature");
    }
});

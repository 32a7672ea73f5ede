//! Answers to reads are looked at, not read: 50 KB of which nothing is kept. A reader of JSON that makes values would take longer for
//! that than for all else that a read costs, and so does looking at every byte of a long one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::json::plain_run;

/// Bodies up to this length are looked at to their end, in bytes. What comes in place of what was asked for (an error, a page, nothing)
/// is short; an answer that is longer has been recognised by the beginning of its `response`.
const WHOLE: usize = 8 * 1024;

/// Whether the body of an answer to a read with status 200 is one that every SDK can take: without a `response` the Python SDK
/// breaks, and callers of the Go SDK read through a nil pointer. What is in it is between the cloud and the client.
pub fn answers_a_read(body: &[u8]) -> bool {
    let whole = body.len() <= WHOLE;
    match (Skim { text: body, at: 0, whole }).answer() {
        Some(Found::Response) => true,
        Some(Found::Escapes) => read(body),
        None => false,
    }
}

/// The same by reading: what it finds is what counts. For names with escapes, which nobody sends.
fn read(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Answer {
        response: Option<BTreeMap<String, IgnoredAny>>,
    }
    let is_object = body.trim_ascii_start().starts_with(b"{");
    is_object && serde_json::from_slice(body).is_ok_and(|answer: Answer| answer.response.is_some())
}

enum Found {
    /// JSON, with one `response` that is an object.
    Response,
    /// A name that must be unescaped to know what it is.
    Escapes,
}

struct Skim<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether what is in the `response` is looked at too, and what comes after it.
    whole: bool,
}

impl<'a> Skim<'a> {
    fn answer(&mut self) -> Option<Found> {
        let mut found = false;
        self.space();
        self.expect(b'{')?;
        let mut more = !self.closes(b'}');
        while more {
            let Some(name) = self.plain_name()? else { return Some(Found::Escapes) };
            if name == b"response" {
                // null is as good as none, and twice is one too many
                if found {
                    return None;
                }
                found = true;
                if !self.whole {
                    self.space();
                    return self.expect(b'{').map(|()| Found::Response);
                }
                if !self.object()? {
                    return Some(Found::Escapes);
                }
            } else {
                self.value()?;
            }
            more = self.comma(b'}')?;
        }
        self.space();
        (found && self.at == self.text.len()).then_some(Found::Response)
    }

    /// An object, whatever is in it; false where it has a name that must be unescaped.
    fn object(&mut self) -> Option<bool> {
        self.space();
        self.expect(b'{')?;
        let mut more = !self.closes(b'}');
        while more {
            if self.plain_name()?.is_none() {
                return Some(false);
            }
            self.value()?;
            more = self.comma(b'}')?;
        }
        Some(true)
    }

    /// A name in UTF-8 and its colon; none where it has escapes.
    fn plain_name(&mut self) -> Option<Option<&'a [u8]>> {
        self.space();
        self.expect(b'"')?;
        let from = self.at;
        self.string()?;
        let name = self.text.get(from..self.at.checked_sub(1)?)?;
        std::str::from_utf8(name).ok()?;
        self.space();
        self.expect(b':')?;
        Some((!name.contains(&b'\\')).then_some(name))
    }

    /// One value. What is open is kept in a list: the depth is whatever the cloud likes.
    fn value(&mut self) -> Option<()> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.space();
            match self.next()? {
                b'"' => self.string()?,
                b'{' if self.closes(b'}') => {}
                b'[' if self.closes(b']') => {}
                b'{' => {
                    open.push(b'}');
                    self.name()?;
                    continue;
                }
                b'[' => {
                    open.push(b']');
                    continue;
                }
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                b'-' => {
                    let first = self.next()?;
                    self.number(first)?;
                }
                first => self.number(first)?,
            }
            loop {
                let Some(close) = open.last().copied() else { return Some(()) };
                if self.comma(close)? {
                    if close == b'}' {
                        self.name()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    fn name(&mut self) -> Option<()> {
        self.space();
        self.expect(b'"')?;
        self.string()?;
        self.space();
        self.expect(b':')
    }

    /// The rest of a string.
    fn string(&mut self) -> Option<()> {
        loop {
            self.at = self.at.checked_add(plain_run(self.text.get(self.at..)?))?;
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            self.next().filter(u8::is_ascii_hexdigit)?;
                        }
                    }
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    /// The rest of a number.
    fn number(&mut self, first: u8) -> Option<()> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.next()?;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.next()?;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.next()?;
            }
            self.some_digits()?;
        }
        // a digit behind a zero
        if matches!(self.peek(), Some(b'0'..=b'9')) { None } else { Some(()) }
    }

    fn some_digits(&mut self) -> Option<()> {
        self.next().filter(u8::is_ascii_digit)?;
        self.digits();
        Some(())
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn word(&mut self, rest: &[u8]) -> Option<()> {
        let end = self.at.checked_add(rest.len())?;
        let is_it = self.text.get(self.at..end)? == rest;
        self.at = end;
        is_it.then_some(())
    }

    /// True behind a comma, false behind the end.
    fn comma(&mut self, close: u8) -> Option<bool> {
        self.space();
        match self.next()? {
            b',' => Some(true),
            byte if byte == close => Some(false),
            _ => None,
        }
    }

    /// Whether nothing stands before the end.
    fn closes(&mut self, close: u8) -> bool {
        self.space();
        let closes = self.peek() == Some(close);
        self.at = self.at.saturating_add(usize::from(closes));
        closes
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.next().filter(|next| *next == byte).map(drop)
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_answer_is_found_out() {
        for good in [
            r#"{"response":{}}"#,
            " {\"requestId\" : \"a\\u00e9\" ,\r\n\"response\":{ \"a\" :[ 1,-0.5e+3 , [ ] , { } ,null]} }\t",
            r#"{"respons\u0065":{"\u0061":1}}"#,
        ] {
            assert!(answers_a_read(good.as_bytes()) && read(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "{}",
            "[]",
            r#"[{"a":1}]"#,
            r#"{"response":null}"#,
            r#"{"response":[]}"#,
            r#"{"response":{}"#,
            r#"{"response":{}}x"#,
            r#"{"response":{},"response":{}}"#,
            r#"{"response":{},"respons\u0065":{}}"#,
            r#"{"response":{"a":01}}"#,
            r#"{"response":{"a":1.}}"#,
            r#"{"response":{"a":-}}"#,
            r#"{"response":{"a":tru}}"#,
            r#"{"response":{"a":1,}}"#,
            r#"{"response":{"a":[1,]}}"#,
            r#"{"response":{"a":[1}}}"#,
            r#"{"response":{"a":"\x"}}"#,
            "{\"response\":{\"a\":\"\n\"}}",
            r#"{"response":{"\ud800":1}}"#,
        ] {
            assert!(!answers_a_read(bad.as_bytes()) && !read(bad.as_bytes()), "{bad}");
        }
        assert!(!answers_a_read(b"{\"response\":{\"\xff\":1}}"));
    }

    #[test]
    fn a_long_answer_is_known_by_where_its_response_begins() {
        let long = "x".repeat(WHOLE);
        for (text, good) in [
            (format!(r#"{{"requestId":"a","response":{{"a":"{long}"}}}}"#), true),
            (format!(r#"{{"a":"{long}", "response" : {{"a":1"#), true),
            (format!(r#"{{"requestId":"a","response":["{long}"]}}"#), false),
            (format!(r#"{{"requestId":"a","response":null,"a":"{long}"}}"#), false),
            (format!(r#"{{"requestId":"a","code":"{long}"}}"#), false),
            (format!("<html>{long}</html>"), false),
        ] {
            assert_eq!(answers_a_read(text.as_bytes()), good, "{text:.60}");
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,2})?([eE][+-]?[0-9])?",
            "\"([a-z\u{e9}]{0,12}|\\\\n|\\\\u00e9)\"",
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let name = prop_oneof![Just("response".to_owned()), "[a-z]{0,9}", Just("\\u0061".to_owned())];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
                prop::collection::vec((name, inner), 0..4).prop_map(|all| {
                    let members: Vec<String> = all.iter().map(|(n, v)| format!("\"{n}\": {v}")).collect();
                    format!("{{{}}}", members.join(" ,"))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn looking_finds_what_reading_finds(
            text in json(), around in any::<bool>(), cut in any::<prop::sample::Index>(), byte in any::<u8>(), broken in any::<bool>(),
        ) {
            let mut text = if around { format!("{{\"x\":1,\"response\":{text}}}") } else { text }.into_bytes();
            if broken {
                let place = cut.index(text.len());
                text[place] = byte;
            }
            prop_assert_eq!(answers_a_read(&text), read(&text), "{}", String::from_utf8_lossy(&text));
        }
    }
}

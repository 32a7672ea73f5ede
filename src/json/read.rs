//! The strict reader: bytes in, one [`Object`] out, or the first place that is not plain JSON.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Key, MAX_DEPTH, MAX_VALUES, Number, Object, Pointer, Value};

/// Why a body was not read: what is wrong, where, and under which key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}{}: {trouble}", place(.pointer))]
pub struct ReadError {
    /// What is wrong.
    pub trouble: Trouble,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
    /// The value in which it is wrong.
    pub pointer: Pointer,
}

fn place(pointer: &Pointer) -> String {
    if pointer.tokens().is_empty() { String::new() } else { format!(" (at `{pointer}`)") }
}

/// What can be wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Not UTF-8.
    #[error("the body is not valid UTF-8")]
    NotUtf8,
    /// A byte order mark.
    #[error("the body begins with a byte order mark; send UTF-8 without one")]
    ByteOrderMark,
    /// Something other than an object at the top.
    #[error("the body must be one JSON object")]
    NotAnObject,
    /// The text ends too early.
    #[error("the JSON text ends too early")]
    Truncated,
    /// Bytes after the object.
    #[error("there is more text after the JSON object")]
    TrailingText,
    /// A byte that the grammar does not allow here.
    #[error("expected {expected}")]
    Expected {
        /// What the grammar allows.
        expected: &'static str,
    },
    /// A key twice in one object.
    #[error("the key `{0}` appears twice")]
    DuplicateKey(String),
    /// Keys that differ only by upper and lower case.
    #[error("the keys `{0}` and `{1}` differ only by upper and lower case")]
    CaseTwins(String, String),
    /// More values than a request of any client has.
    #[error("more than {most} values; a request has at most a few hundred")]
    TooMany {
        /// The most.
        most: usize,
    },
    /// Nested too deeply.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// A number that does not follow the grammar or is beyond what anyone can hold.
    #[error("not a plain JSON number")]
    BadNumber,
    /// A bad escape in a string.
    #[error("a bad escape in a string")]
    BadEscape,
    /// A surrogate without its twin.
    #[error("an unpaired surrogate escape in a string")]
    LoneSurrogate,
    /// U+0000 or a raw control character.
    #[error("a control character in a string that JSON does not allow (or U+0000)")]
    ControlCharacter,
}

/// Longer numbers are refused: no field of the cloud needs them and parsers differ about them.
const MAX_NUMBER: usize = 40;
/// Objects with fewer members look for twins by comparing, larger ones by hashing.
const SMALL_OBJECT: usize = 32;

/// Reads one JSON object under the rules of the module documentation.
///
/// # Errors
/// [`ReadError`] with the first trouble found.
pub fn read_object(bytes: &[u8]) -> Result<Object, ReadError> {
    read_at_most(bytes, usize::MAX)
}

/// The same for the body of a request or an answer: at most [`MAX_VALUES`] values. A value takes up to fifty times the two bytes
/// that it can be written with, and a request is copied several times on its way.
///
/// # Errors
/// As [`read_object`].
pub fn read_message(bytes: &[u8]) -> Result<Object, ReadError> {
    read_at_most(bytes, MAX_VALUES)
}

fn read_at_most(bytes: &[u8], most: usize) -> Result<Object, ReadError> {
    let mut reader = Reader { text: bytes, words: "", at: 0, way: Vec::new(), most, left: most };
    if bytes.starts_with(b"\xef\xbb\xbf") || bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
    {
        return Err(reader.error(Trouble::ByteOrderMark));
    }
    match std::str::from_utf8(bytes) {
        Ok(words) => reader.words = words,
        Err(error) => {
            reader.at = error.valid_up_to();
            return Err(reader.error(Trouble::NotUtf8));
        }
    }
    reader.document().map_err(|trouble| reader.error(trouble))
}

struct Reader<'a> {
    text: &'a [u8],
    /// The same, once it is known to be UTF-8.
    words: &'a str,
    at: usize,
    way: Vec<Step>,
    most: usize,
    /// How many values may still come.
    left: usize,
}

/// One step of the way to where the reader is.
enum Step {
    Key(Key),
    Index(usize),
}

impl Step {
    fn token(&self) -> String {
        match self {
            Self::Key(key) => key.to_string(),
            Self::Index(place) => place.to_string(),
        }
    }
}

impl<'a> Reader<'a> {
    fn error(&self, trouble: Trouble) -> ReadError {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        ReadError {
            trouble,
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: before.len() - line_start + 1,
            pointer: Pointer::from_tokens(self.way.iter().map(Step::token)),
        }
    }

    fn document(&mut self) -> Result<Object, Trouble> {
        self.skip_space();
        if self.peek() != Some(b'{') {
            return Err(if self.peek().is_none() { Trouble::Truncated } else { Trouble::NotAnObject });
        }
        let object = self.object(1)?;
        self.skip_space();
        if self.peek().is_some() { Err(Trouble::TrailingText) } else { Ok(object) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, Trouble> {
        let byte = self.peek().ok_or(Trouble::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Trouble> {
        match self.peek() {
            None => Err(Trouble::Truncated),
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(Trouble::Expected { expected }),
        }
    }

    fn literal(&mut self, word: &'static str, value: Value) -> Result<Value, Trouble> {
        let end = self.at + word.len();
        match self.text.get(self.at..end) {
            Some(found) if found == word.as_bytes() => {
                self.at = end;
                Ok(value)
            }
            _ => Err(Trouble::Expected { expected: "a JSON value" }),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Trouble> {
        self.left = self.left.checked_sub(1).ok_or(Trouble::TooMany { most: self.most })?;
        match self.peek().ok_or(Trouble::Truncated)? {
            b'{' => self.object(depth + 1).map(Value::Object),
            b'[' => self.array(depth + 1).map(Value::Array),
            b'"' => self.string().map(|text| Value::String(text.into())),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            b'n' => self.literal("null", Value::Null),
            b'-' | b'0'..=b'9' => self.number().map(Value::Number),
            _ => Err(Trouble::Expected { expected: "a JSON value" }),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object, Trouble> {
        if depth > MAX_DEPTH {
            return Err(Trouble::TooDeep);
        }
        self.expect(b'{', "`{`")?;
        let mut members = Vec::new();
        let mut folded = HashSet::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Object { members });
        }
        loop {
            self.skip_space();
            if !matches!(self.peek(), None | Some(b'"')) {
                return Err(Trouble::Expected { expected: "a key in quotes" });
            }
            let key = Key::from(&*self.string()?);
            refuse_twin(&members, &mut folded, &key)?;
            self.skip_space();
            self.expect(b':', "`:`")?;
            self.skip_space();
            self.way.push(Step::Key(key));
            let value = self.value(depth)?;
            if let Some(Step::Key(key)) = self.way.pop() {
                members.push((key, value));
            }
            self.skip_space();
            match self.next()? {
                b',' => {}
                b'}' => return Ok(Object { members }),
                _ => {
                    self.at -= 1;
                    return Err(Trouble::Expected { expected: "`,` or `}`" });
                }
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, Trouble> {
        if depth > MAX_DEPTH {
            return Err(Trouble::TooDeep);
        }
        self.expect(b'[', "`[`")?;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(items);
        }
        loop {
            self.skip_space();
            self.way.push(Step::Index(items.len()));
            items.push(self.value(depth)?);
            self.way.pop();
            self.skip_space();
            match self.next()? {
                b',' => {}
                b']' => return Ok(items),
                _ => {
                    self.at -= 1;
                    return Err(Trouble::Expected { expected: "`,` or `]`" });
                }
            }
        }
    }

    fn number(&mut self) -> Result<Number, Trouble> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.next().map_err(|_| Trouble::BadNumber)? {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(Trouble::BadNumber),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits()?;
        }
        if matches!(self.peek(), Some(b'0'..=b'9' | b'.' | b'+' | b'-' | b'a'..=b'z' | b'A'..=b'Z')) {
            return Err(Trouble::BadNumber);
        }
        let text = self.words.get(start..self.at);
        let number =
            Number::from_checked(text.filter(|text| text.len() <= MAX_NUMBER).ok_or(Trouble::BadNumber)?);
        // So few digits are within what a double holds, unless an exponent says otherwise.
        if !number.is_integer() && number.as_f64().is_none() { Err(Trouble::BadNumber) } else { Ok(number) }
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), Trouble> {
        let start = self.at;
        self.digits();
        if self.at == start { Err(Trouble::BadNumber) } else { Ok(()) }
    }

    /// A string: borrowed from the text, unless it holds escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, Trouble> {
        self.expect(b'"', "a string in quotes")?;
        let mut unescaped: Option<String> = None;
        loop {
            let plain = plain_run(self.text.get(self.at..).unwrap_or_default());
            // It is cut only at ASCII bytes.
            let run = self.words.get(self.at..self.at + plain).ok_or(Trouble::NotUtf8)?;
            self.at += plain;
            match (self.next()?, &mut unescaped) {
                (b'"', None) => return Ok(Cow::Borrowed(run)),
                (b'"', Some(text)) => {
                    text.push_str(run);
                    return Ok(Cow::Owned(std::mem::take(text)));
                }
                (b'\\', _) => {
                    let letter = self.escape()?;
                    let text = unescaped.get_or_insert_default();
                    text.push_str(run);
                    text.push(letter);
                }
                _ => return Err(Trouble::ControlCharacter),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Trouble> {
        Ok(match self.next()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(Trouble::BadEscape),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Trouble> {
        let first = self.four_hex_digits()?;
        let code = match first {
            0 => return Err(Trouble::ControlCharacter),
            0xd800..=0xdbff => {
                if self.text.get(self.at..self.at + 2) != Some(b"\\u") {
                    return Err(Trouble::LoneSurrogate);
                }
                self.at += 2;
                match self.four_hex_digits()? {
                    second @ 0xdc00..=0xdfff => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => return Err(Trouble::LoneSurrogate),
                }
            }
            other => other,
        };
        char::from_u32(code).ok_or(Trouble::LoneSurrogate)
    }

    fn four_hex_digits(&mut self) -> Result<u32, Trouble> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = char::from(self.next()?).to_digit(16).ok_or(Trouble::BadEscape)?;
            code = code * 16 + digit;
        }
        Ok(code)
    }
}

/// How many bytes there are before the first quote, backslash or control character. Eight at a time: most of a document lies between
/// quotes.
#[inline]
pub(crate) fn plain_run(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    // The lowest byte of those that are marked is one that is less; above it a borrow may mark others.
    let less = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word & HIGH;
    let (words, rest) = text.as_chunks::<8>();
    let mut plain = 0;
    for bytes in words {
        let word = u64::from_le_bytes(*bytes);
        let quote = less(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = less(word ^ (ONES * u64::from(b'\\')), 1);
        let found = quote | backslash | less(word, 0x20);
        if found != 0 {
            return plain + (found.trailing_zeros() / 8) as usize;
        }
        plain += 8;
    }
    plain + rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0x00..=0x1f)).count()
}

/// Refuses a key that is there already, to the letter or but for its case.
fn refuse_twin(members: &[(Key, Value)], folded: &mut HashSet<Key>, key: &Key) -> Result<(), Trouble> {
    let twin = if members.len() < SMALL_OBJECT {
        members.iter().any(|(name, _)| name.eq_ignore_ascii_case(key))
    } else {
        if folded.is_empty() {
            folded.extend(members.iter().map(|(name, _)| name.to_ascii_lowercase()));
        }
        !folded.insert(key.to_ascii_lowercase())
    };
    if !twin {
        return Ok(());
    }
    let first = members.iter().map(|(name, _)| name).find(|name| name.eq_ignore_ascii_case(key));
    Err(match first {
        Some(name) if name != key => Trouble::CaseTwins(name.to_string(), key.to_string()),
        _ => Trouble::DuplicateKey(key.to_string()),
    })
}

//! Instance names and their number patterns.
//!
//! A pattern is `[begin,bits]`; the n-th machine gets begin + n, zero-padded to `bits` digits. The vendor's sample
//! turns `server_[3,3]` into `server003`, so one underscore before a bracket goes away with it. Length and letters
//! are judged on the expanded name.

use crate::emulator::problem::Problem;

/// Longest name, in characters.
const LONGEST: usize = 64;

/// The names of `count` machines.
pub(in crate::emulator::actions) fn expand(
    pattern: Option<&str>,
    count: usize,
) -> Result<Vec<String>, Problem> {
    let pieces = split(pattern.unwrap_or("instance")).ok_or_else(malformed)?;
    (0..count).map(|index| check(join(&pieces, index))).collect()
}

/// A name given after the create, which has no patterns.
pub(in crate::emulator::actions) fn plain(name: &str) -> Result<String, Problem> {
    check(name.to_owned())
}

enum Piece<'a> {
    Text(&'a str),
    Number { begin: usize, bits: usize },
}

fn split(pattern: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('[') {
        let (token, behind) = after.split_once(']')?;
        pieces.push(Piece::Text(before.strip_suffix('_').unwrap_or(before)));
        let (begin, bits) = token.split_once(',').or(Some((token, "")).filter(|_| token.is_empty()))?;
        pieces.push(Piece::Number {
            begin: number(begin, 0).filter(|begin| *begin <= 99_999)?,
            bits: number(bits, 6).filter(|bits| (1..=6).contains(bits))?,
        });
        rest = behind;
    }
    pieces.push(Piece::Text(rest));
    Some(pieces)
}

/// Decimal digits without sign or space; nothing is the default.
fn number(text: &str, default: usize) -> Option<usize> {
    if text.is_empty() {
        return Some(default);
    }
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn join(pieces: &[Piece<'_>], index: usize) -> String {
    let texts = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => (*text).to_owned(),
        Piece::Number { begin, bits } => format!("{:0bits$}", begin.saturating_add(index)),
    });
    texts.collect()
}

fn check(name: String) -> Result<String, Problem> {
    if !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.') {
        return Err(malformed());
    }
    if name.chars().count() > LONGEST {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_INSTANCE_NAME_EXCEED",
            "Invalid instance name length. The specified instance name exceeds the maximum length.",
        ));
    }
    Ok(name)
}

fn malformed() -> Problem {
    Problem::invalid(
        "INVALID_PARAMETER_INSTANCE_NAME_MALFORMED",
        "Invalid instance name format. Letters, digits, - and . are allowed, and patterns like [3,3].",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str, count: usize) -> Vec<String> {
        expand(Some(pattern), count).unwrap_or_else(|problem| vec![problem.code.into_owned()])
    }

    #[test]
    fn the_samples_of_the_page_expand_as_it_says() {
        assert_eq!(names("server_[3,3]", 1), ["server003"]);
        assert_eq!(names("server_[3,3]", 2), ["server003", "server004"]);
        assert_eq!(names("server_[3,3]_[1,1]", 2), ["server0031", "server0042"]);
    }

    #[test]
    fn defaults_fill_what_a_pattern_leaves_out() {
        assert_eq!(names("a[]", 1), ["a000000"]);
        assert_eq!(names("a[,2]", 2), ["a00", "a01"]);
        assert_eq!(names("a[7,]", 1), ["a000007"]);
        assert_eq!(expand(None, 2).unwrap(), ["instance", "instance"]);
        assert_eq!(names("a[99,1]", 2), ["a99", "a100"]);
    }

    #[test]
    fn broken_patterns_and_letters_are_malformed() {
        for name in
            ["a[1", "a]", "a[1, 2]", "a[100000,1]", "a[1,7]", "a[1,0]", "a[x,1]", "a[-1,1]", "a b", "a_b"]
        {
            assert_eq!(names(name, 1), ["INVALID_PARAMETER_INSTANCE_NAME_MALFORMED"], "{name}");
        }
    }

    #[test]
    fn the_expanded_name_counts() {
        let base = "a".repeat(61);
        assert_eq!(names(&format!("{base}[1,3]"), 1).concat().len(), 64);
        assert_eq!(names(&format!("{base}[1,4]"), 1), ["INVALID_PARAMETER_INSTANCE_NAME_EXCEED"]);
    }
}

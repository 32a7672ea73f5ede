//! What must be true of a run besides its figures: the cloud saw what was allowed, and signed as it must be.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use zengate::secret::Secret;
use zengate::sign::{PayloadHash, SigningKey, authorize};

use crate::fixture::{CLOUD_KEY, CLOUD_SECRET};
use crate::generate::Outcome;
use crate::proxies::Judge;
use crate::stub::Seen;

/// What the stub has seen so far.
pub fn seen(stub: SocketAddr) -> Seen {
    let text = String::from_utf8(ask(stub, "/seen")).unwrap();
    let (creates, reads) = text.split_once(' ').unwrap();
    Seen { creates: creates.parse().unwrap(), reads: reads.parse().unwrap() }
}

/// Every read and allowed create reached the cloud once, and no refused one did where it is refused.
pub fn arrived(outcome: &Outcome, judge: Judge, before: Seen, after: Seen) {
    let passed = if judge == Judge::Nobody { outcome.refused } else { 0 };
    let expected =
        Seen { creates: before.creates + outcome.creates + passed, reads: before.reads + outcome.reads };
    assert_eq!(after, expected, "what the cloud saw");
    let sent = outcome.creates + outcome.refused + outcome.reads;
    assert_eq!(outcome.latencies.len() as u64, sent, "every request was answered");
}

/// A refusal is the judge's own, and in its form.
pub fn refusal(judge: Judge, status: u16, decision: Option<&str>, body: &[u8]) {
    let text = std::str::from_utf8(body).unwrap();
    assert_eq!(status, 403, "{text}");
    if judge == Judge::Zengate {
        let decision = decision.expect("a decision's id");
        let opening = format!(
            r#"{{"requestId":"{decision}","code":"OPERATION_DENIED_POLICY_VIOLATION","message":"Refused by "#
        );
        assert!(text.starts_with(&opening), "{text}");
    } else {
        assert!(text.starts_with(r#"{"allowed":false,"deny":[{"#), "{text}");
    }
}

/// The rules that a refusal names: `[1] zones: ...` in the gateway's message, a member of each violation in OPA's answer.
pub fn rules_of(judge: Judge, refusal: &[u8]) -> BTreeSet<String> {
    let answer: serde_json::Value = serde_json::from_slice(refusal).unwrap();
    if judge == Judge::Opa {
        let deny = answer["deny"].as_array().unwrap();
        return deny.iter().map(|violation| violation["rule"].as_str().unwrap().to_owned()).collect();
    }
    let message = answer["message"].as_str().unwrap();
    let numbered = message.split('[').filter(|part| part.starts_with(|first: char| first.is_ascii_digit()));
    numbered
        .filter_map(|part| part.split_once("] ")?.1.split_once(':').map(|(rule, _)| rule.to_owned()))
        .collect()
}

/// The last create that the stub got is signed with the cloud's key and holds what the rules add.
pub fn last_create(stub: SocketAddr) {
    let bytes = ask(stub, "/last");
    let mut storage = [httparse::EMPTY_HEADER; 48];
    let mut head = httparse::Request::new(&mut storage);
    let start = head.parse(&bytes).unwrap().unwrap();
    let body = &bytes[start..];
    let header = |name: &str| {
        let found = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| std::str::from_utf8(header.value).unwrap()).expect("the header is there")
    };
    let key = SigningKey::new(&Secret::new(CLOUD_SECRET));
    let timestamp = header("x-zc-timestamp").parse().unwrap();
    let expected =
        authorize(CLOUD_KEY, &key, header("content-type"), header("host"), timestamp, &PayloadHash::of(body));
    assert_eq!(header("authorization"), expected);
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    assert_eq!(body["securityGroupId"], "sg-0001");
    assert_eq!(body["resourceGroupId"], "8b0d7a3c-5f0e-4b3b-9a55-1f6f2f1d7c11");
}

fn ask(stub: SocketAddr, path: &str) -> Vec<u8> {
    let mut socket = TcpStream::connect(stub).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: stub\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let mut storage = [httparse::EMPTY_HEADER; 8];
        let mut head = httparse::Response::new(&mut storage);
        if let httparse::Status::Complete(start) = head.parse(&bytes).unwrap() {
            let named = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case("content-length");
            let length = head.headers.iter().find(|header| named(header)).expect("a length").value;
            let length: usize = std::str::from_utf8(length).unwrap().parse().unwrap();
            if bytes.len() >= start + length {
                return bytes[start..].to_vec();
            }
        }
        let count = socket.read(&mut piece).unwrap();
        assert!(count > 0, "the stub answers");
        bytes.extend_from_slice(&piece[..count]);
    }
}

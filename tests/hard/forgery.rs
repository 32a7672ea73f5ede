//! Nobody gets in who does not hold the secret: every bit of a signature turned over, every signed field changed in many ways,
//! and `Authorization` headers that a grammar of mistakes makes. All of it through the socket.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use crate::support::client::{Answer, connect, read_answer};
use crate::support::random::Random;
use crate::support::{Call, World};

/// Signed requests that forgeries start from, unless told otherwise.
const REQUESTS: usize = 50;
const WAYS: usize = 50;

/// A connection for many requests, made anew when the gateway has closed it.
struct Wire {
    address: SocketAddr,
    open: Option<TcpStream>,
}

impl Wire {
    fn ask(&mut self, bytes: &[u8]) -> Answer {
        for _ in 0..2 {
            let mut connection = self.open.take().unwrap_or_else(|| connect(self.address));
            // Refusals may come, and the connection close, before everything is written.
            let _ = connection.write_all(bytes);
            if let Some(answer) = read_answer(&mut connection) {
                let closes =
                    answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
                self.open = (!closes).then_some(connection);
                return answer;
            }
        }
        panic!("no answer to {}", String::from_utf8_lossy(bytes));
    }
}

/// A request taken apart, as bytes are about to be written.
#[derive(Clone)]
struct Parts {
    host: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Parts {
    fn honest(number: usize, random: &mut Random, address: SocketAddr) -> Self {
        let call = match number % 4 {
            0 => Call::example(),
            1 => Call::new("vm", "DescribeInstances")
                .body(format!("{{\"pageSize\":{}}}", 1 + random.below(99))),
            2 => Call::new("vm", "TerminateInstance").body(format!("{{\"instanceId\":\"{number}\"}}")),
            _ => Call::new("vm", "StopInstances").body(format!("{{\"instanceIds\":[\"{number}\"]}}")),
        };
        Self { host: address.to_string(), fields: call.fields(address), body: call.body }
    }

    fn field(&mut self, name: &str) -> &mut String {
        &mut self.fields.iter_mut().find(|(field, _)| field == name).expect("a field of each request").1
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!(
            "POST /api/v2/vm HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n",
            self.host,
            self.body.len()
        )
        .into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Another text than `text`, also to one who trims it or puts it into lower case, as the vendor's page wants signers to do.
fn altered(text: &str, random: &mut Random) -> String {
    const LETTERS: &[u8] = b"abcxyzABCXYZ0189.:;/-_=+";
    loop {
        let mut letters = text.as_bytes().to_vec();
        let (at, letter) = (random.below(letters.len()), *random.pick(LETTERS));
        match random.below(6) {
            0 => letters[at] = letter,
            1 => letters.insert(at, letter),
            2 => drop(letters.remove(at)),
            3 => letters[at] ^= 0x20,
            4 => letters.swap(at, random.below(text.len())),
            _ => letters.truncate(at.max(1)),
        }
        if let Ok(other) = String::from_utf8(letters)
            && other.bytes().all(|byte| (0x21..0x7f).contains(&byte))
            && other.to_ascii_lowercase() != text
        {
            return other;
        }
    }
}

/// What an `Authorization` header says, however its parts are ordered and spaced; names of headers have no case.
fn meaning(header: &str) -> BTreeSet<String> {
    let (scheme, parts) = header.split_once(' ').unwrap_or((header, ""));
    let part = |part: &str| {
        let part = part.trim_matches(' ');
        part.strip_prefix("SignedHeaders=").map_or(part.to_owned(), |names| {
            let mut names: Vec<String> = names.split(';').map(str::to_ascii_lowercase).collect();
            names.sort();
            format!("SignedHeaders={}", names.join(";"))
        })
    };
    parts
        .split(',')
        .map(part)
        .chain([format!("scheme {scheme}"), format!("{}", parts.split(',').count())])
        .collect()
}

/// A mistake, or a few, in the grammar of the header.
fn malformed(header: &str, random: &mut Random) -> String {
    let mut text = header.to_owned();
    for _ in 0..=random.below(3) {
        let (scheme, parts) =
            text.split_once(' ').map_or((text.clone(), String::new()), |(a, b)| (a.into(), b.into()));
        let mut parts: Vec<String> = parts.split(',').map(|part| part.trim().to_owned()).collect();
        let at = random.below(parts.len());
        let mut joint = ", ";
        let mut scheme = scheme;
        match random.below(16) {
            0 => drop(parts.remove(at)),
            1 => parts.insert(random.below(parts.len()), parts[at].clone()),
            2 => parts[at] = altered_or(&parts[at], random),
            3 => parts[at] = parts[at].split('=').next().unwrap_or_default().to_owned() + "=",
            4 => parts[at] = parts[at].to_ascii_uppercase(),
            5 => parts[at] = parts[at].replace('=', " = "),
            6 => joint = *random.pick(&["; ", " ", ",,", "&", "\t"]),
            7 => {
                scheme = (*random.pick(&[
                    "Basic",
                    "ZC2-HMAC-SHA1",
                    "zc2-hmac-sha256",
                    "Bearer",
                    "",
                    "ZC2-HMAC-SHA256,",
                ]))
                .to_owned()
            }
            8 => parts.push(
                (*random.pick(&[
                    "",
                    "=",
                    "Extra=1",
                    "Credential=ZGother",
                    "Signature=",
                    "SignedHeaders=host",
                ]))
                .to_owned(),
            ),
            9 => parts[at] = parts[at].replace("Signature=", "Signature=00"),
            10 => parts[at] = parts[at].replace("content-type;", ""),
            11 => parts[at] = parts[at].replace("host", "host;host"),
            12 => parts[at] = parts[at].replace(';', ","),
            13 => parts[at] = format!("\"{}\"", parts[at]),
            14 => parts[at] = parts[at].replace("Signature=", "Signature=0x"),
            _ => parts[at].push_str(&"a".repeat(random.below(5_000))),
        }
        text = format!("{scheme} {}", parts.join(joint));
        if parts.is_empty() {
            break;
        }
    }
    text.trim().to_owned()
}

fn altered_or(part: &str, random: &mut Random) -> String {
    if part.is_empty() { "x".to_owned() } else { altered(part, random) }
}

fn requests() -> usize {
    std::env::var("ZENGATE_FORGERIES").ok().map_or(REQUESTS, |text| text.parse().expect("a number"))
}

/// The answer without what is of this request only.
fn blank(answer: &Answer) -> String {
    let id = answer.json()["requestId"].as_str().expect("a request id").to_owned();
    String::from_utf8_lossy(&answer.body).replace(&id, "ID")
}

#[track_caller]
fn refused(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {}", answer.status);
    let body = answer.json();
    assert!(
        body["code"].is_string() && body["requestId"].is_string() && body["message"].is_string(),
        "{what}: {body}"
    );
}

/// Runs `forge` for every request, on a few connections at once; afterwards the cloud has heard nothing.
fn each(forge: impl Fn(usize, &mut Random, &mut Wire) + Sync) {
    let world = World::new();
    let (address, all) = (world.address(), requests());
    std::thread::scope(|scope| {
        for lane in 0..4 {
            let forge = &forge;
            scope.spawn(move || {
                let mut wire = Wire { address, open: None };
                for number in (lane..all).step_by(4) {
                    forge(number, &mut Random::new(0x20_26_11 + u64::try_from(number).unwrap()), &mut wire);
                }
            });
        }
    });
    assert_eq!(world.emulator.requests().len(), 0, "the cloud heard of a forgery");
    // Not because nobody gets in.
    assert_eq!(world.send(&Call::new("vm", "DescribeInstances")).status, 200);
}

#[test]
fn no_bit_of_a_signature_can_be_another() {
    each(|number, random, wire| {
        let honest = Parts::honest(number, random, wire.address);
        let mut forged = honest.clone();
        let header = honest.clone().field("Authorization").clone();
        let (before, signature) = header.split_at(header.len() - 64);
        for bit in 0..256 {
            let digit = u8::from_str_radix(&signature[bit / 4..=bit / 4], 16).unwrap() ^ (1 << (bit % 4));
            let digits = format!("{}{digit:x}{}", &signature[..bit / 4], &signature[bit / 4 + 1..]);
            *forged.field("Authorization") = format!("{before}{digits}");
            let answer = wire.ask(&forged.bytes());
            answer.assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
            // And who has no key at all hears the same, to the byte.
            if bit == 0 {
                *forged.field("Authorization") = header.replace("Credential=", "Credential=no");
                assert_eq!(blank(&answer), blank(&wire.ask(&forged.bytes())));
            }
        }
    });
}

#[test]
fn no_signed_field_can_be_another() {
    each(|number, random, wire| {
        let honest = Parts::honest(number, random, wire.address);
        for way in 0..WAYS {
            for field in ["host", "body", "Content-Type", "X-ZC-Timestamp"] {
                let mut forged = honest.clone();
                match field {
                    "host" => forged.host = altered(&honest.host, random),
                    "body" => {
                        let at = random.below(honest.body.len());
                        match way % 3 {
                            0 => forged.body[at] ^= 1 << random.below(7),
                            1 => forged.body.insert(at, b' '),
                            _ => forged.body.truncate(at),
                        }
                    }
                    name => *forged.field(name) = altered(honest.clone().field(name), random),
                }
                refused(&wire.ask(&forged.bytes()), field);
            }
        }
    });
}

#[test]
fn no_header_that_says_something_else_lets_anybody_in() {
    each(|number, random, wire| {
        let honest = Parts::honest(number, random, wire.address);
        let header = honest.clone().field("Authorization").clone();
        for _ in 0..2 * WAYS {
            let text = malformed(&header, random);
            if meaning(&text) == meaning(&header) {
                continue;
            }
            let mut forged = honest.clone();
            *forged.field("Authorization") = text.clone();
            refused(&wire.ask(&forged.bytes()), &text);
        }
    });
}

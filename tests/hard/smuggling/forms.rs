//! About two thousand requests that two readers could take for different things.
//!
//! Families after the public work on request smuggling (RFC 9112 11.2, HTTP Garden, T-Reqs, PortSwigger's research); every
//! byte of them is made here. Each carries, where another reader might see one, a second request with a mark in it: the
//! canary. It is complete and would be accepted if it were taken for a request.

use super::CANARY;
use crate::support::world::TOKEN;

/// One stream of bytes, with where it comes from.
pub struct Form {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// A request under the bearer token, which no interpretation of its framing makes invalid.
fn request(line: &[u8], fields: &[Vec<u8>], rest: &[u8]) -> Vec<u8> {
    let mut bytes = line.to_vec();
    bytes.extend_from_slice(b"\r\n");
    for field in fields {
        bytes.extend_from_slice(field);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(rest);
    bytes
}

const LINE: &[u8] = b"POST /api/v2/vm HTTP/1.1";

/// What every request has besides its framing.
fn usual(action: &str) -> Vec<Vec<u8>> {
    [
        "Host: gateway.example".to_owned(),
        "Content-Type: application/json".to_owned(),
        format!("X-ZC-Action: {action}"),
        format!("Authorization: Bearer {TOKEN}"),
    ]
    .map(String::into_bytes)
    .to_vec()
}

fn with(fields: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut all = usual("DescribeInstances");
    all.extend(fields.iter().map(|field| field.to_vec()));
    all
}

/// A create that another reader might see behind the first request.
pub fn canary() -> Vec<u8> {
    let body = format!(
        r#"{{"zoneId":"SEL-A","instanceType":"c.1c2g","imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8","instanceChargeType":"POSTPAID","internetChargeType":"ByBandwidth","instanceName":"{CANARY}"}}"#
    );
    let mut fields = usual("CreateInstances");
    fields.push(format!("Content-Length: {}", body.len()).into_bytes());
    request(LINE, &fields, body.as_bytes())
}

fn chunked(data: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{:x}\r\n", data.len()).into_bytes();
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"\r\n0\r\n\r\n");
    bytes
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// All of them, in a fixed order.
pub fn all() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut add = |name: String, bytes: Vec<u8>| forms.push(Form { name, bytes });
    transfer_encodings(&mut add);
    lengths(&mut add);
    line_ends(&mut add);
    chunks(&mut add);
    request_lines(&mut add);
    field_bytes(&mut add);
    connections(&mut add);
    forms
}

type Add<'a> = &'a mut dyn FnMut(String, Vec<u8>);

/// How `Transfer-Encoding: chunked` has been written to be seen by one reader and not by another.
fn spellings() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        "Transfer-Encoding: chunked",
        "transfer-encoding: chunked",
        "TRANSFER-ENCODING: CHUNKED",
        "Transfer-Encoding:chunked",
        "Transfer-Encoding:  chunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: chunked ",
        "Transfer-Encoding: chunked\t",
        "Transfer-Encoding: Chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: , ,chunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: 'chunked'",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: chunk",
        "Transfer-Encoding: chunke\u{0434}",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: chunked; ext",
        "Transfer-Encoding: x",
        "Transfer-Encoding:",
        "Transfer-Encoding: ",
        "Transfer-Encoding: false",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "\tTransfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding:\r\n\tchunked",
        "Transfer-Encoding:\r\n chunked\r\n ",
        "Transfer-Encoding\r\n : chunked",
        "Transfer-Encoding:\n chunked",
        "Transfer-Encoding:\rchunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
        "Transfer_Encoding: chunked",
        "Transfer Encoding: chunked",
        "Transfer-Encoding; chunked",
        "Transfer-Encoding chunked",
        "Transfer-Encoding= chunked",
        "Transfer-\u{200b}Encoding: chunked",
        "Transfer-Encoding: chunked\u{a0}",
        "Transfer-Encoding:\u{b}chunked",
        "Transfer-Encoding:\u{c}chunked",
        "Transfer-Encoding: chunked\u{0}",
        "Transfer-Encoding\u{0}: chunked",
        "TE: chunked\r\nTransfer-Encoding: chunked",
        "TE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked",
        "Content-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
        "Trailer: Content-Length\r\nTransfer-Encoding: chunked",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    for byte in [0x80, 0xa0, 0xff, 0x1b, 0x7f] {
        all.push(join(&[b"Transfer-Encoding:", &[byte], b"chunked"]));
        all.push(join(&[b"Transfer-Encoding: chunked", &[byte]]));
        all.push(join(&[b"Transfer-Encoding", &[byte], b": chunked"]));
    }
    all
}

/// CL.TE, TE.CL, TE.TE and TE.0 with every spelling, the length before and behind.
fn transfer_encodings(add: Add<'_>) {
    let (canary, json) = (canary(), b"{}".as_slice());
    for (place, spelling) in spellings().iter().enumerate() {
        let short = chunked(json);
        let hidden = join(&[&short, &canary]);
        let inside = chunked(&canary);
        let length = |count: usize| format!("Content-Length: {count}").into_bytes();
        let cases = [
            ("cl-whole", Some(length(hidden.len())), hidden.clone()),
            ("cl-first-chunk", Some(length(4)), inside.clone()),
            ("cl-zero", Some(length(0)), hidden.clone()),
            ("cl-json", Some(length(2)), join(&[json, b"\r\n0\r\n\r\n", &canary])),
            ("no-cl", None, hidden.clone()),
            ("no-cl-inside", None, inside.clone()),
        ];
        for (name, length, body) in &cases {
            match length {
                Some(length) => {
                    let before = with(&[length, spelling]);
                    let behind = with(&[spelling, length]);
                    add(format!("te {place} {name} cl before"), request(LINE, &before, body));
                    add(format!("te {place} {name} cl behind"), request(LINE, &behind, body));
                }
                None => add(format!("te {place} {name}"), request(LINE, &with(&[spelling]), body)),
            }
        }
    }
}

/// Lengths that one reader takes for a number and another for nothing, alone and beside a good one.
fn lengths(add: Add<'_>) {
    let canary = canary();
    let body = join(&[b"{}", &canary]);
    let whole = body.len();
    let values = [
        "+2",
        "-2",
        "0x2",
        "02",
        "2,2",
        "2, 2",
        "2 2",
        "2;",
        "2.0",
        "2e0",
        "2_",
        "2\u{0}",
        "\u{0662}",
        "",
        " ",
        "NaN",
        "18446744073709551616",
        "18446744073709551618",
        "99999999999999999999999999",
        "9223372036854775808",
        "-1",
        "--2",
        "2 ,",
        ",2",
        "2\u{b}",
        "\"2\"",
        "(2)",
        "2\r\n ",
        "\r\n 2",
        "2\u{a0}",
        "0b10",
        "2h",
        "0002, 2",
        "2,3",
        "0,2",
        "2,0",
    ];
    for value in values {
        let odd = format!("Content-Length: {value}").into_bytes();
        for good in [2, whole] {
            if value == "02" && good == 2 {
                // The same number twice: no two readers differ, what follows is a request of its own.
                continue;
            }
            let good_field = format!("Content-Length: {good}").into_bytes();
            // A header that is nothing but the odd one, and the odd one beside a good one.
            add(format!("cl {value:?} before {good}"), request(LINE, &with(&[&odd, &good_field]), &body));
            add(format!("cl {value:?} behind {good}"), request(LINE, &with(&[&good_field, &odd]), &body));
        }
        if !["02", " ", "\r\n 2"].contains(&value) {
            add(format!("cl {value:?} alone"), request(LINE, &with(&[&odd]), &body));
        }
    }
    let spellings = [
        "Content_Length: ",
        "Content-Length : ",
        "Content-Length\t: ",
        " Content-Length: ",
        "Content Length: ",
        "Content-Length\r\n : ",
        "Content-Length\u{0}: ",
        "X: y\rContent-Length: ",
        "X: y\nContent-Length: ",
        "X: y\r\n Content-Length: ",
    ];
    for spelling in spellings {
        for (value, good) in [(2, whole), (whole, 2)] {
            let odd = format!("{spelling}{value}").into_bytes();
            let good = format!("Content-Length: {good}").into_bytes();
            add(format!("cl {spelling:?} {value} before"), request(LINE, &with(&[&odd, &good]), &body));
            add(format!("cl {spelling:?} {value} behind"), request(LINE, &with(&[&good, &odd]), &body));
        }
    }
    for (one, other) in [(2, whole), (whole, 2), (0, 2), (2, 0), (0, whole), (2, 3)] {
        let (one, other) = (format!("Content-Length: {one}"), format!("Content-Length: {other}"));
        add(format!("{one} and {other}"), request(LINE, &with(&[one.as_bytes(), other.as_bytes()]), &body));
    }
}

/// Line ends that are none, folded lines and control bytes, at every line of the head.
fn line_ends(add: Add<'_>) {
    let canary = canary();
    // A reader that takes the odd line end for the end of the head sees a body of the canary.
    let ends: [&[u8]; 9] = [
        b"\n\n",
        b"\r\r",
        b"\r\n\n\r\n",
        b"\n\r\n",
        b"\r\n\r",
        b"\n\r",
        b"\r\x00\n",
        b"\x00\r\n",
        b"\r\n \r\n",
    ];
    let fields = with(&[b"Content-Length: 2"]);
    for line in 0..=fields.len() {
        for (place, end) in ends.iter().enumerate() {
            let mut bytes = LINE.to_vec();
            for (number, field) in fields.iter().enumerate() {
                bytes.extend_from_slice(if number == line { end } else { b"\r\n" });
                bytes.extend_from_slice(field);
            }
            bytes.extend_from_slice(if fields.len() == line { end } else { b"\r\n" });
            // Where the odd end stands last, the head has no end of its own.
            bytes.extend_from_slice(if fields.len() == line { b"" } else { b"\r\n" });
            bytes.extend_from_slice(b"{}");
            let name = format!("line end {place} at line {line}");
            add(name, bytes);
            if line > 0 {
                let mut field = fields[line - 1].clone();
                field.extend_from_slice(end);
                field.extend_from_slice(&canary);
                let mut folded = fields.clone();
                folded[line - 1] = join(&[b"X-Folded: a", end, b" ", &field]);
                add(format!("folded {place} at line {line}"), request(LINE, &folded, b"{}"));
            }
        }
    }
}

/// Chunk sizes, extensions, ends and trailers.
fn chunks(add: Add<'_>) {
    let canary = canary();
    let sizes: [&[u8]; 26] = [
        b"2",
        b"02",
        b"0000000000000002",
        b"+2",
        b"-2",
        b"0x2",
        b" 2",
        b"2 ",
        b"\t2",
        b"2\t",
        b"2;a=b",
        b"2;a=\"b\r\nc\"",
        b"2;\n",
        b"2;a\rb",
        b"2\x00",
        b"2g",
        b"2_0",
        b"",
        b"FFFFFFFFFFFFFFFF",
        b"10000000000000002",
        b"FFFFFFFFFFFFFFFF2",
        b"2\r",
        b"2\n",
        b"2.",
        b"\r\n2",
        b"0;a\r\n",
    ];
    let framings: [&[&[u8]]; 3] = [
        &[b"Transfer-Encoding: chunked"],
        &[b"Content-Length: 7", b"Transfer-Encoding: chunked"],
        &[b"Transfer-Encoding: chunked", b"Content-Length: 2"],
    ];
    for (number, framing) in framings.iter().enumerate() {
        for (place, size) in sizes.iter().enumerate() {
            for end in [b"\r\n".as_slice(), b"\n", b"\r"] {
                let body = join(&[size, end, b"{}", end, b"0", end, end, &canary]);
                add(format!("chunk size {place} {end:?} {number}"), request(LINE, &with(framing), &body));
            }
        }
        let bodies: [(&str, Vec<u8>); 8] = [
            ("no end of data", join(&[b"2\r\n{}0\r\n\r\n", &canary])),
            ("data too long", join(&[b"2\r\n{}xx\r\n0\r\n\r\n", &canary])),
            ("trailer with a length", join(&[b"2\r\n{}\r\n0\r\nContent-Length: 500\r\n\r\n", &canary])),
            (
                "trailer with an encoding",
                join(&[b"2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", &canary]),
            ),
            (
                "trailer with a host",
                join(&[b"2\r\n{}\r\n0\r\nHost: other\r\nX-ZC-Action: CreateInstances\r\n\r\n", &canary]),
            ),
            ("canary in a trailer", join(&[b"2\r\n{}\r\n0\r\nX: y\r\n", &canary])),
            ("no last chunk", join(&[b"2\r\n{}\r\n", &canary])),
            ("last chunk twice", join(&[b"2\r\n{}\r\n0\r\n\r\n0\r\n\r\n", &canary])),
        ];
        for (name, body) in bodies {
            add(format!("chunked {name} {number}"), request(LINE, &with(framing), &body));
        }
    }
}

/// Targets, methods and versions that one reader routes elsewhere.
fn request_lines(add: Add<'_>) {
    let canary = canary();
    let targets = [
        "http://other.example/api/v2/vm",
        "http://gateway.example/api/v2/vm",
        "https://gateway.example/api/v2/vm",
        "//other.example/api/v2/vm",
        "*",
        "gateway.example:80",
        "/api/v2/vm#",
        "/api/v2/vm?",
        "/api/v2/vm?a=b",
        "/api/v2/vm;a",
        "/api/v2/vm/..",
        "/api/v2/./vm",
        "/api/v2/vm/../bmc",
        "/api/v2/%76m",
        "/api/v2/vm%00",
        "/api/v2/vm%20",
        "/api/v2\\vm",
        "\\api\\v2\\vm",
        "/api/v2/vm\u{e9}",
        "/./api/v2/vm",
        "/api/v2/vm HTTP/1.1 /",
        "",
        "api/v2/vm",
        "/api/v2/vm\t",
        "/api/v2/vm\u{0}",
        "/api/v2/vm\r",
        "ftp://x/api/v2/vm",
        "http:/api/v2/vm",
        "http://user@gateway.example/api/v2/vm",
        "http://gateway.example:99999/api/v2/vm",
        "/api/v2/vm//",
        "/api//v2/vm",
        "/API/V2/VM",
    ];
    let fields = with(&[b"Content-Length: 2"]);
    let mut line = |name: String, line: Vec<u8>| {
        // Behind it a canary: a reader that ends this request otherwise sees it.
        let body = join(&[b"{}", b"\r\n"]);
        add(name.clone(), request(&line, &fields, &body));
        let hidden = join(&[&line, b" ", &canary]);
        add(format!("{name}, with a canary in the line"), request(&hidden, &fields, &body));
    };
    for target in targets {
        line(format!("target {target:?}"), format!("POST {target} HTTP/1.1").into_bytes());
    }
    for version in [
        "HTTP/1.0",
        "HTTP/0.9",
        "HTTP/2.0",
        "HTTP/1.2",
        "HTTP/1.10",
        "http/1.1",
        "HTTP/1",
        "HTTP/11",
        "HTTP/1.1 ",
        "HTTP/ 1.1",
        "HTTP/1,1",
        "",
        "HTTQ/1.1",
    ] {
        line(format!("version {version:?}"), format!("POST /api/v2/vm {version}").into_bytes());
    }
    for method in [
        "post",
        "GET",
        "HEAD",
        "PUT",
        "CONNECT",
        "TRACE",
        "OPTIONS",
        "PRI",
        "POST\u{0}",
        " POST",
        "\tPOST",
        "PO ST",
        "",
        "P\u{e9}ST",
        "POST:",
        "X",
    ] {
        line(format!("method {method:?}"), format!("{method} /api/v2/vm HTTP/1.1").into_bytes());
    }
    for (place, odd) in [
        "POST  /api/v2/vm HTTP/1.1",
        "POST /api/v2/vm  HTTP/1.1",
        "POST\t/api/v2/vm\tHTTP/1.1",
        "POST\u{b}/api/v2/vm HTTP/1.1",
        "POST /api/v2/vm HTTP/1.1\r",
    ]
    .iter()
    .enumerate()
    {
        line(format!("spaces {place}"), odd.as_bytes().to_vec());
    }
}

/// Every byte in and around the names of the two headers that frame a body.
fn field_bytes(add: Add<'_>) {
    let canary = canary();
    let body = join(&[b"{}", &canary]);
    let good = b"Content-Length: 2".as_slice();
    for byte in 0..=255_u8 {
        // Letters, digits and marks make another name, which is nobody's length.
        if byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^`|~:\r\n".contains(&byte) {
            continue;
        }
        for name in [&b"Content-Length"[..], b"Transfer-Encoding"] {
            let value = if name[0] == b'C' { body.len().to_string() } else { "chunked".to_owned() };
            for (place, field) in [
                ("before", join(&[&[byte], name, b": ", value.as_bytes()])),
                ("behind", join(&[name, &[byte], b": ", value.as_bytes()])),
            ] {
                add(
                    format!("byte {byte:#x} {place} {}", name[0] as char),
                    request(LINE, &with(&[good, &field]), &body),
                );
            }
        }
    }
}

/// Upgrades, hop-by-hop games, expectations.
fn connections(add: Add<'_>) {
    let canary = canary();
    let body = join(&[b"{}", &canary]);
    let good = b"Content-Length: 2".as_slice();
    let odd: [&[u8]; 14] = [
        b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13",
        b"Upgrade: TLS/1.0\r\nConnection: Upgrade",
        b"Connection: Content-Length",
        b"Connection: close, Content-Length",
        b"Connection: Host",
        b"Connection: X-ZC-Action, Authorization",
        b"Connection: keep-alive, Transfer-Encoding\r\nTransfer-Encoding: chunked",
        b"TE: trailers",
        b"Trailer: X-ZC-Action",
        b"Expect: 100-continue, 200-ok",
        b"Expect: x",
        b"Content-Encoding: gzip",
        b"Host: other.example",
    ];
    for (place, field) in odd.iter().enumerate() {
        // Fields that leave the framing as it is: what follows such a request is a request of its own.
        let plain =
            field.starts_with(b"Upgrade") || field.starts_with(b"T") || field.starts_with(b"Content-Enc");
        let body: &[u8] = if plain { b"{}" } else { &body };
        add(format!("connection {place} behind"), request(LINE, &with(&[good, field]), body));
        add(format!("connection {place} before"), request(LINE, &with(&[field, good]), body));
    }
}

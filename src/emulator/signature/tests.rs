//! The published and captured vectors, then every way to be refused.

use super::*;

/// id, content type, host, timestamp, access key, secret, body, canonical sha256, signature.
type Vector = [&'static str; 9];

const JSON: &str = "application/json";
const UTF8: &str = "application/json; charset=utf-8";
const D_BODY: &str = r#"{"pageSize":10,"pageNum":1,"zoneId":"HKG-A"}"#;

const VECTORS: [Vector; 9] = [
    [
        "D1",
        UTF8,
        "console.zenlayer.com",
        "1673361177",
        "0D9UtpyKYcHxms5v",
        "Gu5t9xGARNpq86cd98joQYCN3",
        D_BODY,
        "29396f9dfa0f03820b931e8aa06e20cda197e73285ebd76aceb83f7dede493ee",
        "efb356c32e55c781e10dc676da59462c22596d82e91c57803666243379555b2f",
    ],
    [
        "D2",
        JSON,
        "console.zenlayer.com",
        "1673361177",
        "0D9UtpyKYcHxms5v",
        "Gu5t9xGARNpq86cd98joQYCN3",
        D_BODY,
        "38b60a7d3276acd156ff8e3693567c2e7c7cbd8e4288d252b80e4968e0e0e897",
        "9fdd5117d611874c57b6514c5265c94aee7b716f33906836f9ebda1b56cbc119",
    ],
    [
        "V1",
        JSON,
        "127.0.0.1:8080",
        "1750000000",
        "AKdemo0001",
        "SKdemo-secret-0001",
        r#"{"zoneId": "SEL-A", "imageId": "img-demo0001", "instanceType": "c.1c2g", "instanceChargeType": "POSTPAID", "internetChargeType": "ByBandwidth", "instanceCount": 2, "subnetId": "subnet-demo01"}"#,
        "0491f6f49aee57635c683faad9d45d7a354c95fdfe017e71621ae3d8c72fc624",
        "926282c399e44fca7416f6401d1f00ab586a7b2b51eaf545e859d74b797650a1",
    ],
    [
        "V2",
        JSON,
        "gateway.example.internal",
        "1750000001",
        "AKdemo0002",
        "s3cr3t/+=&?%~",
        r#"{"zoneId": "SEL-A", "imageId": "img-demo0001", "instanceType": "c.1c2g", "instanceName": "web-\u6d4b\u8bd5_[3,3]", "instanceChargeType": "POSTPAID", "internetChargeType": "ByBandwidth", "instanceCount": 2, "subnetId": "subnet-demo01", "tags": {"tags": [{"key": "cost-center", "value": "CC-42"}, {"key": "env", "value": "prod"}]}}"#,
        "a1e77cf60d2bfe873da62debe9b6567dbd1274c1a0624980264a2338277f20a0",
        "9b4623ab3b67d65c0cf88cffd1552aadd3813ef6a93067012e1f0d521eb5bee0",
    ],
    [
        "V3",
        JSON,
        "console.zenlayer.com",
        "1750000002",
        "AKdemo0003",
        "x",
        "{}",
        "2eb6d40a6d77fe762274e366f8d05626427e80b1c9e1a816d9c08676d12257a4",
        "cdaced3307a6a175c4d87db4c354a20322c31b68aad1785d7a19e717b8679763",
    ],
    [
        "V4",
        JSON,
        "Gateway.Example.COM:8443",
        "1750000003",
        "AKdemo0004",
        "pässwörd-鍵",
        r#"{"pageSize": 10, "pageNum": 1}"#,
        "431f63129064e99add532fa78818fc2a1c826ba78987c0f4b5d60988fab4b2b7",
        "5e428d617304677593f28d13ff0711e9232c50e00dba1a3c152b33d1f37fd7d1",
    ],
    [
        "V5",
        JSON,
        "http://127.0.0.1:8080",
        "1750000004",
        "AKdemo0005",
        "SKdemo-secret-0005",
        "{}",
        "7f9fe8845aab176f5e8b091a81bccbbb061bed0bdf78761b382844edfcbf8fbf",
        "948235f79bfa3210558eee42b3da0eec18589cdd5e8e0d870798adb9e6bb48f1",
    ],
    [
        "G1",
        JSON,
        "127.0.0.1:18080",
        "1795396314",
        "AKtest",
        "SKtest",
        r#"{"zoneId":"SEL-A","instanceName":"测试\u003ca\u0026b\u003e","instanceCount":1,"password":"Abc\u002612345\u003c"}"#,
        "f8a6bca7590f1f7cf493692b443e88d5c45cf16b663323a5c2594ce6c3a5ca33",
        "0ce006c429e4eef0826925ecf46bb698df069a15d0833c5689756b8bbcf19d2d",
    ],
    [
        "J1",
        UTF8,
        "127.0.0.1:18080",
        "1795396553",
        "AKtest",
        "SKtest",
        r#"{"subnetId":"s1","instanceName":"测试\u003ca\u003e","zoneId":"SEL-A","instanceChargeType":"POSTPAID","imageId":"img","instanceType":"c.1c2g","internetChargeType":"ByBandwidth","instanceCount":1}"#,
        "7ca16e2d2a5a8b8dfd96878649149364c598481d1df4281b3be49e73cb521007",
        "38524c91bcc79d7498618f95dae1c8f6a6ab3ea978e35a399a801497d0ff042c",
    ],
];

fn request(vector: &Vector) -> Request {
    let [_, content_type, host, timestamp, key, _, body, _, signature] = vector;
    let authorization =
        format!("ZC2-HMAC-SHA256 Credential={key}, SignedHeaders=content-type;host, Signature={signature}");
    let headers = [
        ("Host", *host),
        ("Content-Type", *content_type),
        ("X-ZC-Timestamp", *timestamp),
        ("Authorization", authorization.as_str()),
    ];
    Request {
        method: "POST".to_owned(),
        target: "/api/v2/vm".to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.as_bytes().to_vec(),
        keep_alive: true,
    }
}

fn keys(vector: &Vector) -> Vec<(String, Secret)> {
    vec![(vector[4].to_owned(), Secret::new(vector[5]))]
}

fn check_at(request: &Request, vector: &Vector, now: i64) -> Result<AccessKey, String> {
    check(request, &keys(vector), &[], now).map_err(|problem| problem.code.into_owned())
}

fn time(vector: &Vector) -> i64 {
    vector[3].parse().unwrap()
}

fn replace(request: &mut Request, name: &str, value: &str) {
    let header = request.headers.iter_mut().find(|(given, _)| given.eq_ignore_ascii_case(name)).unwrap();
    header.1 = value.as_bytes().to_vec();
}

const MISMATCH: &str = "AUTHFAILURE_SIGNATURE_FAILURE";
const MALFORMED: &str = "AUTHFAILURE_INVALID_AUTHORIZATION";

#[test]
fn every_vector_gives_its_canonical_hash_and_signature() {
    for vector in &VECTORS {
        let [id, content_type, host, timestamp, _, secret, body, hash, signature] = vector;
        let headers = [("content-type", (*content_type).to_owned()), ("host", (*host).to_owned())];
        let canonical = canonical(&headers, body.as_bytes());
        assert_eq!(hex::encode(Sha256::digest(&canonical)), *hash, "{id}");
        let mac = mac(&Secret::new(*secret), &to_sign(timestamp, &canonical)).unwrap();
        assert_eq!(hex::encode(mac.finalize().into_bytes()), *signature, "{id}");
    }
}

#[test]
fn every_vector_is_let_in_and_with_any_byte_of_its_body_changed_is_not() {
    for vector in &VECTORS {
        let mut request = request(vector);
        assert_eq!(check_at(&request, vector, time(vector)), Ok(Some(vector[4].to_owned())), "{}", vector[0]);
        request.body.push(b' ');
        assert_eq!(check_at(&request, vector, time(vector)), Err(MISMATCH.to_owned()), "{}", vector[0]);
    }
}

#[test]
fn the_window_is_five_minutes_to_both_sides() {
    let vector = &VECTORS[0];
    let request = request(vector);
    for (offset, good) in [(-300, true), (300, true), (-301, false), (301, false)] {
        let verdict = check_at(&request, vector, time(vector) + offset);
        if good {
            assert!(verdict.is_ok(), "{offset}");
        } else {
            assert_eq!(verdict, Err("AUTHFAILURE_SIGNATURE_EXPIRED".to_owned()), "{offset}");
        }
    }
}

#[test]
fn unknown_keys_and_wrong_signatures_look_alike() {
    let vector = &VECTORS[4];
    let mut wrong = request(vector);
    replace(
        &mut wrong,
        "authorization",
        &format!(
            "ZC2-HMAC-SHA256 Credential={}, SignedHeaders=content-type;host, Signature={}",
            vector[4],
            "0".repeat(64)
        ),
    );
    let known = check(&wrong, &keys(vector), &[], time(vector)).unwrap_err();
    let unknown = check(&request(vector), &[], &[], time(vector)).unwrap_err();
    assert_eq!(known, unknown);
    assert_eq!(known.code, MISMATCH);
}

#[test]
fn malformed_authorizations_are_told_apart_from_wrong_ones() {
    let vector = &VECTORS[4];
    let signature = vector[8];
    for text in [
        "",
        "ZC2-HMAC-SHA256",
        "Basic QUI6U0s=",
        "Bearer unknown",
        "ZC2-HMAC-SHA256 Credential=AKdemo0003, SignedHeaders=content-type;host",
        &format!("ZC2-HMAC-SHA256 Credential=AKdemo0003, SignedHeaders=host, Signature={signature}"),
        &format!("ZC2-HMAC-SHA256 Credential=AKdemo0003, SignedHeaders=content-type, Signature={signature}"),
        &format!("ZC2-HMAC-SHA256 Credential=, SignedHeaders=content-type;host, Signature={signature}"),
    ] {
        let mut request = request(vector);
        replace(&mut request, "authorization", text);
        assert_eq!(check_at(&request, vector, time(vector)), Err(MALFORMED.to_owned()), "{text}");
    }
    for name in ["authorization", "x-zc-timestamp", "host", "content-type"] {
        let mut twice = request(vector);
        let copy = twice.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).unwrap().clone();
        twice.headers.push(copy);
        assert_eq!(check_at(&twice, vector, time(vector)), Err(MALFORMED.to_owned()), "{name} twice");
    }
}

#[test]
fn further_headers_can_be_signed_and_values_lower_cased() {
    let vector = &VECTORS[3];
    let secret = Secret::new(vector[5]);
    let mut request = request(vector);
    request.headers.push(("X-ZC-Action".to_owned(), b"  DescribeZones ".to_vec()));
    for value in ["DescribeZones", "describezones"] {
        let host = if value == "DescribeZones" { vector[2].to_owned() } else { vector[2].to_lowercase() };
        let headers =
            [("content-type", vector[1].to_owned()), ("host", host), ("x-zc-action", value.to_owned())];
        let text = to_sign(vector[3], &canonical(&headers, vector[6].as_bytes()));
        let signature = hex::encode(mac(&secret, &text).unwrap().finalize().into_bytes());
        let authorization = format!(
            "ZC2-HMAC-SHA256 Credential={}, SignedHeaders=content-type;host;x-zc-action, Signature={signature}",
            vector[4]
        );
        replace(&mut request, "authorization", &authorization);
        assert!(check_at(&request, vector, time(vector)).is_ok(), "{value}");
    }
    replace(&mut request, "x-zc-action", "TerminateInstance");
    assert_eq!(check_at(&request, vector, time(vector)), Err(MISMATCH.to_owned()));
}

#[test]
fn a_known_token_needs_no_timestamp() {
    let mut request = request(&VECTORS[4]);
    request.headers.retain(|(name, _)| name != "X-ZC-Timestamp");
    replace(&mut request, "authorization", "Bearer good-token");
    assert_eq!(check(&request, &[], &[Secret::new("good-token")], 0), Ok(None));
}

//! Every published and captured vector, step by step, and properties of signing.

use super::*;
use proptest::prelude::*;

/// One vector: what is signed and what each step must give.
struct Vector {
    name: &'static str,
    content_type: &'static str,
    host: &'static str,
    timestamp: &'static str,
    secret: &'static str,
    body: &'static str,
    payload: &'static str,
    canonical: &'static str,
    signature: &'static str,
}

const EMPTY_OBJECT: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

#[rustfmt::skip]
const VECTORS: &[Vector] = &[
    Vector {
        name: "D1: the vendor's sample", content_type: "application/json; charset=utf-8", host: "console.zenlayer.com",
        timestamp: "1673361177", secret: "Gu5t9xGARNpq86cd98joQYCN3",
        body: r#"{"pageSize":10,"pageNum":1,"zoneId":"HKG-A"}"#,
        payload: "5f714687ba91c606d503467766151206392474accd137ffea6dce2420b67c29a",
        canonical: "29396f9dfa0f03820b931e8aa06e20cda197e73285ebd76aceb83f7dede493ee",
        signature: "efb356c32e55c781e10dc676da59462c22596d82e91c57803666243379555b2f",
    },
    Vector {
        name: "D2: the same with the bare content type", content_type: "application/json", host: "console.zenlayer.com",
        timestamp: "1673361177", secret: "Gu5t9xGARNpq86cd98joQYCN3",
        body: r#"{"pageSize":10,"pageNum":1,"zoneId":"HKG-A"}"#,
        payload: "5f714687ba91c606d503467766151206392474accd137ffea6dce2420b67c29a",
        canonical: "38b60a7d3276acd156ff8e3693567c2e7c7cbd8e4288d252b80e4968e0e0e897",
        signature: "9fdd5117d611874c57b6514c5265c94aee7b716f33906836f9ebda1b56cbc119",
    },
    Vector {
        name: "V1: Python, host with port", content_type: "application/json", host: "127.0.0.1:8080",
        timestamp: "1750000000", secret: "SKdemo-secret-0001",
        body: r#"{"zoneId": "SEL-A", "imageId": "img-demo0001", "instanceType": "c.1c2g", "instanceChargeType": "POSTPAID", "internetChargeType": "ByBandwidth", "instanceCount": 2, "subnetId": "subnet-demo01"}"#,
        payload: "02691ff0e943be62c66dec8457f979d0317c0bd15bb92a3f3427c81b13568442",
        canonical: "0491f6f49aee57635c683faad9d45d7a354c95fdfe017e71621ae3d8c72fc624",
        signature: "926282c399e44fca7416f6401d1f00ab586a7b2b51eaf545e859d74b797650a1",
    },
    Vector {
        name: "V2: Python, secret with signs, escaped text", content_type: "application/json", host: "gateway.example.internal",
        timestamp: "1750000001", secret: "s3cr3t/+=&?%~",
        body: r#"{"zoneId": "SEL-A", "imageId": "img-demo0001", "instanceType": "c.1c2g", "instanceName": "web-\u6d4b\u8bd5_[3,3]", "instanceChargeType": "POSTPAID", "internetChargeType": "ByBandwidth", "instanceCount": 2, "subnetId": "subnet-demo01", "tags": {"tags": [{"key": "cost-center", "value": "CC-42"}, {"key": "env", "value": "prod"}]}}"#,
        payload: "46eb8d3431ebb64f78a45dc2b32869b9b3dd2c250575aa68d31a16f801985cf4",
        canonical: "a1e77cf60d2bfe873da62debe9b6567dbd1274c1a0624980264a2338277f20a0",
        signature: "9b4623ab3b67d65c0cf88cffd1552aadd3813ef6a93067012e1f0d521eb5bee0",
    },
    Vector {
        name: "V3: Python, empty object", content_type: "application/json", host: "console.zenlayer.com",
        timestamp: "1750000002", secret: "x", body: "{}", payload: EMPTY_OBJECT,
        canonical: "2eb6d40a6d77fe762274e366f8d05626427e80b1c9e1a816d9c08676d12257a4",
        signature: "cdaced3307a6a175c4d87db4c354a20322c31b68aad1785d7a19e717b8679763",
    },
    Vector {
        name: "V4: Python, upper-case host, secret beyond ASCII", content_type: "application/json", host: "Gateway.Example.COM:8443",
        timestamp: "1750000003", secret: "pässwörd-鍵", body: r#"{"pageSize": 10, "pageNum": 1}"#,
        payload: "8238a7e3c26a4024930483cee24c12045cc2cb828a04faa61ad822c5e37358bc",
        canonical: "431f63129064e99add532fa78818fc2a1c826ba78987c0f4b5d60988fab4b2b7",
        signature: "5e428d617304677593f28d13ff0711e9232c50e00dba1a3c152b33d1f37fd7d1",
    },
    Vector {
        name: "V5: Python, a URL as domain", content_type: "application/json", host: "http://127.0.0.1:8080",
        timestamp: "1750000004", secret: "SKdemo-secret-0005", body: "{}", payload: EMPTY_OBJECT,
        canonical: "7f9fe8845aab176f5e8b091a81bccbbb061bed0bdf78761b382844edfcbf8fbf",
        signature: "948235f79bfa3210558eee42b3da0eec18589cdd5e8e0d870798adb9e6bb48f1",
    },
    Vector {
        name: "G1: Go, captured on the wire", content_type: "application/json", host: "127.0.0.1:18080",
        timestamp: "1795396314", secret: "SKtest",
        body: r#"{"zoneId":"SEL-A","instanceName":"测试\u003ca\u0026b\u003e","instanceCount":1,"password":"Abc\u002612345\u003c"}"#,
        payload: "ed30f1257b6bb47f89adfe3d502443b26c3216850c789c188052290e49883642",
        canonical: "f8a6bca7590f1f7cf493692b443e88d5c45cf16b663323a5c2594ce6c3a5ca33",
        signature: "0ce006c429e4eef0826925ecf46bb698df069a15d0833c5689756b8bbcf19d2d",
    },
    Vector {
        name: "J1: Java, captured on the wire", content_type: "application/json; charset=utf-8", host: "127.0.0.1:18080",
        timestamp: "1795396553", secret: "SKtest",
        body: r#"{"subnetId":"s1","instanceName":"测试\u003ca\u003e","zoneId":"SEL-A","instanceChargeType":"POSTPAID","imageId":"img","instanceType":"c.1c2g","internetChargeType":"ByBandwidth","instanceCount":1}"#,
        payload: "f804f001b522229b65aece2df25a05c46e9a57747fbadb479e911e4ef2bb16eb",
        canonical: "7ca16e2d2a5a8b8dfd96878649149364c598481d1df4281b3be49e73cb521007",
        signature: "38524c91bcc79d7498618f95dae1c8f6a6ab3ea978e35a399a801497d0ff042c",
    },
];

#[test]
fn every_vector_matches_step_by_step() {
    for vector in VECTORS {
        let payload = PayloadHash::of(vector.body.as_bytes());
        assert_eq!(payload.to_hex(), vector.payload, "{}: payload", vector.name);

        let canonical =
            Canonical::new(&[("content-type", vector.content_type), ("host", vector.host)], &payload);
        let text = format!(
            "POST\n/\n\ncontent-type:{}\nhost:{}\n\ncontent-type;host\n{}",
            vector.content_type, vector.host, vector.payload
        );
        assert_eq!(canonical.as_str(), text, "{}: canonical text", vector.name);
        assert_eq!(hex::encode(canonical.hash()), vector.canonical, "{}: canonical hash", vector.name);

        let string_to_sign = StringToSign::new(vector.timestamp, &canonical);
        let expected = format!("ZC2-HMAC-SHA256\n{}\n{}", vector.timestamp, vector.canonical);
        assert_eq!(string_to_sign.as_str(), expected, "{}: string to sign", vector.name);

        let key = SigningKey::new(&Secret::new(vector.secret));
        let signature = key.sign(&string_to_sign);
        assert_eq!(signature.to_hex(), vector.signature, "{}: signature", vector.name);
        assert!(key.verifies(&string_to_sign, &signature), "{}", vector.name);
    }
}

#[test]
fn the_header_is_read_strictly() {
    let signature = "0".repeat(64);
    let good = format!(
        "ZC2-HMAC-SHA256 Credential=AK1, SignedHeaders=host;content-type;x-zc-action, Signature={signature}"
    );
    let parsed = Authorization::parse(&good).unwrap();
    assert_eq!(parsed.credential, "AK1");
    assert_eq!(parsed.signed_headers, ["content-type", "host", "x-zc-action"]);
    let refused: &[(&str, AuthorizationError)] = &[
        ("", AuthorizationError::Scheme),
        ("AWS4-HMAC-SHA256 Credential=AK1", AuthorizationError::Scheme),
        ("ZC2-HMAC-SHA256", AuthorizationError::Scheme),
        ("ZC2-HMAC-SHA256 ", AuthorizationError::Parts),
        ("ZC2-HMAC-SHA256 Credential=AK1, SignedHeaders=content-type;host", AuthorizationError::Parts),
        (&good.replace("Credential=AK1", "Credential="), AuthorizationError::Parts),
        (&good.replace("Credential=AK1", "Credential=AK1, Credential=AK2"), AuthorizationError::Parts),
        (&good.replace("Credential=AK1", "Credential=AK1, Extra=1"), AuthorizationError::Parts),
        (&good.replace("host;", ""), AuthorizationError::SignedHeaders),
        (&good.replace("x-zc-action", "host"), AuthorizationError::SignedHeaders),
        (&good.replace("x-zc-action", "x zc"), AuthorizationError::SignedHeaders),
        (&good.replace(&signature, &"0".repeat(63)), AuthorizationError::Signature),
        (&good.replace(&signature, &"A".repeat(64)), AuthorizationError::Signature),
    ];
    for (header, error) in refused {
        assert_eq!(Authorization::parse(header).as_ref(), Err(error), "{header}");
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_no_flipped_bit_does(
        body in prop::collection::vec(any::<u8>(), 0..256), host in "[a-zA-Z0-9.:]{1,40}", secret in "\\PC{1,40}",
        timestamp in 0_i64..4_000_000_000, bit in 0_usize..256,
    ) {
        let key = SigningKey::new(&Secret::new(secret));
        let payload = PayloadHash::of(&body);
        let header = authorize("AK1", &key, "application/json", &host, timestamp, &payload);
        let parsed = Authorization::parse(&header).unwrap();
        let text = |host: &str, payload: &PayloadHash, timestamp: i64| StringToSign::new(
            &timestamp.to_string(), &Canonical::new(&[("content-type", "application/json"), ("host", host)], payload));
        prop_assert!(key.verifies(&text(&host, &payload, timestamp), &parsed.signature));
        let mut forged = parsed.signature;
        forged.0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!key.verifies(&text(&host, &payload, timestamp), &forged));
        let mut altered = body.clone();
        altered.push(b' ');
        prop_assert!(!key.verifies(&text(&host, &PayloadHash::of(&altered), timestamp), &parsed.signature));
        let other = format!("{host}x");
        prop_assert!(!key.verifies(&text(&other, &payload, timestamp), &parsed.signature));
        prop_assert!(!key.verifies(&text(&host, &payload, timestamp + 1), &parsed.signature));
    }
}

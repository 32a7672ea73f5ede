//! An answer before it is bytes, and the envelopes every client expects.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::problem::Problem;

/// Status, headers and body of an answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// `T` and an upper-case UUID, as in every sample of the vendor.
pub(super) fn request_id() -> String {
    format!("T{}", Uuid::new_v4().hyphenated().to_string().to_uppercase())
}

impl Answer {
    /// An answer with this body and no further headers.
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: content_type.to_owned(), headers: Vec::new(), body: body.into() }
    }

    /// A JSON answer.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// 200 with the result; the request id stands outside and inside.
    pub(super) fn success(id: &str, result: Map<String, Value>) -> Self {
        let mut response = Map::new();
        response.insert("requestId".to_owned(), json!(id));
        response.extend(result);
        Self::json(200, &json!({ "requestId": id, "response": response }))
    }

    /// The flat error envelope.
    pub(super) fn refusal(id: &str, problem: &Problem) -> Self {
        Self::json(
            problem.status,
            &json!({ "requestId": id, "code": problem.code, "message": problem.message }),
        )
    }

    /// The bytes for the wire, with a Content-Length that fits.
    pub(super) fn to_bytes(&self, close: bool) -> Vec<u8> {
        let reason = reason(self.status);
        let mut head = format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
            self.status,
            self.content_type,
            self.body.len()
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if close {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

//! The answers of the stub, known to the byte: the driver compares what it gets with what the stub must have sent.

use super::fixture::{Ask, INSTANCES};

/// Digits of a marker.
pub const MARKER: usize = 8;

/// A text with a marker at some places.
pub struct Template {
    text: Vec<u8>,
    places: Vec<usize>,
}

impl Template {
    /// Every `@@@@@@@@` of `text` is a place of the marker.
    fn new(text: String) -> Self {
        let places = text.match_indices("@@@@@@@@").map(|(place, _)| place).collect();
        Self { text: text.into_bytes(), places }
    }

    /// The length, which no marker changes.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Puts `marker` in and gives the text.
    pub fn with(&mut self, marker: &[u8]) -> &[u8] {
        for place in &self.places {
            self.text[*place..*place + MARKER].copy_from_slice(marker);
        }
        &self.text
    }
}

/// The body of the stub's answer.
pub fn body(ask: Ask) -> Template {
    Template::new(match ask {
        Ask::Create | Ask::Refused => created(),
        Ask::Read => listed(),
    })
}

/// The whole answer, head included.
pub fn answer(ask: Ask) -> Template {
    let body = body(ask);
    Template::new(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        body.len(),
        String::from_utf8(body.text).unwrap()
    ))
}

/// 1 KB: as many ids as instances were asked for.
fn created() -> String {
    let ids: Vec<String> =
        (0..INSTANCES).map(|place| format!(r#""ins-bench-@@@@@@@@-{place:02}""#)).collect();
    let id = "T6A1F0C52-5B1E-4E0C-9E43-0000@@@@@@@@";
    format!(
        r#"{{"requestId":"{id}","response":{{"requestId":"{id}","orderNumber":"260823@@@@@@@@","instanceIdSet":[{}]}}}}"#,
        ids.join(",")
    )
}

/// 50 KB: a page of instances.
fn listed() -> String {
    let one = |place: usize| {
        format!(
            r#"{{"instanceId":"ins-bench-@@@@@@@@-{place:03}","instanceName":"web-{place:03}","zoneId":"SEL-A","instanceStatus":"RUNNING","instanceType":"c.8c16g","cpu":8,"memory":16,"imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8","privateIpAddresses":["10.0.3.{place}"],"publicIpAddresses":[],"instanceChargeType":"POSTPAID","createTime":"2026-08-23T10:{:02}:00Z"}}"#,
            place % 60
        )
    };
    let items: Vec<String> = (0..160).map(one).collect();
    let id = "T6A1F0C52-5B1E-4E0C-9E43-0000@@@@@@@@";
    format!(
        r#"{{"requestId":"{id}","response":{{"requestId":"{id}","totalCount":160,"dataSet":[{}]}}}}"#,
        items.join(",")
    )
}

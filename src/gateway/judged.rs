//! What the rules have judged, as the bytes that say it.
//!
//! Nothing can change it any more: it is written once, hashed, and only read from then on. The hash goes into the record and
//! under the signature for the cloud, and is compared with the bytes once more before they are sent. So the document that was
//! judged, the one that is booked and the one that is sent are the same, or nothing is sent.

use bytes::Bytes;

use crate::api::secrets;
use crate::json::Object;
use crate::sign::PayloadHash;

/// See the module.
pub(super) struct Judged {
    document: Object,
    bytes: Bytes,
    hash: PayloadHash,
}

impl Judged {
    pub(super) fn new(document: Object) -> Self {
        let bytes = Bytes::from(document.to_bytes());
        let hash = PayloadHash::of(&bytes);
        Self { document, bytes, hash }
    }

    /// To look things up in.
    pub(super) fn document(&self) -> &Object {
        &self.document
    }

    /// What is sent, with its hash; none if it is no longer what was judged.
    pub(super) fn unchanged(&self) -> Option<(Bytes, PayloadHash)> {
        (PayloadHash::of(&self.bytes) == self.hash).then(|| (self.bytes.clone(), self.hash))
    }

    /// The hash as records may hold it; none where it would let somebody guess a secret.
    pub(super) fn shown(&self) -> Option<String> {
        shown(&self.document, self.hash)
    }
}

/// A hash of a document as records may hold it: of one with a secret it would let somebody who has the record guess on, at
/// leisure, until the hash is right.
pub(super) fn shown(document: &Object, hash: PayloadHash) -> Option<String> {
    (!secrets::has_any(document)).then(|| hash.to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_object;

    #[test]
    fn bytes_that_are_not_those_that_were_judged_are_not_sent() {
        let document = read_object(br#"{"zoneId":"SEL-A"}"#).unwrap();
        let mut judged = Judged::new(document);
        assert_eq!(&judged.unchanged().unwrap().0[..], br#"{"zoneId":"SEL-A"}"#);
        judged.bytes = Bytes::from_static(br#"{"zoneId":"SEL-B"}"#);
        assert!(judged.unchanged().is_none());
    }

    #[test]
    fn no_hash_of_a_secret_is_shown() {
        let shown = |text: &str| Judged::new(read_object(text.as_bytes()).unwrap()).shown();
        assert!(shown(r#"{"zoneId":"SEL-A","password":""}"#).is_some());
        for secret in [r#"{"password":"x"}"#, r#"{"a":[{"userData":"x"}]}"#, r#"{"a":{"initScript":1}}"#] {
            assert_eq!(shown(secret), None, "{secret}");
        }
    }
}

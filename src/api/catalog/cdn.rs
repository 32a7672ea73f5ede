//! Actions of `cdn`: certificates of the content delivery network.
//!
//! From the community Rust SDK, `services/cdn/src/{lib,certificate}.rs`; neither the Go nor the Python SDK knows the service.

use super::{Action, change, read};

const SERVICE: &str = "cdn";
const V2024: &[&str] = &["2024-02-29"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "CreateCertificate", V2024),
    change(SERVICE, "DeleteCertificate", V2024),
    read(SERVICE, "DescribeCertificates", V2024),
    change(SERVICE, "ModifyCertificate", V2024),
];

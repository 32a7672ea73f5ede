//! A view as it stands in the journal: without what is null, which is most of it. A view with its nulls is read as well.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Serialize, Serializer};

use crate::api::view::{Create, DataDisk};

/// The fields of [`Create`], which the compiler compares.
#[derive(Serialize, serde::Deserialize)]
#[serde(remote = "Create")]
struct Sparse {
    count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<CompactString>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    instance_type: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<CompactString>,
    network_boot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charge_type: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prepaid_months: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    internet_charge_type: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bandwidth_mbps: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_group: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_group: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_group_path: Option<CompactString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_group_path: Option<CompactString>,
    tags: BTreeMap<CompactString, CompactString>,
    tags_supported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_supported_by: Option<CompactString>,
    key_pair: bool,
    password: bool,
    script: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_disk_gb: Option<u32>,
    data_disks: Vec<DataDisk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_ipv4: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_ipv6: Option<bool>,
}

struct Kept<'a>(&'a Create);

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Sparse::serialize(self.0, serializer)
    }
}

/// Writes a view.
pub(super) fn view<S: Serializer>(view: &Create, serializer: S) -> Result<S::Ok, S::Error> {
    Kept(view).serialize(serializer)
}

/// Writes a view, where there is one.
pub(super) fn optional<S: Serializer>(
    view: &Option<std::sync::Arc<Create>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    view.as_deref().map(Kept).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_null_is_left_out_and_read_as_null() {
        let mut view = crate::policy::sample_create();
        view.zone = Some("SEL-A".into());
        let with_nulls = serde_json::to_string(&view).unwrap();
        let kept = serde_json::to_string(&Kept(&view)).unwrap();
        assert!(with_nulls.contains("null") && !kept.contains("null"), "{kept}");
        assert!(kept.contains(r#""zone":"SEL-A""#), "{kept}");
        for text in [with_nulls, kept] {
            assert_eq!(serde_json::from_str::<Create>(&text).unwrap(), view, "{text}");
        }
    }
}

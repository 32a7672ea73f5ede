//! What a running gateway judges by and counts, asked over its admin listener.

use std::time::Duration;

use http::Uri;
use serde::Deserialize;

use super::admin::{Access, Question, check, page};
use crate::api::fields::AdmittedField;
use crate::policy::PolicySet;
use crate::policy::answer::Resource;
use crate::replay::shadow::Order;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 << 20;

/// The policies in force and the counts of the moment.
pub(super) struct Live {
    pub(super) set: PolicySet,
    pub(super) admitted: Vec<AdmittedField>,
    pub(super) counts: Vec<LiveCount>,
}

/// One count.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct LiveCount {
    pub(super) scope: String,
    pub(super) resource: Resource,
    pub(super) used: u64,
    pub(super) in_flight: u64,
    pub(super) unknown: u64,
}

#[derive(Deserialize)]
struct Counts {
    counts: Vec<LiveCount>,
}

impl Live {
    /// Asks for both.
    pub(super) fn ask(gateway: &Uri, access: &Access) -> Result<Self, String> {
        check(gateway, "--gateway")?;
        let (order, counts) = super::on_runtime(async {
            Ok::<_, String>((
                ask(gateway, access, "/policy/material").await?,
                ask(gateway, access, "/quota").await?,
            ))
        })?;
        let (status, order) = order;
        if status != 200 {
            return Err(format!("{gateway} answers {status}: {order}"));
        }
        let order: Order = serde_json::from_str(&order).map_err(|error| format!("{gateway}: {error}"))?;
        let admitted = order.admitted.iter().map(|field| field.parse());
        let admitted =
            admitted.collect::<Result<_, _>>().map_err(|_| format!("{gateway}: a field is no field"))?;
        let set = order.material.tree().and_then(PolicySet::from_tree).map_err(|error| error.to_string())?;
        let counts = match counts {
            (404, _) => Vec::new(), // nothing is counted there
            (200, text) => {
                let read: Counts =
                    serde_json::from_str(&text).map_err(|error| format!("{gateway}: {error}"))?;
                read.counts
            }
            (status, text) => return Err(format!("{gateway} answers {status}: {text}")),
        };
        Ok(Self { set, admitted, counts })
    }
}

async fn ask(gateway: &Uri, access: &Access, path: &str) -> Result<(u16, String), String> {
    let url = page(gateway, path)?;
    Question { url: &url, access, document: None, timeout: Duration::from_secs(60), longest: LONGEST }
        .ask()
        .await
}

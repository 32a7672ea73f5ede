//! Asking the cloud what it offers.
//!
//! Only Describe calls are made. A product that answers with an error fails the whole pull: half a picture must not look
//! like a whole one. Who does not use a product leaves it out.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Facts, InstanceType, Zone};
use crate::account::{Account, AskError};
use crate::clock::Clock;

/// A product line of the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Product {
    /// Virtual machines.
    Vm,
    /// Bare metal.
    Bmc,
    /// Elastic compute.
    Zec,
}

impl Product {
    /// The service as paths spell it.
    pub fn service(self) -> &'static str {
        match self {
            Self::Vm => "vm",
            Self::Bmc => "bmc",
            Self::Zec => "zec",
        }
    }
}

/// Why there are no facts.
#[derive(Debug, thiserror::Error)]
#[error("{service} {action}")]
pub struct PullError {
    /// Whom it was asked.
    pub service: &'static str,
    /// What was asked.
    pub action: &'static str,
    /// What went wrong.
    #[source]
    pub source: Trouble,
}

/// What went wrong with one question.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// No usable answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// An answer of another shape than documented.
    #[error("the answer is not as documented")]
    Shape(#[from] serde_json::Error),
}

/// `DescribeZones` of all products.
#[derive(Deserialize)]
struct Zones {
    #[serde(rename = "zoneSet")]
    zones: Vec<ZoneItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZoneItem {
    zone_id: String,
    /// Bare metal has no such member: its machines carry no groups.
    #[serde(default)]
    support_security_group: Option<bool>,
}

/// `DescribeZoneInstanceConfigInfos` of vm and zec.
#[derive(Deserialize)]
struct Configs {
    #[serde(rename = "instanceTypeQuotaSet")]
    types: Vec<ConfigItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigItem {
    instance_type: String,
    cpu_count: u32,
    /// GB.
    memory: u32,
}

/// `DescribeInstanceTypes` of bmc.
#[derive(Deserialize)]
struct Types {
    #[serde(rename = "instanceTypes")]
    types: Vec<TypeItem>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeItem {
    instance_type_id: String,
    /// "Quantity of CPU cores" in the models of 2022-11-20, "number of CPUs" in those of 2026-02-01.
    #[serde(default)]
    cpu_core_count: Option<u32>,
    /// "Number of cores" in those of 2026-02-01.
    #[serde(default)]
    cpu_cores: Option<u32>,
    /// GB.
    memory_size: u32,
}

/// Asks for zones and types of `products` with the credential of `account`.
///
/// # Errors
/// The first question without a usable answer.
pub async fn pull(account: &Account, products: &[Product], clock: &Clock) -> Result<Facts, PullError> {
    let mut facts = Facts::default();
    for product in products {
        let service = product.service();
        let zones: Zones = ask(account, service, "DescribeZones", json!({}), clock).await?;
        for zone in zones.zones {
            let groups = zone.support_security_group.unwrap_or(false);
            // vm and bmc share zones: one that has groups for either has them.
            let entry = facts.zones.entry(zone.zone_id).or_insert(Zone { security_groups: groups });
            entry.security_groups |= groups;
        }
        for (name, size) in types(account, *product, clock).await? {
            let entry = facts.types.entry(name).or_insert(size);
            // A type is of one size everywhere. Were it not, the larger one keeps every limit.
            entry.vcpus = entry.vcpus.max(size.vcpus);
            entry.memory_gb = entry.memory_gb.max(size.memory_gb);
        }
    }
    Ok(facts)
}

async fn types(
    account: &Account,
    product: Product,
    clock: &Clock,
) -> Result<Vec<(String, InstanceType)>, PullError> {
    const INFOS: &str = "DescribeZoneInstanceConfigInfos";
    let questions = match product {
        // vm lists the types of one way of paying at a time.
        Product::Vm => {
            vec![json!({ "instanceChargeType": "POSTPAID" }), json!({ "instanceChargeType": "PREPAID" })]
        }
        Product::Zec => vec![json!({})],
        Product::Bmc => {
            let types: Types =
                ask(account, product.service(), "DescribeInstanceTypes", json!({}), clock).await?;
            let size = |item: &TypeItem| {
                // Whichever of the two counts cores, it is the larger one.
                let vcpus = item.cpu_core_count.max(item.cpu_cores)?;
                Some((item.instance_type_id.clone(), InstanceType { vcpus, memory_gb: item.memory_size }))
            };
            return Ok(types.types.iter().filter_map(size).collect());
        }
    };
    let mut all = Vec::new();
    for question in questions {
        let configs: Configs = ask(account, product.service(), INFOS, question, clock).await?;
        all.extend(configs.types.into_iter().map(|item| {
            (item.instance_type, InstanceType { vcpus: item.cpu_count, memory_gb: item.memory })
        }));
    }
    Ok(all)
}

async fn ask<T: DeserializeOwned>(
    account: &Account,
    service: &'static str,
    action: &'static str,
    question: Value,
    clock: &Clock,
) -> Result<T, PullError> {
    let trouble = |source| PullError { service, action, source };
    let answer = account
        .ask(service, action, &question, clock.unix_seconds())
        .await
        .map_err(|error| trouble(Trouble::Ask(error)))?;
    serde_json::from_value(answer).map_err(|error| trouble(Trouble::Shape(error)))
}

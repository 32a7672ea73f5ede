//! What the cloud really has: listings of machines, all pages of them, for the quota reconciler.
//!
//! A count may be lowered on a listing only if it is whole, so everything that could make it less than that is noticed: a page that
//! fails, an entry that cannot be read, an id that comes twice (machines that appear or go move the others between pages), a total
//! that is not what came. What did come is given all the same.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde_json::{Value, json};

use crate::account::Account;
use crate::api::view::{Create, DataDisk};
use crate::clock::Clock;
use crate::quota::book::Life;

/// The most that the cloud puts on a page.
const PAGE: usize = 1_000;
/// The most ids that a filter takes.
const IDS: usize = 100;
/// More pages than this are not read: no account has a million machines, a total that lies has.
const MOST_PAGES: usize = 1_000;
/// A listing that changed while it was read is read once more.
const TRIES: usize = 2;

/// The services that have machines.
pub const SERVICES: [&str; 3] = ["vm", "bmc", "zec"];

/// Machines, and whether they are all.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The machines, by id.
    pub seen: BTreeMap<String, Seen>,
    /// Why it is not whole; none if it is.
    pub incomplete: Option<String>,
}

/// A machine as a listing shows it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The cloud's id.
    pub id: String,
    /// Its name.
    pub name: Option<CompactString>,
    /// When it was made.
    pub created: Option<jiff::Timestamp>,
    /// Whether it counts.
    pub life: Life,
    /// Its tags.
    pub tags: BTreeMap<CompactString, CompactString>,
    /// What it is, as a create of one.
    pub view: Create,
}

/// All machines of a service of an account.
pub async fn list(account: &Account, service: &str, clock: &Clock) -> Listing {
    let mut listing = Listing::default();
    for _ in 0..TRIES {
        listing = pages(account, service, clock).await;
        if listing.incomplete.is_none() {
            break;
        }
    }
    listing
}

/// These machines, as far as they are there: a second look at what a listing did not show.
pub async fn look(account: &Account, service: &str, ids: &[String], clock: &Clock) -> Listing {
    let mut whole = Listing::default();
    for some in ids.chunks(IDS) {
        let question = json!({ "instanceIds": some, "pageNum": 1, "pageSize": PAGE });
        match ask(account, service, &question, clock).await {
            Ok((items, _)) => whole.take(service, &items),
            Err(why) => whole.incomplete = Some(why),
        }
    }
    whole
}

async fn pages(account: &Account, service: &str, clock: &Clock) -> Listing {
    let mut listing = Listing::default();
    let mut came = 0_usize;
    for page in 1..=MOST_PAGES {
        let question = json!({ "pageNum": page, "pageSize": PAGE });
        let (items, total) = match ask(account, service, &question, clock).await {
            Ok(answer) => answer,
            Err(why) => {
                listing.incomplete = Some(format!("page {page}: {why}"));
                return listing;
            }
        };
        came = came.saturating_add(items.len());
        listing.take(service, &items);
        if items.is_empty() || came >= total {
            if listing.seen.len() != total && listing.incomplete.is_none() {
                let unique = listing.seen.len();
                listing.incomplete = Some(format!("{unique} machines came, the total is {total}"));
            }
            return listing;
        }
    }
    listing.incomplete = Some(format!("more than {MOST_PAGES} pages"));
    listing
}

/// One page: its entries and the total.
async fn ask(
    account: &Account,
    service: &str,
    question: &Value,
    clock: &Clock,
) -> Result<(Vec<Value>, usize), String> {
    let answer = account.ask(service, "DescribeInstances", question, clock.unix_seconds()).await;
    let mut answer = answer.map_err(|error| chain(&error))?;
    let total =
        answer.get("totalCount").and_then(Value::as_u64).and_then(|total| usize::try_from(total).ok());
    match (answer.get_mut("dataSet").map(Value::take), total) {
        (Some(Value::Array(items)), Some(total)) => Ok((items, total)),
        (Some(Value::Null), Some(0)) => Ok((Vec::new(), 0)),
        _ => Err("the answer has no dataSet or no totalCount".to_owned()),
    }
}

impl Listing {
    fn take(&mut self, service: &str, items: &[Value]) {
        for item in items {
            match read(service, item) {
                Some(seen) => {
                    let id = seen.id.clone();
                    if self.seen.insert(id.clone(), seen).is_some() {
                        self.incomplete = Some(format!("{id} came twice"));
                    }
                }
                None => self.incomplete = Some("an entry cannot be read".to_owned()),
            }
        }
    }
}

/// InstanceInfo of vm (2026-01-01), bmc and zec: mostly the same members, some by other names.
fn read(service: &str, item: &Value) -> Option<Seen> {
    let text = |name: &str| {
        item.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(CompactString::from)
    };
    let status = text(if service == "zec" { "status" } else { "instanceStatus" })?;
    let instance_type = text(if service == "bmc" { "instanceTypeId" } else { "instanceType" });
    let pairs = item.get("tags").map(|tags| tags.get("tags").unwrap_or(tags)).and_then(Value::as_array);
    let tags = pairs.into_iter().flatten().filter_map(|tag| {
        let part = |name: &str| tag.get(name).and_then(Value::as_str).map(CompactString::from);
        Some((part("key")?, part("value").unwrap_or_default()))
    });
    let tags: BTreeMap<CompactString, CompactString> = tags.collect();
    let size =
        |disk: &Value| disk.get("diskSize").and_then(Value::as_u64).and_then(|size| u32::try_from(size).ok());
    let disks = item.get("dataDisks").and_then(Value::as_array).into_iter().flatten();
    let data_disks = disks.map(|disk| DataDisk {
        size_gb: size(disk),
        amount: 1,
        category: disk.get("diskCategory").and_then(Value::as_str).map(CompactString::from),
    });
    let addresses = item.get("publicIpAddresses").and_then(Value::as_array);
    let public = addresses.is_some_and(|addresses| !addresses.is_empty());
    let number =
        |name: &str| item.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    let name = text("instanceName");
    let view = Create {
        count: 1,
        zone: text("zoneId"),
        instance_type,
        image: text("imageId"),
        network_boot: text("ipxeUrl").is_some(),
        name: name.clone(),
        charge_type: text("instanceChargeType"),
        prepaid_months: number("period"),
        internet_charge_type: text("internetChargeType"),
        bandwidth_mbps: number("internetMaxBandwidthOut").or_else(|| number("bandwidthOutMbps")),
        subnet: text("subnetId"),
        resource_group: text("resourceGroupId"),
        security_group: text("securityGroupId"),
        resource_group_path: None,
        security_group_path: None,
        tags: tags.clone(),
        tags_supported: true,
        tags_supported_by: None,
        key_pair: text("keyId").is_some(),
        password: false,
        script: false,
        system_disk_gb: item.get("systemDisk").and_then(size),
        data_disks: data_disks.collect(),
        public_ipv4: Some(public),
        public_ipv6: None,
    };
    let created = text("createTime").and_then(|time| time.parse().ok());
    Some(Seen { id: text("instanceId")?.into(), name, created, life: life(&status), tags, view })
}

/// The vendor's states. One that nobody knows is a machine that exists.
fn life(status: &str) -> Life {
    match status {
        "CREATE_FAILED" | "INSTALL_FAILED" => Life::Failed,
        "RELEASING" | "RECYCLE" | "RECYCLED" | "RECYCLING" => Life::Leaving,
        _ => Life::Live,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

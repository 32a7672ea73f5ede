//! Every action of the vendor's services and how it is guarded: one table per service.
//!
//! # Where the tables come from
//! The actions and versions were extracted from the request methods of the vendor's Python SDK
//! (`zenlayercloud-sdk-python` 2.0.77, `zenlayercloud/<service>/<version>/<service>_client.py`), which knows every service
//! and version of the Go SDK but two (`zga` 2023-07-06, `zbc` 2024-08-08), and completed from the Go SDK (`zenlayercloud-sdk-go`, the packages
//! `zenlayercloud/<service><version>`) where that knows more, and from the community Rust SDK for `cdn`. Each table says
//! what it was taken from. The extracting script was thrown away: a table is kept by hand from here on.
//!
//! # How the kinds were assigned
//! - *create*: what makes machines; exactly [`Kind::Create`] in the tables, listed by a test. Nothing else in the SDKs makes
//!   machines: disks, addresses, gateways, load balancers and accelerators are changes.
//! - *read*: what certainly changes nothing and hands out nothing that opens a machine or a network: `Describe...`,
//!   `Inquiry...`, the `Query...Price` actions of `sdn` and `AvailableLanIp` of `zec`.
//! - *change*: everything else; also the seven `Describe...` actions that answer with a console address, a password or a
//!   script, which a key that may only read must not get.

mod aigw;
mod alarm;
mod bmc;
mod ccs;
mod cdn;
mod ipt;
mod maintenance;
mod mcpgw;
mod pvtdns;
mod sdn;
mod traffic;
mod user;
mod vm;
mod zbc;
mod zdns;
mod zec;
mod zengate;
mod zga;
mod zlb;
mod zls;
mod zos;
mod zrm;
mod zsp;

use super::{Action, Call, Kind};

/// Sorted by service; each table sorted by name.
static SERVICES: &[(&str, &[Action])] = &[
    ("aigw", aigw::ACTIONS),
    ("alarm", alarm::ACTIONS),
    ("bmc", bmc::ACTIONS),
    ("ccs", ccs::ACTIONS),
    ("cdn", cdn::ACTIONS),
    ("ipt", ipt::ACTIONS),
    ("maintenance", maintenance::ACTIONS),
    ("mcpgw", mcpgw::ACTIONS),
    ("pvtdns", pvtdns::ACTIONS),
    ("sdn", sdn::ACTIONS),
    ("traffic", traffic::ACTIONS),
    ("user", user::ACTIONS),
    ("vm", vm::ACTIONS),
    ("zbc", zbc::ACTIONS),
    ("zdns", zdns::ACTIONS),
    ("zec", zec::ACTIONS),
    ("zengate", zengate::ACTIONS),
    ("zga", zga::ACTIONS),
    ("zlb", zlb::ACTIONS),
    ("zls", zls::ACTIONS),
    ("zos", zos::ACTIONS),
    ("zrm", zrm::ACTIONS),
    ("zsp", zsp::ACTIONS),
];

/// Finds an action by its exact spelling.
pub fn lookup(service: &str, name: &str) -> Option<&'static Action> {
    let table = table(service)?;
    let place = table.binary_search_by(|action| action.name.cmp(name)).ok()?;
    table.get(place)
}

/// Finds an action whatever the case of service and name: for a hint to someone who misspelt it, never for routing.
pub fn spelling(service: &str, name: &str) -> Option<&'static Action> {
    let (_, table) = SERVICES.iter().find(|(known, _)| known.eq_ignore_ascii_case(service))?;
    table.iter().find(|action| action.name.eq_ignore_ascii_case(name))
}

/// Every action, by service and name.
pub fn actions() -> impl Iterator<Item = &'static Action> {
    SERVICES.iter().flat_map(|(_, table)| table.iter())
}

/// Whether the gateway answers an action itself, and the cloud never hears of it.
pub fn is_own(action: &Action) -> bool {
    action.service == zengate::SERVICE
}

/// Every service, sorted.
pub fn services() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().map(|(service, _)| *service)
}

impl Call {
    /// The call of `action` in `version`, or in the newest version where none is given; none if the action does not know
    /// the version.
    pub fn new(action: &'static Action, version: Option<&str>) -> Option<Self> {
        let version = match version {
            None => action.versions.last(),
            Some(asked) => action.versions.iter().find(|known| **known == asked),
        };
        Some(Self { action, version: version? })
    }
}

fn table(service: &str) -> Option<&'static [Action]> {
    let place = SERVICES.binary_search_by(|(known, _)| (*known).cmp(service)).ok()?;
    SERVICES.get(place).map(|(_, table)| *table)
}

/// A row of a table: an action that changes nothing.
const fn read(service: &'static str, name: &'static str, versions: &'static [&'static str]) -> Action {
    Action { service, name, versions, kind: Kind::Read }
}

/// A row of a table: an action that makes machines.
const fn create(service: &'static str, name: &'static str, versions: &'static [&'static str]) -> Action {
    Action { service, name, versions, kind: Kind::Create }
}

/// A row of a table: any other action.
const fn change(service: &'static str, name: &'static str, versions: &'static [&'static str]) -> Action {
    Action { service, name, versions, kind: Kind::Change }
}

#[cfg(test)]
mod tests;

//! Every action the emulator answers. A new one is a function in a small file and a line in the table of its service.

use super::call::{Call, Reply};

mod bmc;
mod catalog;
mod ccs;
mod change;
mod fleet;
mod list;
mod paging;
mod price;
mod shape;
mod simple;
mod tags;
mod user;
mod vm;
mod vm_create;
mod zec;
mod zrm;

/// An action of a service in the versions that have it, oldest first.
pub(super) struct Action {
    pub(super) service: &'static str,
    pub(super) name: &'static str,
    versions: &'static [&'static str],
    pub(super) run: fn(&mut Call<'_>) -> Reply,
}

const VM: &[&str] = &["2023-03-13", "2026-04-01"];

const fn action(
    service: &'static str,
    name: &'static str,
    versions: &'static [&'static str],
    run: fn(&mut Call<'_>) -> Reply,
) -> Action {
    Action { service, name, versions, run }
}

/// Every action of every service.
pub(super) fn all() -> impl Iterator<Item = &'static Action> {
    let tables = [vm::ACTIONS, bmc::ACTIONS, zec::ACTIONS, user::ACTIONS, zrm::ACTIONS, ccs::ACTIONS];
    tables.into_iter().flatten()
}

/// Finds an action. The version must be one that has it; a missing one is the newest.
pub(super) fn find(
    service: &str,
    name: &str,
    version: Option<&str>,
) -> Option<(&'static Action, &'static str)> {
    let action = all().find(|action| action.service == service && action.name == name)?;
    let known = match version {
        Some(wanted) => action.versions.iter().find(|known| **known == wanted),
        None => action.versions.last(),
    };
    known.map(|version| (action, *version))
}

/// Whether the call may change the account.
pub(super) fn is_change(name: &str) -> bool {
    !(name.starts_with("Describe") || name.starts_with("Inquiry"))
}

/// Whether the call makes machines.
pub(super) fn is_create(service: &str, name: &str) -> bool {
    matches!((service, name), ("vm" | "bmc" | "zec", "CreateInstances") | ("zec", "CreateZecInstances"))
}

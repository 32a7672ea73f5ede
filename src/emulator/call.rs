//! One call of an action: what it may look at and change.

use std::time::Duration;

use serde_json::{Map, Value};

use super::fields::Fields;
use super::life::Fate;
use super::problem::Problem;
use super::world::{Machine, Product, World};

/// The members of `response`, without the request id.
pub(super) type Reply = Result<Map<String, Value>, Problem>;

/// A call that was let in.
pub(super) struct Call<'a> {
    pub(super) world: &'a mut World,
    pub(super) fields: Fields<'a>,
    pub(super) version: &'static str,
    /// Since the Unix epoch, the same for the whole call.
    pub(super) now: Duration,
    /// What becomes of machines this call creates.
    pub(super) fate: Fate,
}

impl Call<'_> {
    /// A machine named by the request.
    pub(super) fn machine(&mut self, product: Product, id: &str) -> Result<&mut Machine, Problem> {
        let now = self.now;
        self.world.machine(product, id, now).ok_or_else(|| not_found(id))
    }

    /// The resource group the request names; absent or "" is the account's default.
    pub(super) fn resource_group(&self) -> Result<String, Problem> {
        let account = &self.world.account;
        match self.fields.text("resourceGroupId")? {
            None => Ok(account.default_group().to_owned()),
            Some(id) if account.group(id).is_some() => Ok(id.to_owned()),
            Some(id) => Err(no_group(id)),
        }
    }
}

/// Every call's answer to an unknown resource group.
pub(super) fn no_group(id: &str) -> Problem {
    Problem::absent(
        "OPERATION_FAILED_RESOURCE_GROUP_NOT_FOUND",
        format!("The resource group {id} does not exist."),
    )
}

/// The answer to anything unknown that has no code of its own.
pub(super) fn no_resource(kind: &str, id: &str) -> Problem {
    Problem::absent("OPERATION_FAILED_RESOURCE_NOT_FOUND", format!("The {kind} {id} does not exist."))
}

/// The answer to an unknown security group.
pub(super) fn no_security_group(id: &str) -> Problem {
    Problem::absent("INVALID_SECURITY_GROUP_NOT_FOUND", format!("The security group {id} does not exist."))
}

/// The lifecycle calls' answer to an unknown machine.
pub(super) fn not_found(id: &str) -> Problem {
    Problem::absent("INVALID_INSTANCE_NOT_FOUND", format!("The instance {id} does not exist."))
}

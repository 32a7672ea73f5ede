//! Calls that name several machines: all of them are looked at before the first one is changed.

use serde_json::{Map, Value};

use crate::emulator::call::Call;
use crate::emulator::fields::Fields;
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::world::{Machine, Product};

/// Machines one call may name.
const IDS: usize = 100;

/// What a machine must be like for a change.
pub(super) type Check = fn(&Machine, Status) -> Result<(), Problem>;

/// The machines of `instanceIds`, which has at least one.
pub(super) fn ids<'a>(fields: Fields<'a>) -> Result<Vec<&'a str>, Problem> {
    let ids = fields.texts_up_to("instanceIds", IDS)?;
    if ids.is_empty() { Err(Problem::missing("instanceIds")) } else { Ok(ids) }
}

/// Looks at every machine; the first one that does not fit decides.
pub(super) fn check(call: &mut Call<'_>, product: Product, ids: &[&str], fits: Check) -> Result<(), Problem> {
    let now = call.now;
    for id in ids {
        let machine = call.machine(product, id)?;
        fits(machine, machine.life.at(now))?;
    }
    Ok(())
}

/// Looks at every machine of `instanceIds`, then changes every one.
pub(super) fn change(
    call: &mut Call<'_>,
    product: Product,
    fits: Check,
    mut change: impl FnMut(&mut Machine),
) -> Result<(), Problem> {
    let ids = ids(call.fields)?;
    check(call, product, &ids, fits)?;
    for id in ids {
        change(call.machine(product, id)?);
    }
    Ok(())
}

/// The refusal of a change that does not fit the state of a machine.
pub(super) fn denied(code: &'static str, machine: &Machine, status: Status) -> Problem {
    Problem::denied(code, format!("The instance {} is {}.", machine.id, status.as_str()))
}

/// An answer that lists the machines on which the call failed: none, because a call changes all or none.
pub(super) fn none_failed(field: &str) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert(field.to_owned(), Value::Array(Vec::new()));
    result
}

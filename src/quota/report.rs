//! The count, for people: what is used of what, and who holds it. Metrics, command line, admin listener and the teams' own reads
//! all come from here, so the number shown is the number enforced.

use compact_str::CompactString;
use serde::Serialize;

use super::book::{Book, Origin, State};
use super::event::{Line, Millis};
use crate::policy::answer::Resource;
use crate::record::decision_id;

/// One count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Whose, e.g. `team/payments/zone/SEL-A`.
    pub scope: String,
    /// Of what.
    pub resource: Resource,
    /// The least limit that refuses, as the rules said last; none where nothing does.
    pub limit: Option<u64>,
    /// Until when that is a temporary limit (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_until: Option<jiff::Timestamp>,
    /// By machines.
    pub used: u64,
    /// By creates in flight.
    pub in_flight: u64,
    /// By creates of unknown outcome.
    pub unknown: u64,
    /// What may still be asked for; none without a limit.
    pub left: Option<u64>,
}

/// Something that counts, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// `instance` or `hold`.
    pub kind: &'static str,
    /// The instance's id, or the booking's.
    pub id: String,
    /// How much of the resource it counts.
    pub amount: u64,
    /// `used`, `in_flight`, `unknown` or `escalated`.
    pub state: &'static str,
    /// The cloud account.
    pub account: String,
    /// The service.
    pub service: String,
    /// The team.
    pub team: String,
    /// The decision by which it was made; none for a machine made around the gateway.
    pub decision: Option<String>,
    /// The key with which it was made.
    pub key: Option<String>,
    /// Since when it counts.
    pub since: jiff::Timestamp,
    /// The zone.
    pub zone: Option<CompactString>,
    /// The type.
    #[serde(rename = "type")]
    pub instance_type: Option<CompactString>,
    /// How a machine that was found was attributed, or why people have to decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is counted, by scope and resource; of one team only, where one is given.
pub fn counts(book: &Book, team: Option<&str>, now: Millis) -> Vec<Count> {
    let shown = book.tallies().iter().filter(|(scope, ..)| team.is_none_or(|team| belongs(scope, team)));
    shown
        .map(|(scope, resource, tally)| Count {
            scope: scope.to_owned(),
            resource,
            limit: tally.limit_at(now),
            limit_until: tally.until.filter(|until| now < *until).map(timestamp),
            used: tally.used,
            in_flight: tally.in_flight,
            unknown: tally.unknown,
            left: tally.left(now),
        })
        .collect()
}

/// Everything that makes up one count, the oldest first; the amounts add up to it.
pub fn units(book: &Book, scope: &str, resource: Resource) -> Vec<Unit> {
    let amount = |lines: &[Line]| {
        let lines = lines.iter().filter(|line| line.scope == scope && line.resource == resource);
        lines.map(|line| line.amount).sum::<u64>()
    };
    let machines = book.machines().map(|(id, machine)| {
        let (decision, key, note) = match &machine.origin {
            Origin::Gateway { decision, key } => (Some(decision_id(decision)), Some(key.clone()), None),
            Origin::Found { why } => (None, None, Some(why.clone())),
        };
        let view = machine.view.as_deref();
        Unit {
            kind: "instance",
            id: id.id.clone(),
            amount: amount(&machine.claims),
            state: "used",
            account: id.account.clone(),
            service: id.service.clone(),
            team: machine.team.clone(),
            decision,
            key,
            since: timestamp(machine.since),
            zone: view.and_then(|view| view.zone.clone()),
            instance_type: view.and_then(|view| view.instance_type.clone()),
            note,
        }
    });
    let holds = book.bookings().map(|(id, booking)| {
        let (state, note) = match &booking.state {
            State::InFlight => ("in_flight", None),
            State::Escalated { why, .. } => ("escalated", Some(why.clone())),
            State::Created => {
                ("unknown", Some("the cloud named fewer instances than were asked for".to_owned()))
            }
            State::Unknown { .. } | State::Void => ("unknown", None),
        };
        let view = booking.view.as_deref();
        Unit {
            kind: "hold",
            id: decision_id(id),
            amount: amount(&booking.held()),
            state,
            account: booking.account.clone(),
            service: booking.call.service.to_string(),
            team: booking.asker.team.clone(),
            decision: Some(decision_id(id)),
            key: Some(booking.asker.key.clone()),
            since: timestamp(booking.at),
            zone: view.and_then(|view| view.zone.clone()),
            instance_type: view.and_then(|view| view.instance_type.clone()),
            note,
        }
    });
    let mut units: Vec<Unit> = machines.chain(holds).filter(|unit| unit.amount > 0).collect();
    units.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
    units
}

/// What the book knows of an instance by its id: as a machine that counts, and as what a booking made. Several where accounts or
/// services use the same id.
pub fn standing(book: &Book, instance: &str) -> Vec<Standing> {
    let machines = book.machines().filter(|(id, _)| id.id == instance).map(|(id, machine)| {
        let (decision, note) = match &machine.origin {
            Origin::Gateway { decision, .. } => (Some(decision_id(decision)), None),
            Origin::Found { why } => (None, Some(why.clone())),
        };
        let view = machine.view.as_deref();
        Standing {
            state: "counted",
            account: id.account.clone(),
            service: id.service.clone(),
            team: machine.team.clone(),
            decision,
            since: timestamp(machine.since),
            zone: view.and_then(|view| view.zone.clone()),
            instance_type: view.and_then(|view| view.instance_type.clone()),
            claims: machine.claims.to_vec(),
            note,
        }
    });
    let gone = book.bookings().filter(|(_, booking)| {
        booking.ids.iter().any(|id| id == instance) && book.machine(&booking.machine(instance)).is_none()
    });
    let gone = gone.map(|(id, booking)| Standing {
        state: "released",
        account: booking.account.clone(),
        service: booking.call.service.to_string(),
        team: booking.asker.team.clone(),
        decision: Some(decision_id(id)),
        since: timestamp(book.released_at(&booking.machine(instance)).unwrap_or(booking.changed)),
        zone: None,
        instance_type: None,
        claims: Vec::new(),
        note: None,
    });
    machines.chain(gone).collect()
}

/// How an instance stands in the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// `counted`, or `released` not long ago.
    pub state: &'static str,
    /// The cloud account.
    pub account: String,
    /// The service.
    pub service: String,
    /// The team that it counts for.
    pub team: String,
    /// The decision by which it was made; none for a machine made around the gateway.
    pub decision: Option<String>,
    /// Since when.
    pub since: jiff::Timestamp,
    /// The zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<CompactString>,
    /// The type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<CompactString>,
    /// What it counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Line>,
    /// How a machine that was found was attributed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How long the oldest create of unknown outcome has been so, in ms, and how many there are.
pub fn oldest_unknown(book: &Book, now: Millis) -> (u64, Option<u64>) {
    let since: Vec<Millis> = book
        .bookings()
        .filter(|(_, booking)| booking.asked > 0)
        .filter_map(|(_, booking)| booking.state.unknown_since())
        .collect();
    let oldest = since.iter().min().map(|since| u64::try_from(now.saturating_sub(*since)).unwrap_or(0));
    (u64::try_from(since.len()).unwrap_or(u64::MAX), oldest)
}

/// Whether a scope is a team's own.
pub fn belongs(scope: &str, team: &str) -> bool {
    scope
        .strip_prefix("team/")
        .and_then(|rest| rest.strip_prefix(team))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn timestamp(at: Millis) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::belongs;

    #[test]
    fn a_team_sees_its_own_scopes_only() {
        assert!(belongs("team/pay", "pay") && belongs("team/pay/zone/SEL-A", "pay"));
        for other in ["team/payments", "organisation", "zone/pay", "team/x/team/pay", "team"] {
            assert!(!belongs(other, "pay"), "{other}");
        }
    }
}

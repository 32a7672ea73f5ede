//! What a machine counts for, by the rules of now: which team, and how much.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{NotRun, Reconciler, UNASSIGNED};
use crate::account::Account;
use crate::api::view::Create;
use crate::fleet;
use crate::policy::PolicySet;
use crate::quota::book;
use crate::quota::event::{Event, Line, MachineId, ScopeLimit};

impl Reconciler {
    /// The team that a machine counted for so far, the one that it counts for by the rules of now, and what it uses.
    pub(super) async fn price(
        &self,
        account: &Account,
        service: &str,
        seen: &fleet::Seen,
    ) -> Option<(Option<String>, String, Vec<Line>)> {
        let machine =
            MachineId { account: account.name.clone(), service: service.to_owned(), id: seen.id.clone() };
        let known = self.0.ledger.read(|book| {
            book.machine(&machine).map(|machine| {
                let group = machine.view.as_ref().and_then(|view| view.resource_group.clone());
                (machine.team.clone(), group, machine.view.clone())
            })
        });
        let group = seen.view.resource_group.as_deref();
        let policy = self.0.judge.current();
        let by_group = group.and_then(|group| policy.team_of_group(group)).map(str::to_owned);
        let known = known.flatten();
        let counted_for = known.as_ref().map(|(team, ..)| team.clone());
        let (team, view) = match known {
            // A machine stays its team's until it is moved to a group that is another's.
            Some((team, was, view)) => {
                let moved = was.as_deref() != group && was.is_some() && group.is_some();
                let team = if moved { by_group.unwrap_or_else(|| UNASSIGNED.to_owned()) } else { team };
                (team, merged(&seen.view, view.as_deref()))
            }
            None => (by_group.unwrap_or_else(|| UNASSIGNED.to_owned()), seen.view.clone()),
        };
        let claims = self.0.judge.price(&policy, &team, &view, self.0.clock.timestamp()).await.ok()?;
        Some((counted_for, team, book::lines(&claims)))
    }

    /// Prices everything that is counted by these rules, if it was priced by others.
    ///
    /// # Errors
    /// [`NotRun::Away`]
    pub async fn reprice(&self, policy: &Arc<PolicySet>) -> Result<(), NotRun> {
        let inner = &self.0;
        let digest = policy.revision().to_owned();
        let stale = inner.ledger.read(|book| {
            (book.priced() != Some(&digest)).then(|| {
                let machines: Vec<(MachineId, String, Create)> = book
                    .machines()
                    .filter_map(|(id, machine)| {
                        Some((id.clone(), machine.team.clone(), machine.view.as_deref()?.clone()))
                    })
                    .collect();
                let holds: Vec<(uuid::Uuid, String, Create)> = book
                    .bookings()
                    .filter(|(_, booking)| !booking.held().is_empty())
                    .filter_map(|(id, booking)| {
                        Some((*id, booking.asker.team.clone(), booking.view.as_deref()?.clone()))
                    })
                    .collect();
                (machines, holds)
            })
        });
        let Some((machines, holds)) = stale.flatten() else { return Ok(()) };
        // Machines that look the same cost the same: each kind is priced once.
        let mut known: BTreeMap<String, Vec<crate::policy::verdict::JudgedClaim>> = BTreeMap::new();
        let mut prices = Vec::new();
        for (machine, team, view) in machines {
            if let Some(claims) = self.priced(policy, &mut known, &team, &view).await {
                prices.push((Priced::Machine(machine, team), claims));
            }
        }
        for (hold, team, view) in holds {
            if let Some(claims) = self.priced(policy, &mut known, &team, &view).await {
                prices.push((Priced::Hold(hold), claims));
            }
        }
        let count = prices.len();
        let changed = inner.ledger.change(move |book, at| {
            let mut limits: BTreeMap<(String, &'static str), ScopeLimit> = BTreeMap::new();
            let mut events = Vec::new();
            for (what, claims) in prices {
                for claim in &claims {
                    let limit = book::scope_limit(claim);
                    limits.insert((claim.scope.to_string(), claim.resource.as_str()), limit);
                }
                let claims = book::lines(&claims);
                match what {
                    Priced::Machine(machine, team) => {
                        let stale =
                            |known: &book::Machine| known.team == team && !book::same(&known.claims, &claims);
                        if book.machine(&machine).is_some_and(stale) {
                            let why = "the quota rules were changed".to_owned();
                            events.push(Event::Repriced { machine, at, team, claims, view: None, why });
                        }
                    }
                    Priced::Hold(id) => {
                        if book.booking(&id).is_some_and(|known| !book::same(&known.claims, &claims)) {
                            events.push(Event::Reheld { id, at, claims });
                        }
                    }
                }
            }
            if !limits.is_empty() {
                events.push(Event::Limits { at, limits: limits.into_values().collect() });
            }
            events.push(Event::Priced { digest, at });
            ((), events)
        });
        changed.await.map_err(|_| NotRun::Away)?;
        tracing::info!(count, "everything that is counted was priced by the new rules");
        Ok(())
    }

    async fn priced(
        &self,
        policy: &Arc<PolicySet>,
        known: &mut BTreeMap<String, Vec<crate::policy::verdict::JudgedClaim>>,
        team: &str,
        view: &Create,
    ) -> Option<Vec<crate::policy::verdict::JudgedClaim>> {
        let mut plain = view.clone();
        plain.name = None;
        let key = format!("{team}\n{}", serde_json::to_string(&plain).ok()?);
        if let Some(claims) = known.get(&key) {
            return Some(claims.clone());
        }
        let claims = match self.0.judge.price(policy, team, view, self.0.clock.timestamp()).await {
            Ok(claims) => claims,
            Err(failure) => {
                tracing::error!(
                    ?failure,
                    team,
                    "a machine cannot be priced by the new rules; it counts as before"
                );
                return None;
            }
        };
        known.insert(key, claims.clone());
        Some(claims)
    }
}

enum Priced {
    Machine(MachineId, String),
    Hold(uuid::Uuid),
}

/// What was asked for, where the listing does not tell: a machine must not cost less because less is known of it.
fn merged(seen: &Create, asked: Option<&Create>) -> Create {
    let mut view = seen.clone();
    if let Some(asked) = asked {
        view.system_disk_gb = view.system_disk_gb.or(asked.system_disk_gb);
        view.resource_group = view.resource_group.or_else(|| asked.resource_group.clone());
        view.public_ipv4 = asked.public_ipv4.or(view.public_ipv4);
        if view.data_disks.is_empty() {
            view.data_disks.clone_from(&asked.data_disks);
        }
    }
    view
}

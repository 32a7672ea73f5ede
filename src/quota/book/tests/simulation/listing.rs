//! The reconciler in the simulation: it lists, and what it saw may be old when it is compared.

use super::*;

impl World {
    /// The reconciler lists, and some time later holds what it saw against the book.
    pub(super) fn list(&mut self, replica: usize) {
        let findings = match self.listing.take() {
            Some(early) => early,
            None => {
                let findings = self.look();
                if self.dice.one_in(2) {
                    self.listing = Some(findings);
                    return;
                }
                findings
            }
        };
        let policy = ObservePolicy::default();
        let (events, _) =
            self.book.observe(&findings, &policy, &mut self.memory, self.now + self.replicas[replica].clock);
        self.fold(events);
        let strayed = self.book.machines().find(|(_, machine)| {
            matches!(machine.origin, Origin::Gateway { .. }) && machine.team != "payments"
        });
        assert!(strayed.is_none(), "nobody has moved it: {strayed:?}");
    }

    fn look(&mut self) -> Findings {
        let complete = !self.dice.one_in(4);
        let (asked_at, asked_row) = (self.now, self.book.seq());
        let found: Vec<Found> = self
            .cloud
            .iter()
            .filter(|(_, made)| made.listed <= self.now)
            .map(|(id, made)| {
                let machine = self.book.machines().find(|(machine, _)| machine.id == *id);
                let counted_for = machine.map(|(_, machine)| machine.team.clone());
                // Who it belongs to is not written on a machine.
                let team = counted_for.clone().unwrap_or_else(|| STRANGERS.to_owned());
                let scope = format!("team/{team}");
                Found {
                    id: id.clone(),
                    name: None,
                    created: Some(made.at),
                    life: Life::Live,
                    decision: None,
                    view: view(1),
                    team,
                    claims: vec![Line { scope, resource: Resource::Instances, amount: 1 }],
                    counted_for,
                }
            })
            .collect();
        let found: Vec<Found> =
            if complete { found } else { found.into_iter().filter(|_| self.dice.one_in(2)).collect() };
        let absent = self
            .book
            .machines
            .keys()
            .filter(|machine| self.cloud.get(&machine.id).is_none_or(|made| made.listed > self.now))
            .map(|machine| machine.id.clone())
            .collect();
        Findings {
            account: "main".to_owned(),
            service: "vm".to_owned(),
            complete,
            asked_at,
            asked_row,
            found,
            absent,
        }
    }
}

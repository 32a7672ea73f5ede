//! The account as the emulated cloud knows it: its machines, and the numbers it hands out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::life::{Fate, Life, Pace, Status};

pub(super) mod account;
pub(super) mod bmc;
pub(super) mod passing;
pub(super) mod resource;
pub(super) mod vm;
pub(super) mod zec;

/// The product line a machine belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Product {
    /// Virtual machines, service `vm`.
    Vm,
    /// Bare metal, service `bmc`.
    Bmc,
    /// Elastic compute, service `zec`.
    Zec,
}

/// A disk of a machine; the data disks of vm machines are [`vm::disk::DataDisk`]s instead.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Disk {
    pub(super) id: String,
    /// GB.
    pub(super) size: i64,
    pub(super) category: String,
}

/// A machine, whatever its product; what a product does not know stays empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) product: Product,
    pub(super) id: String,
    pub(super) zone: String,
    pub(super) name: String,
    pub(super) hostname: String,
    pub(super) model: String,
    pub(super) cpu: i64,
    pub(super) memory: i64,
    pub(super) image: String,
    pub(super) image_name: String,
    pub(super) charge_type: String,
    pub(super) period: Option<i64>,
    pub(super) internet_charge_type: String,
    pub(super) bandwidth: i64,
    pub(super) traffic_package: Option<f64>,
    pub(super) public_ips: Vec<String>,
    pub(super) private_ips: Vec<String>,
    pub(super) subnet: String,
    pub(super) resource_group: String,
    pub(super) security_groups: Vec<String>,
    pub(super) system_disk: Disk,
    pub(super) data_disks: Vec<Disk>,
    pub(super) key: Option<String>,
    pub(super) nic: (String, String),
    pub(super) tags: Vec<(String, String)>,
    pub(super) created: Duration,
    pub(super) life: Life,
}

impl Machine {
    /// A bare machine; the create fills the rest.
    pub(super) fn new(product: Product, id: String, disk: String, now: Duration, life: Life) -> Self {
        Self {
            product,
            id,
            zone: String::new(),
            name: "instance".to_owned(),
            hostname: String::new(),
            model: String::new(),
            cpu: 0,
            memory: 0,
            image: String::new(),
            image_name: String::new(),
            charge_type: "POSTPAID".to_owned(),
            period: None,
            internet_charge_type: "ByBandwidth".to_owned(),
            bandwidth: 1,
            traffic_package: None,
            public_ips: Vec::new(),
            private_ips: Vec::new(),
            subnet: String::new(),
            resource_group: super::seed::default_resource_group().to_owned(),
            security_groups: Vec::new(),
            system_disk: Disk { id: disk, size: 20, category: "SSD".to_owned() },
            data_disks: Vec::new(),
            key: None,
            nic: ("eth0".to_owned(), "eth1".to_owned()),
            tags: Vec::new(),
            created: now,
            life,
        }
    }
}

/// The account. What is skipped comes from the options of the run, not from its state file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct World {
    pub(super) machines: Vec<Machine>,
    #[serde(skip)]
    pub(super) pace: Pace,
    #[serde(skip)]
    pub(super) instance_quota: u32,
    /// Creates that were executed since the start.
    #[serde(skip)]
    pub(super) creates: u64,
    last_number: u64,
    pub(super) account: account::Account,
    pub(super) vm: vm::Vm,
    pub(super) bmc: bmc::Bmc,
    pub(super) zec: zec::Zec,
}

impl World {
    pub(super) fn new(pace: Pace, instance_quota: u32) -> Self {
        Self {
            machines: Vec::new(),
            pace,
            instance_quota,
            creates: 0,
            last_number: 1_310_000_000_000_000_000,
            account: account::Account::seeded(),
            vm: vm::Vm::seeded(),
            bmc: bmc::Bmc::default(),
            zec: zec::Zec::seeded(),
        }
    }

    /// The seeded account again. Numbers are never given out twice, and creates stay counted.
    pub(super) fn reset(&mut self) {
        let fresh = Self::new(self.pace, self.instance_quota);
        *self = Self { creates: self.creates, last_number: self.last_number, ..fresh };
    }

    /// This account with what the file does not hold taken from another one.
    pub(super) fn resumed(self, options: &Self) -> Self {
        Self { pace: options.pace, instance_quota: options.instance_quota, creates: options.creates, ..self }
    }

    /// A fresh 19-digit number, the shape of the cloud's instance, disk and order ids.
    pub(super) fn number(&mut self) -> String {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number.to_string()
    }

    /// A machine ordered now.
    pub(super) fn order(&mut self, product: Product, now: Duration, fate: Fate) -> Machine {
        let (id, disk) = (self.number(), self.number());
        Machine::new(product, id, disk, now, Life::begin(now, self.pace, fate))
    }

    /// The machines still listed.
    pub(super) fn listed(&self, product: Product, now: Duration) -> impl Iterator<Item = &Machine> {
        self.machines
            .iter()
            .filter(move |machine| machine.product == product && machine.life.at(now) != Status::Gone)
    }

    /// A listed machine by its id.
    pub(super) fn machine(&mut self, product: Product, id: &str, now: Duration) -> Option<&mut Machine> {
        self.machines.iter_mut().find(|machine| {
            machine.product == product && machine.id == id && machine.life.at(now) != Status::Gone
        })
    }

    /// How many machines count against the account's quota.
    pub(super) fn held(&self, now: Duration) -> usize {
        self.machines.iter().filter(|machine| machine.life.at(now).holds_quota()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_survives_being_written_and_read() {
        let pace = Pace { run_after: Duration::from_secs(6), ..Pace::default() };
        let mut world = World::new(pace, 5);
        let mut machine = world.order(Product::Vm, Duration::from_millis(1_500), Fate::Runs);
        machine.traffic_package = Some(0.1);
        world.schedule(vm::scheduled::Scheduled {
            machine: machine.id.clone(),
            change: vm::scheduled::Change::Traffic(2.5),
            at: Duration::MAX,
            next_cycle: true,
        });
        world.machines.push(machine);
        world.account.declare("env", "prod", Duration::from_secs(9));
        let text = serde_json::to_string(&world).unwrap();
        let read: World = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(read.machines[0].life.at(Duration::from_secs(8)), Status::Running);
        assert_eq!((read.vm.security_groups.len(), read.account.tags.len()), (4, 1));
    }
}

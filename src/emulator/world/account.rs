//! What the account has across all products: resource groups, key pairs and the tags it declared.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::emulator::seed;

/// Everything that belongs to no product.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct Account {
    /// The first one takes what names none.
    pub(in crate::emulator) groups: Vec<ResourceGroup>,
    pub(in crate::emulator) key_pairs: Vec<KeyPair>,
    /// Tags that were declared; those that are only bound to resources are not among them.
    pub(in crate::emulator) tags: Vec<DeclaredTag>,
}

/// A resource group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct ResourceGroup {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) made: Duration,
}

/// The public half of an SSH key pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct KeyPair {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) public_key: String,
    pub(in crate::emulator) description: String,
    pub(in crate::emulator) made: Duration,
}

/// A tag that exists whether anything carries it or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::emulator) struct DeclaredTag {
    pub(in crate::emulator) key: String,
    pub(in crate::emulator) value: String,
    pub(in crate::emulator) made: Duration,
}

impl Account {
    /// The account as it is delivered.
    pub(in crate::emulator) fn seeded() -> Self {
        let groups = seed::RESOURCE_GROUPS.iter().map(|group| ResourceGroup {
            id: group.id.to_owned(),
            name: group.name.to_owned(),
            made: seed::MADE,
        });
        let key_pairs = seed::KEY_PAIRS.iter().map(|id| KeyPair {
            id: (*id).to_owned(),
            name: format!("seeded-{id}"),
            public_key: format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEmulated {id}"),
            description: String::new(),
            made: seed::MADE,
        });
        Self { groups: groups.collect(), key_pairs: key_pairs.collect(), tags: Vec::new() }
    }

    /// A resource group by its id.
    pub(in crate::emulator) fn group(&self, id: &str) -> Option<&ResourceGroup> {
        self.groups.iter().find(|group| group.id == id)
    }

    /// The name of a group; empty when there is none.
    pub(in crate::emulator) fn group_name(&self, id: &str) -> &str {
        self.group(id).map_or("", |group| &group.name)
    }

    /// The group that takes what names none.
    pub(in crate::emulator) fn default_group(&self) -> &str {
        self.groups.first().map_or("", |group| &group.id)
    }

    /// Declares a tag unless it is known.
    pub(in crate::emulator) fn declare(&mut self, key: &str, value: &str, now: Duration) {
        if self.declared(key, value).is_none() {
            self.tags.push(DeclaredTag { key: key.to_owned(), value: value.to_owned(), made: now });
        }
    }

    /// When a tag was declared.
    pub(in crate::emulator) fn declared(&self, key: &str, value: &str) -> Option<Duration> {
        self.tags.iter().find(|tag| tag.key == key && tag.value == value).map(|tag| tag.made)
    }
}

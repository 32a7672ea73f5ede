//! The shared store: one journal for all replicas, in PostgreSQL.

mod settings;

pub use settings::{Encryption, Settings};

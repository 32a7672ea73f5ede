//! What has been handed out, and what is about to be. Knows no HTTP.
//!
//! A create is booked before its first byte leaves and settled when its outcome is known; what nobody knows stays held until it
//! is reconciled. No timer ever frees what was sent.
//!
//! | part | what it is |
//! |---|---|
//! | [`order`] | the words between the path and the ledger |
//! | [`event`] | what the journal says |
//! | [`book`] | the count: a pure fold of the journal, and the decisions that extend it |
//! | [`fingerprint`] | by what equal orders are known |
//! | [`ledger`] | the handle: asks and looks |
//! | `clerk` | the one thread that decides, a batch at a time; what is written and answered is so in that order |
//! | [`report`] | the count, for people |
//! | [`store`] | where the journal is kept: SQLite for one process, PostgreSQL for replicas |
//!
//! The same book and the same decisions stand over both stores; replicas take turns at the end of one journal, so there is one
//! order of all decisions, and a check and its charge are one step.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod book;
mod clerk;
pub mod event;
pub mod fingerprint;
pub mod ledger;
pub mod order;
pub mod report;
pub mod store;

pub use clerk::{Options, Witness};
pub use ledger::{Hold, Ledger, Status};
pub use order::{
    Admission, Asker, Called, Exceeded, LedgerAway, Marks, Order, Over, Repeated, ReserveError, Settlement,
    StoredAnswer,
};

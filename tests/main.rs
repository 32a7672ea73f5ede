//! The integration tests: the built gateway on a real port, in front of the emulator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs,
    unreachable_pub,
    reason = "tests stop at the first thing that is not as it should be"
)]

mod support;

mod audit;
mod check;
mod cli;
mod commands;
mod console;
mod docs;
mod doctor;
mod explain;
mod facts;
mod guide;
mod hard;
mod health;
mod history;
mod keys;
mod observe;
mod opa;
mod operations;
mod path;
mod policy_life;
mod policy_tests;
mod quota_cli;
mod records;
mod replay;
mod replicas;
mod sdk;
mod stores;
mod tidy;
mod traces;

//! Judgement: the organisation's rules, written in Rego, asked about one call. Knows no HTTP.
//!
//! A tree of Rego and data ([`source`]) is read, checked and compiled into a `PolicySet`; the judge evaluates it on
//! threads of its own; [`patch`] applies what rules add to a create and [`verdict`] says what their findings mean.

pub mod answer;
pub mod applies;
mod check;
mod data;
pub mod failure;
pub mod input;
pub mod organisation;
pub mod patch;
pub mod problem;
pub mod schema;
pub mod source;
pub mod verdict;

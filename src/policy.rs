//! Judgement: the organisation's rules, written in Rego, asked about one call. Knows no HTTP.
//!
//! A tree of Rego and data ([`source`]) is read, checked, planned and tried ([`set`]); the [`engine`] evaluates it on
//! threads of its own, by the plan (`plan`) and, for what is not planned, by the interpreter (`evaluate`); [`patch`] applies what rules add to a create and [`verdict`] says what their findings mean.

pub mod answer;
pub mod applies;
mod applying;
pub mod case;
mod check;
pub mod child;
mod compile;
mod data;
pub mod engine;
mod evaluate;
pub mod explain;
pub mod failure;
pub mod fix;
pub mod input;
mod interpreters;
pub mod keep;
pub mod local;
pub mod organisation;
pub mod patch;
mod plan;
mod price;
pub mod problem;
mod reading;
pub mod schema;
pub mod set;
pub mod source;
pub mod testing;
mod value;
pub mod verdict;

pub use engine::{Judge, Limits, Sitting};
pub use failure::{PolicyFailure, Reason};
pub use problem::{LoadError, Problem};
pub use set::PolicySet;
#[cfg(test)]
pub(crate) use set::sample_create;
pub use source::{Material, Overlays, Source};

//! Judgement: the organisation's rules, written in Rego, asked about one call. Knows no HTTP.

pub mod answer;
pub mod input;

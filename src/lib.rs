//! zengate: a policy gateway for the Zenlayer Cloud API.
//!
//! Developers point their SDK, Terraform or scripts at it instead of at the cloud. It checks who calls, judges every
//! way to create a machine against the organisation's rules, fills in what the organisation wants, books it, signs the
//! request again with the real cloud key and forwards it once.
//!
//! # The map
//!
//! The path of a request is one function, [`gateway::path`]; read it first. Its stages are small files under
//! `gateway/` that hold HTTP and order; what they know comes from modules that know no HTTP:
//!
//! | module | what it knows |
//! |---|---|
//! | [`json`] | strict JSON: the one reading of a client's bytes, and their writing back |
//! | [`sign`] | ZC2-HMAC-SHA256, checking and signing |
//! | [`keys`] | the gateway's own keys: who calls |
//! | [`api`] | the cloud's actions, their fields, the normalised view of a create |
//! | [`policy`] | the rules: loading, checking, evaluating, patches, verdicts |
//! | [`quota`] | what has been handed out: the ledger |
//! | [`reply`] | what an answer of the cloud means |
//! | [`refusal`] | every way to say no, in one table |
//!
//! [`reconcile`] holds the ledger against what [`fleet`] sees in the cloud.
//!
//! Around them stand [`upstream`] (connections to the cloud that never send twice), [`metrics`] and [`record`] (what is
//! counted and kept), [`history`] (decisions found again), [`config`], [`fetch`] (other HTTP than the cloud's), [`server`] (from a configuration to a running gateway), [`admin`] (the operators' listener, with [`console`] as its pages for people; `doors` says who may come in, there and at the front), [`lifecycle`] and
//! [`cli`]. [`terraform`] reads plans for `zengate check`, [`replay`] judges records again. [`emulator`] is a stand-in for the cloud; it shares no parsing and no signing with the rest.
//!
//! # What must stay true
//!
//! - The bytes that are sent are written from the document that was judged; the body is read once.
//! - What cannot be judged is refused; there is no switch for that.
//! - A create is sent at most once; once it is sent it is finished and booked, whoever has hung up.
//! - No secret leaves: secrets are of type [`secret::Secret`], and bodies are shown only without theirs.
//! - Every answer is one that every SDK can read, with no code that makes it repeat what may have run.
//!
//! Time comes from [`clock`] alone.

pub mod account;
pub mod admin;
pub mod api;
pub mod audit;
mod causes;
pub mod chain;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
mod doors;
pub mod emulator;
pub mod facts;
pub mod fetch;
pub mod fleet;
pub mod gateway;
pub mod history;
pub mod json;
pub mod keys;
pub mod lifecycle;
pub mod metrics;
mod nearest;
pub mod policy;
pub mod quota;
pub mod reconcile;
pub mod record;
pub mod refusal;
pub mod replay;
pub mod reply;
pub mod secret;
pub mod server;
pub mod sign;
pub mod terraform;
pub mod upstream;

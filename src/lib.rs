//! zengate: a policy gateway for the Zenlayer Cloud API.

pub mod api;
pub mod clock;
pub mod emulator;
pub mod json;
pub mod metrics;
pub mod policy;
pub mod quota;
pub mod record;
pub mod refusal;
pub mod reply;
pub mod secret;
pub mod sign;
pub mod upstream;

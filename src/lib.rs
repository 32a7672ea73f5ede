//! zengate: a policy gateway for the Zenlayer Cloud API.

pub mod api;
pub mod clock;
pub mod emulator;
pub mod json;
pub mod policy;
pub mod secret;

//! The path, stage by stage: what passes, what is refused, what reached the cloud.

mod again;
mod body;
mod clients;
pub(crate) mod crash;
mod create;
mod dry_run;
mod faulty;
mod head;
mod identity;
mod judge;
mod keyfile;
mod lifecycle;
mod observe;
mod points;
pub(crate) mod quota;
mod rate;
mod read;
mod rules;
mod terraform;
pub(crate) mod tls;
mod upstream;

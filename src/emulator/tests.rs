//! The emulator over its real port, driven by a raw client.

mod account;
mod catalog;
mod control;
mod faults;
mod life;
mod products;
mod refusals;
mod shapes;
mod terraform;
mod transport;

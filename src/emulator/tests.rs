//! The emulator over its real port, driven by a raw client.

mod account;
mod bmc;
mod catalog;
mod control;
mod faults;
mod life;
mod products;
mod refusals;
mod shapes;
mod state;
mod terraform;
mod transport;
mod zec;
mod zec_network;

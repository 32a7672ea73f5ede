//! The emulator over its real port, driven by a raw client.

mod bmc;
mod catalog;
mod control;
mod faults;
mod life;
mod products;
mod state;
mod transport;
mod zec;
mod zec_network;

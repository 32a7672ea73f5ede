//! The emulator over its real port, driven by a raw client.

mod catalog;
mod control;
mod faults;
mod life;
mod products;
mod transport;

//! Hostile input and hard days: what is thrown at the gateway, and what fails around it.

mod admin;
mod canary;
mod clock;
mod closed;
mod days;
mod faults;
mod forgery;
mod hostile;
mod http2;
mod overload;
mod readers;
mod rows;
mod secrets;
mod smuggling;
mod soak;
mod tls;

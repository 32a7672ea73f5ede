//! What the path works with, from the configuration: at the start, and again whenever the configuration changes.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::config::quota::ReleaseOn;
use crate::gateway::{CreateRates, Limits, Room, Settings};

/// Descriptors for everything that is no client connection: stores, records, the cloud, trials.
const OTHER_DESCRIPTORS: usize = 192;
/// A connection has its socket twice: to serve it, and to ask whether it is closed.
const PER_CONNECTION: usize = 2;

/// The settings of a configuration. What is counted in `before` goes on being counted where its limit is the same.
pub(super) fn make(config: &Config, before: Option<&Settings>) -> Result<Settings, String> {
    let limits = &config.limits;
    let room = Room::new(limits.in_flight, limits.in_flight_reads, limits.buffered);
    let rates = CreateRates::new(&config.quota.rate);
    Ok(Settings {
        limits: Limits {
            body: limits.body,
            head: limits.head,
            headers: limits.headers,
            head_timeout: limits.head_timeout,
            idle_timeout: limits.idle_timeout,
            body_timeout: limits.body_timeout,
            body_rate: limits.body_rate,
            write_timeout: limits.write_timeout,
            place_timeout: limits.place_timeout,
            handshake_timeout: limits.handshake_timeout,
            handshakes: limits.handshakes,
            connections: limits.connections.min(room_for_connections()),
            connections_per_address: limits.connections_per_address,
        },
        room: before
            .map(|before| &before.room)
            .filter(|same| same.is_like(&room))
            .cloned()
            .unwrap_or(Arc::new(room)),
        rates: before
            .map(|before| &before.rates)
            .filter(|same| same.is_like(&rates))
            .cloned()
            .unwrap_or(Arc::new(rates)),
        host_aliases: config.listen.host_aliases.clone(),
        correlation_tag: config.quota.correlation_tag.clone(),
        release_on_accept: config.quota.release_on == ReleaseOn::Accepted,
        admitted_fields: config.admitted_fields()?,
    })
}

/// Lets the process open as many files as it may, and says so where that is too few for the connections it should take.
pub(super) fn open_files(config: &Config) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // Where it cannot be raised, it stays as it is, and fewer connections are taken.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    let (fit, wanted) = (room_for_connections(), config.limits.connections);
    if fit < wanted {
        tracing::warn!(
            fit,
            wanted,
            "the process may open too few files for limits.connections; fewer are taken: raise LimitNOFILE (systemd) or ulimit -n"
        );
    }
}

/// How many client connections fit the descriptors that the process may open; at least a few.
fn room_for_connections() -> usize {
    let open = getrlimit(Resource::Nofile).current.and_then(|most| usize::try_from(most).ok());
    open.map_or(usize::MAX, |most| most.saturating_sub(OTHER_DESCRIPTORS) / PER_CONNECTION).max(16)
}

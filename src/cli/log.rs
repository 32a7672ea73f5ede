//! Logs: one line per event on standard error, JSON unless the operator wants text.
//!
//! Lines are handed to a thread that writes them, in a bounded queue. A reader that stands still (a full pipe, a stopped
//! terminal) costs lines, not the gateway: what finds the queue full is dropped and counted
//! (`zengate_log_lines_dropped`). Decisions are in the records, which do not go this way.

use std::io;
use std::sync::Arc;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, reload};

use crate::config::{Log, LogFormat};
use crate::lifecycle::LogControl;

/// Lines that may wait for a reader that is slow: some megabytes.
const MOST_WAITING: usize = 8192;

/// A log that is being written; what waits is written when this is dropped, if its reader takes it.
pub(super) struct Logging {
    pub(super) control: LogControl,
    _writer: WorkerGuard,
}

/// Starts logging for the process.
pub(super) fn start(log: &Log) -> Result<Logging, String> {
    let (filter, handle) = reload::Layer::new(filter(&log.level)?);
    let lines = NonBlockingBuilder::default().buffered_lines_limit(MOST_WAITING).lossy(true);
    let (lines, writer) = lines.thread_name("zengate-log").finish(io::stderr());
    let dropped = lines.error_counter();
    let layer = tracing_subscriber::fmt::layer().with_writer(lines);
    let layer = match log.format {
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
        LogFormat::Text => layer.with_ansi(false).boxed(),
    };
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .try_init()
        .map_err(|error| format!("logging: {error}"))?;
    let control = LogControl {
        set_level: Arc::new(move |level| {
            let new = self::filter(level)?;
            handle.reload(new).map_err(|error| format!("log.level: {error}"))
        }),
        dropped: Arc::new(move || u64::try_from(dropped.dropped_lines()).unwrap_or(u64::MAX)),
    };
    Ok(Logging { control, _writer: writer })
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(level).map_err(|error| format!("log.level: {error}"))
}

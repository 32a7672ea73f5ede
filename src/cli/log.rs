//! Logs: one line per event on standard error, JSON unless the operator wants text.
//!
//! Lines are handed to a thread that writes them, in a bounded queue. A reader that stands still (a full pipe, a stopped
//! terminal) costs lines, not the gateway: what finds the queue full is dropped and counted
//! (`zengate_log_lines_dropped`). Decisions are in the records, which do not go this way.

mod lines;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, reload};

use crate::config::{Log, LogFormat};
use crate::lifecycle::LogControl;
pub use lines::JsonLines;

/// Lines that may wait for a reader that is slow: some megabytes.
const MOST_WAITING: usize = 8192;

/// After what waited is written, the writer rests: a line that comes alone is written at once, and lines that come in crowds are
/// written together and wake nobody.
const REST: Duration = Duration::from_millis(5);
/// Lines that are gathered before they are written in any case, in bytes.
const MOST_GATHERED: usize = 64 << 10;

/// Standard error, written to when the writer has no line left: one system call for all that waited.
#[derive(Default)]
struct Gathered(Vec<u8>);

impl Gathered {
    fn pass_on(&mut self) -> io::Result<()> {
        let written = io::stderr().lock().write_all(&self.0);
        self.0.clear();
        written
    }
}

impl Write for Gathered {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(line.len()) > MOST_GATHERED {
            self.pass_on()?;
        }
        self.0.extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on()?;
        std::thread::sleep(REST);
        Ok(())
    }
}

/// A log that is being written; what waits is written when this is dropped, if its reader takes it.
pub(super) struct Logging {
    pub(super) control: LogControl,
    _writer: WorkerGuard,
}

/// Starts logging for the process.
pub(super) fn start(log: &Log) -> Result<Logging, String> {
    let (filter, handle) = reload::Layer::new(filter(&log.level)?);
    let lines = NonBlockingBuilder::default().buffered_lines_limit(MOST_WAITING).lossy(true);
    let (lines, writer) = lines.thread_name("zengate-log").finish(Gathered::default());
    let dropped = lines.error_counter();
    let layer = tracing_subscriber::fmt::layer().with_writer(lines);
    let layer = match log.format {
        LogFormat::Json => layer.event_format(JsonLines).boxed(),
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

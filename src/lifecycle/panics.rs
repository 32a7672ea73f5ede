//! What is said of a panic: where it was and in which thread, and its message only if that is a literal of the program. One
//! that was put together at the time may hold what a caller has sent: a slice that does not fit shows the whole text.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

/// Panics become lines of the log from now on. Call it when there is a log.
pub fn log() {
    std::panic::set_hook(Box::new(said));
}

fn said(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let trace = Backtrace::capture();
    let backtrace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    tracing::error!(
        thread = thread.name().unwrap_or("unnamed"),
        place,
        what = message(info.payload()),
        backtrace,
        "a panic; it costs what was being worked on, and nothing else"
    );
}

fn message(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("(put together at the time, not shown)")
}

//! What became of traces.

use prometheus::{IntCounterVec, Opts, Registry};

use super::register;

/// See the module.
pub struct TraceMetrics {
    traces: IntCounterVec,
}

impl TraceMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let help = "Sampled traces by what became of them: exported, dropped (the queue was full), failed (the collector took them not).";
        let traces =
            register(registry, IntCounterVec::new(Opts::new("zengate_traces_total", help), &["result"]));
        Ok(Self { traces: traces.ok_or(prometheus::Error::AlreadyReg)? })
    }

    /// So many were `exported`, `dropped` or `failed`.
    pub fn count(&self, result: &'static str, traces: u64) {
        self.traces.with_label_values(&[result]).inc_by(traces);
    }
}

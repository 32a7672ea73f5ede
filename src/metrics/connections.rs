//! Connections of clients: how many, how they began, and which the gateway has cut; and the bytes that are held for them.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::register;

/// See the module.
pub struct ConnectionMetrics {
    open: IntGauge,
    started: IntCounterVec,
    cut: IntCounterVec,
    buffered: IntGauge,
    answers: IntGauge,
    tasks: IntGauge,
    certificate_expires: IntGaugeVec,
    admin_refused: IntCounterVec,
}

/// What became of a connection at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionStart {
    /// Served.
    Accepted,
    /// Closed at once: too many.
    Shed,
    /// The TLS handshake failed or took too long.
    TlsFailed,
    /// The operating system could not hand it over.
    Failed,
}

impl ConnectionStart {
    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Shed => "shed",
            Self::TlsFailed => "tls_failed",
            Self::Failed => "failed",
        }
    }
}

/// Why the gateway cut a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// It rested, and another one came.
    SentOff,
    /// A head came too slowly or an answer was not taken.
    TooSlow,
    /// No request came for too long, over HTTP/2.
    Quiet,
    /// The process ended before its requests had.
    Stopped,
}

/// Counts a connection until it is dropped.
pub struct OpenConnection(IntGauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl ConnectionMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let twice = || prometheus::Error::AlreadyReg;
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help)).ok_or_else(twice);
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels)).ok_or_else(twice)
        };
        Ok(Self {
            open: gauge("zengate_connections", "Open client connections.")?,
            started: counter(
                "zengate_connections_total",
                "Client connections by what became of them at the start.",
                &["result"],
            )?,
            cut: counter(
                "zengate_connections_cut_total",
                "Client connections that the gateway has cut, by reason.",
                &["reason"],
            )?,
            certificate_expires: register(
                registry,
                IntGaugeVec::new(
                    Opts::new(
                        "zengate_certificate_expiry_timestamp_seconds",
                        "When the certificate of a listener (listen, admin) ends, Unix time.",
                    ),
                    &["listener"],
                ),
            )
            .ok_or_else(twice)?,
            admin_refused: counter(
                "zengate_admin_refused_total",
                "Requests to the admin listener that were not let in, by status.",
                &["status"],
            )?,
            buffered: gauge("zengate_buffered_bytes", "Bytes of request bodies that are held.")?,
            answers: gauge(
                "zengate_answers",
                "Long answers to reads that are being taken by their callers.",
            )?,
            tasks: gauge("zengate_tasks", "Tasks of the process that have not ended.")?,
        })
    }

    /// Shows zero for each of these.
    pub(super) fn begin(&self, all: &[ConnectionStart]) {
        for how in all {
            self.started.with_label_values(&[how.as_str()]).inc_by(0);
        }
    }

    /// A connection has begun, or not.
    pub fn started(&self, how: ConnectionStart) {
        self.started.with_label_values(&[how.as_str()]).inc();
    }

    /// Counts one more open connection until the answer is dropped.
    pub fn open(&self) -> OpenConnection {
        self.open.inc();
        OpenConnection(self.open.clone())
    }

    /// The gateway has cut a connection.
    pub fn cut(&self, why: ConnectionEnd) {
        let reason = match why {
            ConnectionEnd::SentOff => "sent_off",
            ConnectionEnd::TooSlow => "too_slow",
            ConnectionEnd::Quiet => "quiet",
            ConnectionEnd::Stopped => "stopped",
        };
        self.cut.with_label_values(&[reason]).inc();
    }

    /// When the certificate that a listener shows ends, in Unix seconds.
    pub fn certificate_expires(&self, listener: &'static str, at: u64) {
        self.certificate_expires.with_label_values(&[listener]).set(i64::try_from(at).unwrap_or(i64::MAX));
    }

    /// The admin listener has not let a request in.
    pub fn admin_refused(&self, status: http::StatusCode) {
        self.admin_refused.with_label_values(&[status.as_str()]).inc();
    }

    /// The gauge of long answers that are being taken.
    pub fn answers(&self) -> IntGauge {
        self.answers.clone()
    }

    /// How many tasks have not ended.
    pub fn tasks(&self, count: usize) {
        self.tasks.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How many bytes of bodies are held now.
    pub fn buffered(&self, bytes: usize) {
        self.buffered.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

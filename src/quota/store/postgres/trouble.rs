//! What can go wrong with the server, and whether it ends the store for this process.
//!
//! Nearly everything is away: a connection lost, a restart, a fail-over, a lock not had in time. Dead is what trying again
//! cannot mend: a server that does not keep what it commits, a schema that is not ours, rows that are not what was written.

use std::io;

use super::super::StoreError;
use super::super::chain::Damage;
use super::settings::Settings;

/// Why the server could not be used.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no connection.
    NotOpen,
    /// A commit without a turn.
    NoTurn,
    /// No answer in time.
    Late,
    /// No runtime could be made to wait with.
    Thread(io::Error),
    /// TLS cannot be set up.
    Tls(String),
    /// An older server than is tested with.
    TooOld { version: String },
    /// A setting that loses what was committed.
    NotDurable { setting: &'static str },
    /// A copy that cannot be written to.
    Standby,
    /// A schema with tables of something else.
    Foreign,
    /// Migrated by a newer zengate.
    Newer { version: usize },
    /// A row or checkpoint is not what was written.
    Damaged(Damage),
    /// Rows that were committed are there no more, or others stand in their place.
    Lost { seq: u64 },
    /// The rows after this one are not there: dropped in favour of a checkpoint.
    Gap { known: u64 },
    /// Others have taken this owner for dead.
    Forgotten,
    /// The server's refusal, or the connection's end.
    Server(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<Damage> for Trouble {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl Trouble {
    /// The error, with the server's name and what to do.
    pub(super) fn of(self, settings: &Settings) -> StoreError {
        self.told("the ledger", settings)
    }

    /// The same about something else that is kept there.
    pub(crate) fn told(self, what: &str, settings: &Settings) -> StoreError {
        let server = format!("{what} in PostgreSQL at {}:{}", settings.host, settings.port);
        let schema = &settings.schema;
        let dead = |what: String| StoreError::Dead { what, source: None };
        let away = |what: String| StoreError::Away { what, source: None };
        match self {
            Self::NotOpen => away(format!("{server} is not connected")),
            Self::NoTurn => away(format!("{server} was asked to commit outside a turn")),
            Self::Late => away(format!("{server} does not answer")),
            Self::Thread(error) => StoreError::Away {
                what: format!("{server} cannot be waited for"),
                source: Some(Box::new(error)),
            },
            Self::Tls(reason) => away(format!("{server} cannot be spoken to by TLS: {reason}")),
            Self::TooOld { version } => {
                dead(format!("{server} is version {version}; it must be 15 or newer"))
            }
            Self::NotDurable { setting } => dead(format!(
                "{server} runs with {setting} off and so loses what it has committed; switch it on and restart the gateway"
            )),
            Self::Standby => away(format!(
                "{server} is a standby and takes no writes; quota.postgres.host must lead to the primary"
            )),
            Self::Foreign => dead(format!(
                "{server}: the schema {schema:?} holds tables of another program and was not touched; name another one with quota.postgres.schema"
            )),
            Self::Newer { version } => dead(format!(
                "{server}: the schema {schema:?} was migrated by a newer zengate (version {version}); start that one"
            )),
            Self::Damaged(damage) => StoreError::Dead {
                what: format!(
                    "{server}: the journal in schema {schema:?} is damaged ({damage}); restore the database, or name an empty schema, which then counts again what the cloud lists"
                ),
                source: Some(Box::new(damage)),
            },
            Self::Lost { seq } => dead(format!(
                "{server} has lost rows that it had committed, up to {seq} (a fail-over to a copy that did not have them?); find out what it lost, then restart the gateway, which goes on with what is there and holds it against what the cloud lists"
            )),
            Self::Gap { known } => {
                away(format!("{server} does not hold what follows row {known}; it is read again"))
            }
            Self::Forgotten => {
                away(format!("{server}: other replicas have taken this one for dead; it starts over"))
            }
            Self::Server(error) => server_error(&server, error),
        }
    }
}

fn server_error(server: &str, error: tokio_postgres::Error) -> StoreError {
    // What the library says alone is "db error".
    let told = error
        .as_db_error()
        .map_or_else(|| error.to_string(), |db| format!("{} ({})", db.message(), db.code().code()));
    let code = error.code().map(tokio_postgres::error::SqlState::code).unwrap_or_default();
    match code {
        // Written to by something else under the lock; pages that do not check.
        "ZG001" | "23505" | "XX001" | "XX002" => StoreError::Dead {
            what: format!(
                "{server} is damaged or was written to by something else ({told}); look at the database first"
            ),
            source: Some(Box::new(error)),
        },
        "42501" => StoreError::Away {
            what: format!("{server}: {told}; the role must own the schema, or be allowed to create it"),
            source: Some(Box::new(error)),
        },
        _ => StoreError::Away { what: format!("{server}: {told}"), source: Some(Box::new(error)) },
    }
}

//! Connecting: TLS, the limits of the session, and the settings without which a commit is no promise.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::settings::{Encryption, Settings};
use super::trouble::Trouble;

/// For the TCP connection to one address.
const CONNECT: Duration = Duration::from_secs(3);

/// For connecting with TLS and login.
const LOGIN: Duration = Duration::from_secs(6);

/// The oldest server that the store is tested with.
const OLDEST: i32 = 150_000;

/// Limits in the session, shortest first: a replica that stops inside a turn gives the others their lock back before
/// theirs to wait for it have passed.
const LIMITS: &str = "
    SET idle_in_transaction_session_timeout = '1500ms';
    SET lock_timeout = '2500ms';
    SET statement_timeout = '4000ms';
    SET default_transaction_isolation = 'read committed';
    SET standard_conforming_strings = on;
    SET client_min_messages = warning;
";

const FACTS: &str = "
    SELECT current_setting('server_version_num')::int4, current_setting('server_version'),
           current_setting('fsync'), current_setting('full_page_writes'),
           current_setting('synchronous_commit'), pg_is_in_recovery()
";

/// A connection with the limits set, to a server that keeps what it commits.
pub(crate) async fn connect(settings: &Settings) -> Result<Client, Trouble> {
    let logged_in = tokio::time::timeout(LOGIN, log_in(settings)).await;
    let client = logged_in.unwrap_or(Err(Trouble::Late))?;
    client.batch_execute(LIMITS).await?;
    check(&client).await?;
    // For the schema of our own; objects are found by nothing else.
    client.batch_execute(&format!("SET search_path = \"{}\", pg_catalog", settings.schema)).await?;
    Ok(client)
}

async fn log_in(settings: &Settings) -> Result<Client, Trouble> {
    let config = config(settings);
    match &settings.encryption {
        Encryption::None => {
            let (client, connection) = config.connect(NoTls).await?;
            drop(tokio::spawn(connection));
            Ok(client)
        }
        Encryption::Tls { ca_file } => {
            let tls = MakeRustlsConnect::new(tls(ca_file.as_deref()).map_err(Trouble::Tls)?);
            let (client, connection) = config.connect(tls).await?;
            drop(tokio::spawn(connection));
            Ok(client)
        }
    }
}

fn config(settings: &Settings) -> Config {
    let mut config = Config::new();
    config
        .host(&settings.host)
        .port(settings.port)
        .user(&settings.user)
        .dbname(&settings.database)
        .application_name("zengate")
        .connect_timeout(CONNECT)
        // A peer that is gone is noticed within seconds, also by the kernel.
        .keepalives(true)
        .keepalives_idle(Duration::from_secs(2))
        .keepalives_interval(Duration::from_secs(1))
        .keepalives_retries(3)
        .tcp_user_timeout(Duration::from_secs(5))
        .target_session_attrs(TargetSessionAttrs::Any)
        .ssl_mode(match settings.encryption {
            Encryption::None => SslMode::Disable,
            Encryption::Tls { .. } => SslMode::Require,
        });
    if let Some(password) = &settings.password {
        // As it is now: it may have been rotated. One that cannot be read now is tried as it was.
        let secret = password.reference.resolve().unwrap_or_else(|_| password.secret.clone());
        config.password(secret.expose());
    }
    config
}

/// TLS towards the server: the system's roots, or only those in `ca_file`.
fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let read =
                read.map_err(|error| format!("cannot read certificates from {}: {error}", path.display()))?;
            for certificate in read {
                roots.add(certificate).map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        None => {
            let (_, _bad) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err("no root certificate was found; name one with tls.ca_file".to_owned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

async fn check(client: &Client) -> Result<(), Trouble> {
    let row = client.query_one(FACTS, &[]).await?;
    let (number, version): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    if number < OLDEST {
        return Err(Trouble::TooOld { version });
    }
    for (setting, index) in [("fsync", 2), ("full_page_writes", 3)] {
        if row.try_get::<_, &str>(index)? != "on" {
            return Err(Trouble::NotDurable { setting });
        }
    }
    if row.try_get::<_, bool>(5)? {
        return Err(Trouble::Standby);
    }
    // A default that is weaker is overruled for this session; one that is stronger stays.
    if row.try_get::<_, &str>(4)? != "remote_apply" {
        client.batch_execute("SET synchronous_commit = on").await?;
    }
    let commit: String =
        client.query_one("SELECT current_setting('synchronous_commit')", &[]).await?.try_get(0)?;
    if !matches!(commit.as_str(), "on" | "remote_apply") {
        return Err(Trouble::NotDurable { setting: "synchronous_commit" });
    }
    Ok(())
}

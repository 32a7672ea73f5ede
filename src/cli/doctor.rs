//! `zengate doctor`: whether what a configuration names can be reached and takes what it is given, before a gateway depends on it.
//!
//! Nothing is changed: the cloud is asked one Describe call per account, stores are opened to read, a bundle is fetched and
//! thrown away, of collectors only the connection is tried.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt as _, Limited};
use serde::Serialize;

use super::out::{BAD, GOOD, WARN, paint, plain, say};
use super::progress::during;
use super::{Output, say_out};
use crate::account::Account;
use crate::api::{Call, catalog};
use crate::causes::with_causes;
use crate::clock::{Clock, Stopwatch};
use crate::config::{self, Config, QuotaStore, Remote, Tls};
use crate::fetch::{Client, credentials, shown};
use crate::quota::store::{postgres, sqlite};
use crate::record::Target;
use crate::server::{accounts, certificate_ends};
use crate::sign::PayloadHash;

/// For one thing that is asked.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer of the cloud that is read, in bytes.
const LONGEST: usize = 1 << 20;
/// The cloud refuses what was signed so many seconds before or after its own time.
const WINDOW: i64 = 300;
/// A clock that is off by more seconds than this wants a look.
const OFF: i64 = 5;
/// A certificate that ends within so many days wants a look; the alert about certificates says the same.
const SOON_DAYS: i64 = 14;

/// Look whether everything that a configuration names can be reached: the cloud with each account, the stores, the policies'
/// server, the collectors.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  zengate doctor --config /etc/zengate/zengate.toml\n  zengate doctor --output json\n\n\
    Nothing is changed: one Describe call per account, stores are only read. It may run beside the gateway.\n\n\
    Exit codes: 0 all is well (there may be notes), 1 something is not, 2 mistakes in the files, or wrong usage"
)]
pub(super) struct DoctorArgs {
    /// The configuration file.
    #[arg(long, default_value = "zengate.toml")]
    config: PathBuf,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Well,
    Note,
    Bad,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at.
    what: String,
    state: State,
    /// How it is.
    told: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn well(what: &str, told: impl Into<String>) -> Self {
        Self { what: what.to_owned(), state: State::Well, told: told.into(), remedy: None }
    }

    fn note(what: &str, told: impl Into<String>, remedy: &str) -> Self {
        Self { what: what.to_owned(), state: State::Note, told: told.into(), remedy: Some(remedy.to_owned()) }
    }

    fn bad(what: &str, told: impl Into<String>, remedy: &str) -> Self {
        Self { what: what.to_owned(), state: State::Bad, told: told.into(), remedy: Some(remedy.to_owned()) }
    }
}

/// Runs the command; the answer is the exit code.
pub(super) async fn run(args: DoctorArgs) -> Result<u8, String> {
    let mut mistakes = Vec::new();
    let code =
        config::check(&args.config, &mut Vec::new(), &mut mistakes).map_err(|error| error.to_string())?;
    if code != 0 {
        say(String::from_utf8_lossy(&mistakes).trim_end());
        return Ok(code);
    }
    let config = Config::load(&args.config).map_err(|mistakes| mistakes.to_string())?;
    let mut findings =
        vec![Finding::well("configuration", format!("{}: no mistakes", args.config.display()))];
    during("looking", look(&config, &mut findings)).await?;
    match args.output {
        Output::Json => {
            let text = serde_json::to_string_pretty(&findings).map_err(|error| error.to_string())?;
            say_out(&format!("{text}\n"));
        }
        Output::Text => findings.iter().for_each(|finding| say_out(&line(finding))),
    }
    Ok(u8::from(findings.iter().any(|finding| finding.state == State::Bad)))
}

fn line(finding: &Finding) -> String {
    let word = match finding.state {
        State::Well => paint(GOOD, "well"),
        State::Note => paint(WARN, "note"),
        State::Bad => paint(BAD, "BAD "),
    };
    let remedy = finding.remedy.as_ref().map_or(String::new(), |remedy| format!("\n      {remedy}"));
    format!("{word}  {}: {}{remedy}\n", finding.what, plain(&finding.told))
}

async fn look(config: &Config, findings: &mut Vec<Finding>) -> Result<(), String> {
    for account in accounts::open(config)?.values() {
        cloud(account, &Clock::system(), findings).await;
    }
    for tls in [config.listen.tls.as_ref(), config.admin.tls.as_ref()].into_iter().flatten() {
        findings.push(certificate(tls));
    }
    findings.push(ledger(&config.quota.store).await);
    if let Some(remote) = &config.policy.remote {
        findings.push(bundle(remote).await);
    }
    if let Target::Collector(remote) = &config.records.target {
        findings.push(reach("collector of decision records", remote).await);
    }
    if let Some(traces) = &config.traces {
        findings.push(reach("collector of traces", &traces.remote).await);
    }
    Ok(())
}

/// Asks the cloud something with an account's credential, and what time it is.
async fn cloud(account: &Account, clock: &Clock, findings: &mut Vec<Finding>) {
    let what = format!("account {}", account.name);
    let origin = account.upstream.origin().to_string();
    let body = Bytes::from_static(b"{}");
    let call = catalog::lookup("vm", "DescribeZones").and_then(|action| Call::new(action, None));
    let hash = PayloadHash::of(&body);
    let Some(request) = call.and_then(|call| account.request(&call, body, &hash, clock.unix_seconds()))
    else {
        findings.push(Finding::bad(&what, "its credential cannot stand in a request", "Write it anew."));
        return;
    };
    let watch = Stopwatch::start();
    let answer = match account.upstream.read(&request).await {
        Ok(answer) => answer,
        Err(error) => {
            let remedy = "Look at upstream.url, the name service, the firewall, a proxy in between and upstream.ca_file.";
            findings.push(Finding::bad(&what, with_causes(&error), remedy));
            return;
        }
    };
    let (head, body) = answer.into_parts();
    let took = watch.elapsed().as_millis();
    let body = Limited::new(body, LONGEST).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let said = |name: &str| body.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    findings.push(match head.status.as_u16() {
        200 if body.get("response").is_some_and(serde_json::Value::is_object) => {
            Finding::well(&what, format!("{origin} answered DescribeZones in {took} ms"))
        }
        status => {
            let told = format!("{origin} answered {status} {} {}", said("code"), said("message"));
            let remedy = match (status, said("code").as_str()) {
                (401, _) => "The cloud does not take this credential: look at access_key_id and secret of the account.",
                (403, _) => "The credential is known and may not ask this: give it the right to describe what it is to make.",
                (200, _) | (_, "") => "That is not the cloud's form: look at upstream.url, and for a proxy in between.",
                _ => "The cloud is there and does not serve this now.",
            };
            Finding::bad(&what, told.trim_end(), remedy)
        }
    });
    if let Some(offset) = offset(&head.headers, clock) {
        findings.push(time(&format!("clock, by {origin}"), offset));
    }
}

/// By how many seconds our clock is ahead of the answer's `Date` (RFC 9110, 6.6.1).
fn offset(headers: &HeaderMap, clock: &Clock) -> Option<i64> {
    let date = headers.get(http::header::DATE)?.to_str().ok()?;
    let theirs = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
    Some(clock.unix_seconds().saturating_sub(theirs))
}

fn time(what: &str, offset: i64) -> Finding {
    let told = match offset {
        0 => "the same second".to_owned(),
        ahead if ahead > 0 => format!("{ahead} s ahead"),
        behind => format!("{} s behind", behind.saturating_abs()),
    };
    let off = offset.saturating_abs();
    let remedy = "Set the clock by a time service (chrony, systemd-timesyncd); the cloud refuses what is off by more than 300 s.";
    match off {
        _ if off > WINDOW => Finding::bad(what, told, remedy),
        _ if off > OFF => Finding::note(what, told, remedy),
        _ => Finding::well(what, told),
    }
}

fn certificate(tls: &Tls) -> Finding {
    let what = format!("certificate of [{}]", tls.section);
    match certificate_ends(tls) {
        Err(why) => Finding::bad(&what, why, "Certificate and key must be a pair, in PEM."),
        Ok(ends) => {
            let now = Clock::system().unix_seconds();
            let left = i64::try_from(ends).unwrap_or(i64::MAX).saturating_sub(now);
            let days = left.div_euclid(86_400);
            match days {
                _ if left <= 0 => Finding::bad(
                    &what,
                    "it has ended",
                    "Put a new one in its place; it is taken within seconds.",
                ),
                _ if days < SOON_DAYS => {
                    Finding::note(&what, format!("ends in {days} days"), "Renew it in time.")
                }
                _ => Finding::well(&what, format!("ends in {days} days")),
            }
        }
    }
}

async fn ledger(store: &QuotaStore) -> Finding {
    let what = "ledger";
    match store {
        QuotaStore::None => Finding::note(
            what,
            "nothing is counted",
            "Creates pass without quota; set [quota] store where that is not meant.",
        ),
        QuotaStore::Sqlite(path) => file(path),
        QuotaStore::Postgres(settings) => {
            let told = format!("PostgreSQL on {}:{}", settings.host, settings.port);
            match postgres::connect(settings).await {
                Ok(_) => Finding::well(what, format!("{told} takes the login and keeps what it commits")),
                Err(trouble) => Finding::bad(
                    what,
                    with_causes(&trouble.told("the ledger", settings)),
                    "Look at [quota.postgres], the server's pg_hba.conf, and the rights of its role.",
                ),
            }
        }
    }
}

fn file(path: &Path) -> Finding {
    let what = "ledger";
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Err(error) = tempfile::NamedTempFile::new_in(directory) {
        let told = format!("{} cannot be written to: {}", directory.display(), error.kind());
        return Finding::bad(
            what,
            told,
            "Give the user of the gateway the right to write there; mind that doctor runs as who calls it.",
        );
    }
    match sqlite::glance(path) {
        Ok(true) => Finding::well(what, format!("{} is one", path.display())),
        Ok(false) => Finding::well(what, format!("{} will be made at the first start", path.display())),
        Err(error) => Finding::bad(
            what,
            with_causes(&error),
            "Name another file, or bring the ledger back from a backup.",
        ),
    }
}

async fn bundle(remote: &Remote) -> Finding {
    let what = "bundle of policies";
    let answer = async {
        let client = Client::of(remote, PATIENCE, 64 << 20)?;
        client.exchange(Method::GET, &remote.url, credentials(remote)?, Bytes::new()).await
    };
    match answer.await {
        Ok(answer) if answer.status.is_success() => {
            Finding::well(what, format!("{} gave {} bytes", shown(&remote.url), answer.body.len()))
        }
        Ok(answer) => {
            let told = format!("{} answered {}", shown(&remote.url), answer.status);
            Finding::bad(what, told, "Look at the URL and the token of [policy.remote].")
        }
        Err(why) => Finding::bad(what, why, "Look at the URL, the firewall and ca_file of [policy.remote]."),
    }
}

/// Connects and says nothing: what a collector is sent, it keeps.
async fn reach(what: &str, remote: &Remote) -> Finding {
    let connected = match Client::of(remote, PATIENCE, 0) {
        Ok(client) => client.reach(&remote.url).await,
        Err(why) => Err(why),
    };
    match connected {
        Ok(()) => Finding::well(what, format!("{} takes connections", shown(&remote.url))),
        Err(why) => Finding::bad(what, why, "Look at its URL, the name service, the firewall and ca_file."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_the_cloud_would_refuse_is_bad() {
        let headers = |date: &str| HeaderMap::from_iter([(http::header::DATE, date.parse().unwrap())]);
        let clock = Clock::manual(1_795_776_000);
        assert_eq!(offset(&headers("Fri, 27 Nov 2026 10:40:10 GMT"), &clock), Some(-10));
        assert_eq!(offset(&headers("yesterday"), &clock), None);
        for (seconds, state) in
            [(0, State::Well), (-5, State::Well), (6, State::Note), (-300, State::Note), (301, State::Bad)]
        {
            assert_eq!(time("clock", seconds).state, state, "{seconds}");
        }
    }
}

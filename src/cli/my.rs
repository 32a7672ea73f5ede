//! `zengate my`: what a developer may ask a gateway with the key that his SDK has: what holds for the team, what is used, and
//! whether a request would pass. It calls the gateway as an SDK calls it; the admin listener is not needed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, Subcommand};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::{Value, json};

use super::Output;
use super::check::subject;
use super::out::{BAD, GOOD, HEAD, paint, plain, say_error, say_out};
use super::progress::during;
use super::table::{Table, cell};
use crate::clock::Clock;
use crate::config::SecretRef;
use crate::fetch::Client;
use crate::gateway::DRY_RUN;
use crate::secret::Secret;
use crate::sign::{ALGORITHM, PayloadHash, SigningKey, authorize_with};
use crate::upstream::client_tls;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 64 << 20;
const JSON: &str = "application/json";
/// Of what the gateway answers itself; a key that is strict has to sign it.
const OWN_VERSION: &str = "2026-11-01";

/// What a team may ask with its own key.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    export ZENGATE_URL=https://gateway.example:8443 ZENGATE_KEY=ZGpayments01\n  \
    zengate my policy --secret-file payments.secret\n  \
    zengate my quota --secret-file payments.secret\n  \
    zengate my try order.json --secret-file payments.secret\n\n\
    Instead of key and secret, a bearer token: --token-file, or ZENGATE_TOKEN. The secret may be in ZENGATE_SECRET.\n\n\
    Exit codes: 0 told, and what was tried would pass; 1 it would not, or no answer; 2 wrong usage or files")]
pub(super) struct MyCommand {
    #[command(subcommand)]
    action: Action,
    /// The gateway, as SDKs are pointed at it.
    #[arg(
        long,
        global = true,
        env = "ZENGATE_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    url: Uri,
    /// The id of the key.
    #[arg(long, global = true, env = "ZENGATE_KEY", hide_env_values = true, value_name = "ID")]
    key: Option<String>,
    /// A file with the key's secret, readable by its owner alone. Default: the variable ZENGATE_SECRET.
    #[arg(long, global = true, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A file with a bearer token of the key instead. Default, without a key: the variable ZENGATE_TOKEN.
    #[arg(long, global = true, value_name = "FILE", conflicts_with_all = ["key", "secret_file"])]
    token_file: Option<PathBuf>,
    /// The authorities that are believed for https, as a PEM file. Default: the system's.
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// What the rules hold the team to: settings, modes, exemptions with their ends, rate.
    Policy,
    /// Every count of the team: limit, used, held, what is left.
    Quota,
    /// Everything that makes up one count, by name.
    #[command(after_help = "Example:\n  zengate my units team/payments --resource vcpus")]
    Units {
        /// The scope, as `quota` shows it.
        scope: String,
        /// instances, vcpus, memory_gb, disk_gb or public_ips.
        #[arg(long, default_value = "instances")]
        resource: String,
    },
    /// Have the gateway judge a request and say what it would send: nothing is sent or counted.
    #[command(
        after_help = "Examples:\n  zengate my try order.json\n  zengate my try --action 'zec CreateZecInstances' - < order.json"
    )]
    Try {
        /// A file with the body of a request or a Terraform plan, both JSON; `-` reads standard input.
        file: PathBuf,
        /// What a request body calls: service, action and perhaps version.
        #[arg(long, default_value = "vm CreateInstances", value_name = "CALL")]
        action: String,
    },
}

/// Who asks.
enum Credential {
    Token(Secret),
    Key(String, Secret),
}

/// One call.
struct Call {
    service: String,
    action: String,
    version: Option<String>,
    body: Bytes,
    dry_run: bool,
}

/// A call that the gateway answers itself.
fn own(action: &str, body: &Value) -> Call {
    Call {
        service: "zengate".to_owned(),
        action: action.to_owned(),
        version: Some(OWN_VERSION.to_owned()),
        body: Bytes::from(body.to_string()),
        dry_run: false,
    }
}

/// Runs the command; the answer is the exit code.
pub(super) async fn run(command: MyCommand) -> Result<u8, String> {
    super::admin::check(&command.url, "--url")?;
    let credential = command.credential()?;
    let call = match &command.action {
        Action::Policy => own("DescribePolicy", &json!({})),
        Action::Quota => own("DescribeQuotas", &json!({})),
        Action::Units { scope, resource } => {
            own("DescribeQuotaUnits", &json!({ "scope": scope, "resource": resource }))
        }
        Action::Try { file, action } => return command.tries(&credential, file, action).await,
    };
    let (status, answer) = match during("waiting for the gateway", command.ask(&credential, &call)).await {
        Ok(answer) => answer,
        Err(why) => {
            say_error(&why);
            return Ok(1);
        }
    };
    if status != 200 {
        say_error(&refusal(&command.url, status, &answer));
        return Ok(1);
    }
    let response = answer.get("response").unwrap_or(&Value::Null);
    match command.output {
        Output::Json => say_out(&format!("{response:#}\n")),
        Output::Text => say_out(&match command.action {
            Action::Policy => policy(response),
            _ => counts(response),
        }),
    }
    Ok(0)
}

impl MyCommand {
    fn credential(&self) -> Result<Credential, String> {
        let read = |reference: SecretRef| reference.resolve().map_err(|error| error.to_string());
        let variable = |name: &str| std::env::var_os(name).map(|_| SecretRef::Env(name.to_owned()));
        if let Some(file) = &self.token_file {
            return Ok(Credential::Token(read(SecretRef::File(file.clone()))?));
        }
        if let Some(key) = &self.key {
            let file = self.secret_file.clone().map(SecretRef::File);
            let reference = file.or_else(|| variable("ZENGATE_SECRET")).ok_or(
                "the key's secret is needed too: --secret-file FILE, or the variable ZENGATE_SECRET",
            )?;
            return Ok(Credential::Key(key.clone(), read(reference)?));
        }
        match variable("ZENGATE_TOKEN") {
            Some(reference) => Ok(Credential::Token(read(reference)?)),
            None => Err("say who asks: --key ID with --secret-file FILE, or --token-file FILE".to_owned()),
        }
    }

    /// Status and document, or what a person is told instead.
    async fn ask(&self, credential: &Credential, call: &Call) -> Result<(u16, Value), String> {
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        let url =
            format!("{}://{authority}/api/v2/{}", self.url.scheme_str().unwrap_or("http"), call.service);
        let url: Uri = url.parse().map_err(|_| format!("{url} is no URL"))?;
        let mut fields = vec![("content-type", JSON.to_owned()), ("x-zc-action", call.action.clone())];
        fields.extend(call.version.clone().map(|version| ("x-zc-version", version)));
        if call.dry_run {
            fields.push((DRY_RUN, "true".to_owned()));
        }
        let authorization = match credential {
            Credential::Token(token) => format!("Bearer {}", token.expose()),
            Credential::Key(key, secret) => {
                let now = Clock::system().unix_seconds();
                let mut signed: Vec<(&str, &str)> =
                    fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
                signed.push(("host", authority));
                let authorization =
                    authorize_with(key, &SigningKey::new(secret), &signed, now, &PayloadHash::of(&call.body));
                fields.push(("x-zc-timestamp", now.to_string()));
                fields.push(("x-zc-signature-method", ALGORITHM.to_owned()));
                authorization
            }
        };
        let mut headers = HeaderMap::new();
        let unfit = |_| "a header cannot hold what was given; is the secret one line?".to_owned();
        for (name, value) in &fields {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).map_err(unfit)?);
        }
        let mut authorization = HeaderValue::from_str(&authorization).map_err(unfit)?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        let secure = self.url.scheme_str() == Some("https");
        let tls = secure.then(|| client_tls(self.ca_file.as_deref())).transpose()?;
        let client = Client { tls, timeout: Duration::from_secs(60), longest: LONGEST };
        let answer =
            client.exchange(Method::POST, &url, headers, call.body.clone()).await.map_err(|why| {
                format!(
                    "{why}\nIs a gateway there? --url or ZENGATE_URL names the one that SDKs are pointed at."
                )
            })?;
        let document = serde_json::from_slice(&answer.body)
            .map_err(|_| format!("{url} answers {} and no JSON; is a gateway there?", answer.status))?;
        Ok((answer.status.as_u16(), document))
    }

    async fn tries(&self, credential: &Credential, file: &Path, action: &str) -> Result<u8, String> {
        let mut documents = Vec::new();
        let mut passes = true;
        // One that knows no dry run would carry it out: it is asked something first that came with them.
        match self.ask(credential, &own("DescribePolicy", &json!({}))).await {
            Ok((200, _)) => {}
            Ok((status, answer)) => {
                say_error(&refusal(&self.url, status, &answer));
                return Ok(1);
            }
            Err(why) => {
                say_error(&why);
                return Ok(1);
            }
        }
        for subject in subject::read(file, action)? {
            let title = subject.name.clone().unwrap_or_else(|| subject.call.to_string());
            let call = Call {
                service: subject.call.action.service.to_owned(),
                action: subject.call.action.name.to_owned(),
                version: Some(subject.call.version.to_owned()),
                body: Bytes::from(subject.document.to_bytes()),
                dry_run: true,
            };
            let (status, answer) = self.ask(credential, &call).await?;
            let passed = answer.get("dryRun").is_some_and(|said| !said.is_null());
            passes &= passed;
            match self.output {
                Output::Text => say_out(&tried(&title, passed, &answer)),
                Output::Json => documents.push(json!({
                    "subject": title, "passes": passed, "status": status, "answer": answer,
                })),
            }
        }
        if self.output == Output::Json {
            say_out(&format!("{:#}\n", json!({ "tried": documents })));
        }
        Ok(u8::from(!passes))
    }
}

fn refusal(url: &Uri, status: u16, answer: &Value) -> String {
    let part = |name: &str| answer[name].as_str().map(plain).unwrap_or_default();
    let hint = match status {
        401 => {
            "\nThe id and the secret must be a key's of this gateway, and --url must spell the host as SDKs do."
        }
        _ => "",
    };
    format!("{url} answers {status} {}: {}{hint}", part("code"), part("message"))
}

fn tried(title: &str, passed: bool, answer: &Value) -> String {
    let mut text = String::new();
    let (colour, word) = if passed { (GOOD, "ALLOWED") } else { (BAD, "REFUSED") };
    let _ = writeln!(text, "{} {}", paint(colour, word), plain(title));
    if !passed {
        let message = answer["message"].as_str().map(plain).unwrap_or_default();
        let _ = writeln!(text, "  {}: {message}", cell(&answer["code"]));
        return text;
    }
    let told = &answer["dryRun"];
    for (name, key) in [("added", "added"), ("warning", "warnings")] {
        for line in told[key].as_array().into_iter().flatten() {
            let _ = writeln!(text, "  {name}: {}", cell(line));
        }
    }
    for claim in told["claims"].as_array().into_iter().flatten() {
        let counts = told["counts"].as_array().into_iter().flatten();
        let count = counts
            .into_iter()
            .find(|count| count["scope"] == claim["scope"] && count["resource"] == claim["resource"]);
        let left = count.map_or_else(|| "-".to_owned(), |count| cell(&count["left"]));
        let part = |name: &str| cell(&claim[name]);
        let _ = writeln!(
            text,
            "  counts: {} {} of {} (left before it: {left})",
            part("amount"),
            part("resource"),
            part("scope")
        );
    }
    let _ = writeln!(text, "  would be sent: {}", told["request"]);
    text
}

fn counts(response: &Value) -> String {
    let columns = ["scope", "resource", "limit", "used", "in_flight", "unknown", "left"];
    let heading = ["SCOPE", "RESOURCE", "LIMIT", "USED", "IN FLIGHT", "UNKNOWN", "LEFT"];
    let mut table = Table::new(&heading);
    if let Some(units) = response["units"].as_array() {
        let mut table =
            Table::new(&["KIND", "ID", "AMOUNT", "STATE", "KEY", "SINCE", "ZONE", "TYPE", "DECISION"]);
        for unit in units {
            table.row(unit, &["kind", "id", "amount", "state", "key", "since", "zone", "type", "decision"]);
        }
        return table.text();
    }
    for count in response["counts"].as_array().into_iter().flatten() {
        table.row(count, &columns);
    }
    table.text()
}

fn policy(response: &Value) -> String {
    let mut text = String::new();
    let _ =
        writeln!(text, "team {}, revision {}", cell(&response["team"]), cell(&response["policy_revision"]));
    if let Some(rate) = response.get("rate").filter(|rate| !rate.is_null()) {
        let _ = writeln!(text, "rate {} creates a minute, {} at once", rate["per_minute"], rate["burst"]);
    }
    if !response["contact"].is_null() {
        let _ = writeln!(text, "questions to {}", cell(&response["contact"]));
    }
    let mut rules = Table::new(&["RULE", "MODE", "EXEMPTED UNTIL"]);
    for rule in response["rules"].as_array().into_iter().flatten() {
        rules.row(rule, &["rule", "mode", "exempted_until"]);
    }
    let _ = writeln!(text, "\n{}", rules.text());
    let _ = writeln!(text, "{}", paint(HEAD, "SETTINGS"));
    for (rule, settings) in response["settings"].as_object().into_iter().flatten() {
        for (name, value) in settings.as_object().into_iter().flatten() {
            let _ = writeln!(text, "{}.{} = {}", plain(rule), plain(name), plain(&value.to_string()));
        }
    }
    text
}

//! `zengate keys`: makes keys in the store of a running gateway, rotates them, takes them back.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use http::Uri;
use serde_json::{Map, Value, json};

use super::admin::{Access, Question, check, page, show};
use super::quota::encoded;
use super::table::{Table, cell};
use super::{Output, say};
use crate::keys::label;

/// The longest answer that is read, in bytes.
const LONGEST: usize = 256 << 20;
/// Longer than the gateway waits for its store.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Keys: who may call, with what, from where, until when. They are kept in the store of [keys.store].
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    zengate keys create --team payments --owner ada@example.com --purpose 'Terraform in CI' --expires 90d\n  \
    zengate keys create --team search --action 'vm Describe*' --source 10.0.0.0/8 --output json\n  \
    zengate keys rotate ZGpayments_4k7m2p9q --grace 24h\n  \
    zengate keys revoke ZGpayments_4k7m2p9q\n\n\
    A secret is printed once, by the command that makes it, and is never shown again.\n\n\
    Exit codes: 0 done, 1 no answer or refused, 2 wrong usage")]
pub(super) struct KeysCommand {
    #[command(subcommand)]
    action: Action,
    /// The admin listener of a running gateway; of replicas that share a store, any.
    #[arg(long, global = true, default_value = "http://127.0.0.1:9180", value_name = "URL")]
    admin: Uri,
    /// How to print.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    access: Access,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print its secret, this once.
    #[command(after_help = "Examples:\n  \
        zengate keys create --team payments --purpose 'CI of the payments clusters' --expires 2027-06-30\n  \
        zengate keys create --team search --action 'vm *' --action 'zec Describe*' --label env=prod\n  \
        zengate keys create --team ops --credentials token --source 10.0.0.0/8")]
    Create(Box<Create>),
    /// Every key: team, state, when it ends, when it was last used. Never a secret.
    #[command(
        after_help = "Examples:\n  zengate keys list\n  zengate keys list --team payments --output json"
    )]
    List {
        /// Only the keys of this team.
        #[arg(long)]
        team: Option<String>,
    },
    /// Everything about one key but its secret.
    Show {
        /// The key's id.
        id: String,
    },
    /// Give a key another secret and print it; the old one goes on for a while.
    #[command(after_help = "Examples:\n  \
        zengate keys rotate ZGpayments_4k7m2p9q                  # both secrets for 24h\n  \
        zengate keys rotate ZGpayments_4k7m2p9q --grace 0s       # the old one leaked: it ends now\n  \
        zengate keys rotate ZGpayments_4k7m2p9q --expires 90d    # and the key goes on for 90 days")]
    Rotate {
        /// The key's id.
        id: String,
        /// How long the old secret goes on beside the new one; 0s ends it now.
        #[arg(long, default_value = "24h", value_name = "TIME")]
        grace: String,
        /// Another end of the key itself: a date, a time, a length from now, or never.
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
    },
    /// Take a key back for ever; what it was stays on record.
    Revoke {
        /// The key's id.
        id: String,
    },
    /// Refuse a key until it is enabled again.
    Disable {
        /// The key's id.
        id: String,
    },
    /// Take a key again that was disabled.
    Enable {
        /// The key's id.
        id: String,
    },
    /// Seal everything in the store with keys.store.seal that one of keys.store.old_seals had sealed.
    Reseal,
}

#[derive(Debug, Args)]
struct Create {
    /// The team that calls: rules, settings and quota go by it.
    #[arg(long)]
    team: String,
    /// The key's id. Default: made up from the team's name.
    #[arg(long)]
    id: Option<String>,
    /// Who answers for the key.
    #[arg(long)]
    owner: Option<String>,
    /// What the key is for.
    #[arg(long)]
    purpose: Option<String>,
    /// The cloud account, by its name in the configuration. Default: the one that is for the team.
    #[arg(long)]
    account: Option<String>,
    /// An action that the key may call, "service Action" with `*` at the end of either part; once for each. Default: all.
    #[arg(long = "action", value_name = "ACTION")]
    actions: Vec<String>,
    /// A range of addresses that the key may be used from; once for each. Default: anywhere.
    #[arg(long = "source", value_name = "RANGE")]
    sources: Vec<String>,
    /// A name of a client certificate that the key may be used with; once for each. Default: with any or none.
    #[arg(long = "certificate", value_name = "NAME")]
    certificates: Vec<String>,
    /// A label that rules may look at; once for each.
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Signatures must cover action and version, which the vendor's SDKs do not do.
    #[arg(long)]
    strict: bool,
    /// When the key ends: a date (which ends that day, UTC), a time, or a length from now. Default: never.
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// What its holder proves itself with.
    #[arg(long, value_enum, default_value_t = Credentials::Pair)]
    credentials: Credentials,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Credentials {
    /// Id and secret, as the SDKs sign with.
    Pair,
    /// A bearer token.
    Token,
    /// Either.
    Both,
}

/// Runs the command; the answer is the exit code.
pub(super) async fn run(command: KeysCommand) -> Result<u8, String> {
    check(&command.admin, "--admin")?;
    let (path, document) = command.action.question();
    let url = page(&command.admin, &path)?;
    let question = Question {
        url: &url,
        access: &command.access,
        document: document.as_ref(),
        timeout: TIMEOUT,
        longest: LONGEST,
    };
    let code = show(question, command.output, |answer| command.action.text(answer)).await;
    if code == 0 && matches!(command.action, Action::Create(_) | Action::Rotate { .. }) {
        say("This secret is shown once, and nobody can show it again: hand it to its holder now.");
    }
    Ok(code)
}

impl Action {
    /// The page to ask for, and what is posted to it.
    fn question(&self) -> (String, Option<Value>) {
        let order = |id: &str, verb: &str| (format!("/keys/{}/{verb}", segment(id)), Some(json!({})));
        match self {
            Self::Create(create) => ("/keys".to_owned(), Some(create.document())),
            Self::List { team: None } => ("/keys".to_owned(), None),
            Self::List { team: Some(team) } => (format!("/keys?team={}", encoded(team)), None),
            Self::Show { id } => (format!("/keys/{}", segment(id)), None),
            Self::Rotate { id, grace, expires } => {
                let document = match expires {
                    Some(expires) => json!({ "grace": grace, "expires": expires }),
                    None => json!({ "grace": grace }),
                };
                (format!("/keys/{}/rotate", segment(id)), Some(document))
            }
            Self::Revoke { id } => order(id, "revoke"),
            Self::Disable { id } => order(id, "disable"),
            Self::Enable { id } => order(id, "enable"),
            Self::Reseal => ("/keys/reseal".to_owned(), Some(json!({}))),
        }
    }

    /// The answer for people.
    fn text(&self, answer: &Value) -> String {
        match self {
            Self::List { .. } => list(answer),
            Self::Reseal => format!("sealed anew: {}\n", cell(&answer["resealed"])),
            _ => one(answer),
        }
    }
}

/// An id in a path: `/` would end it.
fn segment(id: &str) -> String {
    encoded(id).replace('/', "%2F")
}

impl Create {
    fn document(&self) -> Value {
        let mut document = Map::new();
        let texts = [
            ("team", Some(&self.team)),
            ("id", self.id.as_ref()),
            ("owner", self.owner.as_ref()),
            ("purpose", self.purpose.as_ref()),
            ("account", self.account.as_ref()),
            ("expires", self.expires.as_ref()),
        ];
        for (name, text) in texts {
            document.extend(text.map(|text| (name.to_owned(), text.as_str().into())));
        }
        let labels: Map<String, Value> =
            self.labels.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let credentials = match self.credentials {
            Credentials::Pair => "pair",
            Credentials::Token => "token",
            Credentials::Both => "both",
        };
        document.extend([
            ("actions".to_owned(), json!(self.actions)),
            ("sources".to_owned(), json!(self.sources)),
            ("certificates".to_owned(), json!(self.certificates)),
            ("labels".to_owned(), labels.into()),
            ("strict".to_owned(), self.strict.into()),
            ("credentials".to_owned(), credentials.into()),
        ]);
        document.into()
    }
}

fn list(answer: &Value) -> String {
    let mut table = Table::new(&[
        "ID",
        "TEAM",
        "STATE",
        "KEPT IN",
        "ACCOUNT",
        "OWNER",
        "PURPOSE",
        "EXPIRES",
        "ROTATED",
        "LAST USED",
    ]);
    for key in answer["keys"].as_array().into_iter().flatten() {
        table.row(
            key,
            &[
                "id",
                "team",
                "state",
                "kept_in",
                "account",
                "owner",
                "purpose",
                "expires",
                "rotated",
                "last_used",
            ],
        );
    }
    let mut text = table.text();
    if answer["store"] != "up" {
        text.push_str(&format!("key store {}\n", cell(&answer["store"])));
    }
    text
}

/// One key, a line for each thing there is to say; first what its holder needs.
fn one(answer: &Value) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &Value| {
        let value = match value {
            Value::Null | Value::Bool(false) => return,
            Value::Array(items) if items.is_empty() => return,
            Value::Object(members) if members.is_empty() => return,
            Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| format!("{name}={}", cell(value)))
                .collect::<Vec<_>>()
                .join(", "),
            other => cell(other),
        };
        text.push_str(&format!("{:16} {value}\n", name.replace('_', " ")));
    };
    let key = &answer["key"];
    line("id", &key["id"]);
    line("secret", &answer["secret"]);
    line("token", &answer["token"]);
    for (name, value) in key.as_object().into_iter().flatten().filter(|(name, _)| *name != "id") {
        line(name, value);
    }
    text
}

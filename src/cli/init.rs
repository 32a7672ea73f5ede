//! `zengate init`: the files of a gateway that starts, to be changed line by line into one's own.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::out::{say, say_out};
use crate::emulator::seed;

/// The longest secret that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Write the files of a gateway that starts: configuration, a key, rules as data, an order to try.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    zengate init gate                                     # in front of `zengate emulator`\n  \
    zengate init gate --access-key-id AK1 < cloud.secret  # in front of the cloud\n\n\
    What is written passes `zengate config check`. Files that are there already are left alone, and then nothing is written.\n\n\
    Exit codes: 0 written, 1 not written, 2 wrong usage")]
pub(in crate::cli) struct InitArgs {
    /// The directory; it is made where it is not there.
    #[arg(value_name = "DIRECTORY")]
    directory: PathBuf,
    /// An access key of the cloud, whose secret is then read from standard input. Default: the emulator's.
    #[arg(long, value_name = "ID", value_parser = access_key)]
    access_key_id: Option<String>,
    /// The team of the first key.
    #[arg(long, default_value = "first", value_parser = team)]
    team: String,
}

fn access_key(text: &str) -> Result<String, String> {
    let plain =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if plain { Ok(text.to_owned()) } else { Err("an access key id is letters and digits".to_owned()) }
}

fn team(text: &str) -> Result<String, String> {
    let plain = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if plain { Ok(text.to_owned()) } else { Err("letters, digits, - and _; at most 64".to_owned()) }
}

/// Runs the command; the answer is the exit code.
pub(in crate::cli) fn run(args: &InitArgs) -> Result<u8, String> {
    let cloud_secret = match &args.access_key_id {
        Some(_) => Zeroizing::new(from_stdin()?),
        None => Zeroizing::new(EMULATOR_SECRET.to_owned()),
    };
    let files = files(args, &cloud_secret);
    match write(&args.directory, &files) {
        Ok(()) => {
            say_out(&next(args));
            Ok(0)
        }
        Err(why) => {
            say(&format!("{why}; nothing was written"));
            Ok(1)
        }
    }
}

fn from_stdin() -> Result<String, String> {
    let mut text = Zeroizing::new(String::new());
    let read = std::io::stdin().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| format!("standard input: {error}"))?;
    let secret = text.trim();
    if secret.is_empty() {
        return Err(
            "standard input is empty; write the secret of the access key there, e.g. with < FILE".to_owned()
        );
    }
    Ok(secret.to_owned())
}

struct NewFile {
    name: &'static str,
    text: Zeroizing<String>,
    secret: bool,
}

fn files(args: &InitArgs, cloud_secret: &str) -> Vec<NewFile> {
    let random =
        || Zeroizing::new(format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()));
    let open = |name, text: String| NewFile { name, text: Zeroizing::new(text), secret: false };
    let secret = |name, text: Zeroizing<String>| NewFile { name, text, secret: true };
    vec![
        open("zengate.toml", config(args)),
        open("keys.toml", keys(&args.team)),
        open("organisation.yaml", organisation(args.access_key_id.is_none())),
        open("order.json", ORDER.to_owned()),
        open(".gitignore", "*.secret\n*.token\n*.db*\ndecisions.jsonl*\n".to_owned()),
        secret("cloud.secret", Zeroizing::new(cloud_secret.to_owned())),
        secret("first.secret", random()),
        secret("first.token", random()),
    ]
}

/// All of them or none.
fn write(directory: &Path, files: &[NewFile]) -> Result<(), String> {
    for file in files {
        let path = directory.join(file.name);
        if path.exists() {
            return Err(format!("{} is there already; choose another directory", path.display()));
        }
    }
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    for file in files {
        let mode = if file.secret { 0o600 } else { 0o644 };
        let path = directory.join(file.name);
        let new = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        new.and_then(|mut to| to.write_all(file.text.as_bytes())).map_err(failed)?;
    }
    Ok(())
}

/// The emulator's built-in key, which is no secret.
const EMULATOR_KEY: &str = "AKEMULATOR";
const EMULATOR_SECRET: &str = "SKEMULATOR-not-a-secret";

fn config(args: &InitArgs) -> String {
    let upstream = match &args.access_key_id {
        Some(_) => "# The cloud, by default:\n# url = \"https://console.zenlayer.com\"\n",
        None => {
            "# `zengate emulator`. For the cloud take this line out, and put an access key of yours into [accounts.main].\n\
             url = \"http://127.0.0.1:9100\"\n"
        }
    };
    let key = args.access_key_id.as_deref().unwrap_or(EMULATOR_KEY);
    format!(
        r#"# The gateway. Every setting with its default: `zengate config schema`, or zengate.toml of the documentation.
# Look for mistakes with `zengate config check --config zengate.toml`.

[listen]
# Where clients connect. Beyond this machine, add [listen.tls].
address = "127.0.0.1:8080"

[admin]
# Metrics, health, quota, policies: for operators.
address = "127.0.0.1:9180"

[upstream]
{upstream}
[accounts.main]
access_key_id = "{key}"
secret = {{ file = "cloud.secret" }}

[keys]
# What you hand out instead of the cloud's keys.
file = "keys.toml"

[policy]
# Your rules, as data over the stock ones.
data = ["organisation.yaml"]

[records]
# One line of JSON for each decision.
to = {{ file = "decisions.jsonl" }}
"#
    )
}

fn keys(team: &str) -> String {
    format!(
        r#"# The keys of the gateway's clients. Looked at every few seconds; a bad version is refused as a whole.

[[key]]
id = "ZGfirst01"
secrets = [{{ file = "first.secret" }}]
tokens = [{{ file = "first.token" }}]
team = "{team}"
owner = "you"
account = "main"
"#
    )
}

fn organisation(emulator: bool) -> String {
    let groups = if emulator {
        format!(
            "  # What is filled in where an order says nothing. These are the emulator's.\n  \
             resource_group: {{default: {}, allowed: [{}]}}\n  security_group: {{default: {}}}\n",
            seed::RESOURCE_GROUP,
            seed::RESOURCE_GROUP,
            seed::SECURITY_GROUP,
        )
    } else {
        "  # What is filled in where an order says nothing:\n  # resource_group: {default: ID, allowed: [ID]}\n".to_owned()
    };
    format!(
        "# Rules of the organisation. `zengate check order.json` tries them; a running gateway takes a change up by itself.\n\
         settings:\n  zones: {{allowed: [SEL-A, HKG-A]}}\n  # Machines in one order.\n  count: {{maximum: 5}}\n{groups}  \
         # What each team may have at a time.\n  quota:\n    limits:\n      machines: {{resource: instances, limit: 20, per: [team]}}\n    unset: unlimited\n"
    )
}

const ORDER: &str = r#"{
  "zoneId": "SEL-A",
  "instanceType": "c.1c2g",
  "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
  "instanceChargeType": "POSTPAID",
  "internetChargeType": "ByBandwidth",
  "instanceName": "first"
}
"#;

fn next(args: &InitArgs) -> String {
    let place = args.directory.display();
    let emulator = match args.access_key_id {
        None => "  zengate emulator                          # in a terminal of its own\n",
        Some(_) => "",
    };
    format!(
        "Written to {place}. Next:\n\n  cd {place}\n  zengate config check\n  zengate check --key ZGfirst01 order.json\n{emulator}  \
         zengate serve                             # in another one\n  \
         curl -H \"Authorization: Bearer $(cat first.token)\" -H 'X-ZC-Action: CreateInstances' \\\n       \
         -H 'Content-Type: application/json' -d @order.json http://127.0.0.1:8080/api/v2/vm\n  zengate quota list\n"
    )
}

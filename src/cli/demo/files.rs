//! The demo's files, as an operator would write them, in a directory that goes away with the demo.

use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::emulator::seed;
use crate::secret::Secret;

/// The cloud's access key in the demo; clients never see its secret.
pub(super) const CLOUD_KEY: &str = "AKdemocloud0001";
/// The gateway key that the demo makes.
pub(super) const GATEWAY_KEY: &str = "ZGdemo0001";

/// Written files and the secrets that the demo prints on purpose.
pub(super) struct Files {
    directory: TempDir,
    /// The secret of the gateway key.
    pub(super) secret: Secret,
}

impl Files {
    pub(super) fn write(
        upstream: &str,
        listen: SocketAddr,
        admin: SocketAddr,
        cloud_secret: &Secret,
        tls: bool,
    ) -> std::io::Result<Self> {
        let files = Self {
            directory: TempDir::with_prefix("zengate-demo-")?,
            secret: Secret::new(uuid::Uuid::new_v4().to_string()),
        };
        files.file("cloud.secret", cloud_secret.expose())?;
        files.file("demo.secret", files.secret.expose())?;
        files.file("keys.toml", &keys())?;
        files.file("organisation.yaml", &organisation())?;
        let mut config = config(upstream, listen, admin);
        if tls {
            config.push_str(TLS);
            files.certificate()?;
        }
        files.file("zengate.toml", &config)?;
        Ok(files)
    }

    /// The configuration file.
    pub(super) fn config(&self) -> PathBuf {
        self.path("zengate.toml")
    }

    /// The organisation's rules as data.
    pub(super) fn organisation(&self) -> PathBuf {
        self.path("organisation.yaml")
    }

    /// The certificate, with `--tls`.
    pub(super) fn certificate_path(&self) -> PathBuf {
        self.path("gateway.pem")
    }

    /// The decision records.
    pub(super) fn records(&self) -> PathBuf {
        self.path("decisions.jsonl")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Readable by its owner only, from its first byte.
    fn file(&self, name: &str, content: &str) -> std::io::Result<()> {
        let path: &Path = &self.path(name);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(content.as_bytes())
    }

    /// A certificate for this machine that signs itself.
    fn certificate(&self) -> std::io::Result<()> {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(std::io::Error::other)?;
        self.file("gateway.pem", &made.cert.pem())?;
        self.file("gateway.key", &made.signing_key.serialize_pem())
    }
}

fn config(upstream: &str, listen: SocketAddr, admin: SocketAddr) -> String {
    format!(
        r#"[listen]
address = "{listen}"

[admin]
address = "{admin}"

[upstream]
url = "{upstream}"

[accounts.main]
access_key_id = "{CLOUD_KEY}"
secret = {{ file = "cloud.secret" }}

[keys]
file = "keys.toml"

[policy]
data = ["organisation.yaml"]

[records]
to = {{ file = "decisions.jsonl" }}

[drain]
lame_duck = "0s"
"#
    )
}

const TLS: &str = r#"
[listen.tls]
certificate = "gateway.pem"
key = { file = "gateway.key" }
"#;

fn keys() -> String {
    format!(
        r#"[[key]]
id = "{GATEWAY_KEY}"
secrets = [{{ file = "demo.secret" }}]
team = "demo"
owner = "you"
account = "main"
"#
    )
}

fn organisation() -> String {
    format!(
        r#"settings:
  zones:
    allowed: [SEL-A, HKG-A]
  count:
    maximum: 10
  resource_group:
    default: {group}
    allowed: [{group}]
  security_group:
    default: {security}
"#,
        group = seed::RESOURCE_GROUP,
        security = seed::SECURITY_GROUP,
    )
}

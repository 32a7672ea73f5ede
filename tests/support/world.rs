//! One emulator and one gateway in front of it, with keys and an organisation's settings.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use zengate::emulator::{self, Emulator, Fault, Gate, On, Times, When};
use zengate::secret::Secret;

use super::gateway::{Gateway, Launch, write};

/// The gateway key of team `payments`.
pub const KEY: &str = "ZGpayments01";
pub const SECRET: &str = "gateway-secret-of-payments-01";
/// A bearer token of the same key.
pub const TOKEN: &str = "gateway-token-of-payments-01";
/// The cloud's own key, which no client may ever see.
pub const CLOUD_KEY: &str = "AKcloud0001";
pub const CLOUD_SECRET: &str = "cloud-secret-that-never-leaves";

/// The default groups that the organisation wants; the emulator knows them.
pub const RESOURCE_GROUP: &str = emulator::seed::RESOURCE_GROUP;
pub const SECURITY_GROUP: &str = emulator::seed::SECURITY_GROUP;

/// What differs from one test to the next.
pub struct Setup {
    pub keys: String,
    pub organisation: String,
    /// Lines added to `zengate.toml`; a section given here replaces the default one of that name.
    pub config: String,
    pub emulator: emulator::Options,
    /// More files of its directory.
    pub files: Vec<(String, String)>,
    /// How the gateway is started.
    pub launch: Launch,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            keys: keys(""),
            organisation: organisation(),
            config: String::new(),
            emulator: emulator::Options {
                keys: vec![(CLOUD_KEY.to_owned(), Secret::new(CLOUD_SECRET))],
                ..emulator::Options::default()
            },
            files: Vec::new(),
            launch: Launch::default(),
        }
    }
}

/// The key file with the usual key, `more` of its settings, and nothing else.
pub fn keys(more: &str) -> String {
    format!(
        "[[key]]\nid = \"{KEY}\"\nsecrets = [{{ file = \"payments.secret\" }}]\ntokens = [{{ env = \"ZENGATE_TEST_TOKEN\" }}]\n\
         team = \"payments\"\naccount = \"main\"\n{more}\n"
    )
}

/// Zones, count, groups; no tags, so that the vendor's example passes as it stands.
pub fn organisation() -> String {
    format!(
        "settings:\n  zones: {{allowed: [SEL-A, HKG-A, SAO-A]}}\n  count: {{maximum: 10}}\n  \
         resource_group: {{default: {RESOURCE_GROUP}, allowed: [{RESOURCE_GROUP}]}}\n  \
         security_group: {{default: {SECURITY_GROUP}}}\n"
    )
}

/// A running emulator with a running gateway in front.
pub struct World {
    pub gateway: Gateway,
    pub emulator: Emulator,
    pub runtime: Runtime,
}

impl World {
    pub fn new() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let tls = setup.emulator.tls.is_some();
        let emulator = runtime.block_on(Emulator::start(setup.emulator)).unwrap();
        let scheme = if tls { "https" } else { "http" };
        let url = format!("{scheme}://{}", emulator.address());
        let files = directory(&url, &setup.keys, &setup.organisation, &setup.config);
        for (name, content) in &setup.files {
            write(&files.path().join(name), content);
        }
        let gateway = Gateway::launch(files, setup.launch);
        Self { gateway, emulator, runtime }
    }

    pub fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// A create that the cloud has received and holds until the gate is opened.
    pub fn held_create(&self) -> (Gate, TcpStream) {
        let gate = Gate::new();
        self.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Exactly(1));
        let mut connection = super::client::connect(self.address());
        connection.write_all(&super::Call::example().bytes(self.address())).unwrap();
        self.runtime.block_on(self.emulator.arrived(1));
        (gate, connection)
    }

    pub fn send(&self, call: &super::Call) -> super::Answer {
        call.send(self.address())
    }
}

/// The files of a gateway: configuration, keys, secrets, the organisation's data.
pub fn directory(url: &str, keys: &str, organisation: &str, more: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    let file = |name: &str, content: &str| write(&directory.path().join(name), content);
    file("payments.secret", SECRET);
    file("other.secret", "gateway-secret-of-the-other");
    file("cloud.secret", CLOUD_SECRET);
    file("keys.toml", keys);
    file("organisation.yaml", organisation);
    let sections = [
        ("[listen]", "address = \"127.0.0.1:0\"".to_owned()),
        ("[admin]", "address = \"127.0.0.1:0\"".to_owned()),
        ("[upstream]", format!("url = \"{url}\"")),
        (
            "[accounts.main]",
            format!("access_key_id = \"{CLOUD_KEY}\"\nsecret = {{ file = \"cloud.secret\" }}"),
        ),
        ("[keys]", "file = \"keys.toml\"\npoll_interval = \"50ms\"".to_owned()),
        ("[policy]", "data = [\"organisation.yaml\"]\npoll_interval = \"50ms\"".to_owned()),
        ("[records]", "to = { file = \"records.jsonl\" }".to_owned()),
        // Tests count what the cloud receives: it is listed when they ask for it, and believed at once.
        (
            "[quota.reconcile]",
            "interval = \"0s\"\nsettle_after = \"1ms\"\nabsent_lists = 2\nabsent_over = \"1ms\"".to_owned(),
        ),
        ("[drain]", "lame_duck = \"0s\"\ndeadline = \"60s\"".to_owned()),
    ];
    let mut config = String::new();
    for (section, lines) in sections {
        // `more` may hold `[section]` with `+` lines to add, or the whole section.
        if !more.lines().any(|line| line == section) {
            config.push_str(&format!("{section}\n{lines}\n"));
        }
    }
    config.push_str(&more.replace("{url}", url));
    if !config.contains("time_limit") {
        // A debug build on a loaded machine is no measure of time; what happens at the limit has a test of its own.
        config = config.replace("[policy]\n", "[policy]\ntime_limit = \"2s\"\ndeadline = \"4s\"\n");
    }
    file("zengate.toml", &config);
    directory
}

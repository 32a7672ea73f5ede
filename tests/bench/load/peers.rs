//! Who is compared, each on the same core, each with one worker and keep-alive connections to the stub.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::envoy;
use crate::fixture;
use crate::options::{Ledger, Options};
use crate::postgres;
use crate::proxies::{Judge, Proxy, Setup, free_address, log_file, start, zengate_with};
use crate::tools;
pub use crate::tools::Missing;

/// What is spoken between the load generator and the proxies; to the stub all speak plain HTTP/1.1.
pub struct Wire {
    pub h2: bool,
    /// The directory of `tls.crt`, `tls.key` and `tls.pem`, both in one; none is no TLS.
    pub certificate: Option<PathBuf>,
}

impl Wire {
    pub fn new(options: &Options, directory: &Path) -> Self {
        let certificate = options.tls.then(|| {
            let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
            let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
            std::fs::write(directory.join("tls.pem"), format!("{certificate}{key}")).unwrap();
            std::fs::write(directory.join("tls.crt"), certificate).unwrap();
            fixture::write_secret(&directory.join("tls.key"), &key);
            directory.to_owned()
        });
        Self { h2: options.h2, certificate }
    }
}

/// A size of the gateway's task.
#[derive(Clone, Copy)]
pub struct Variant {
    /// Rules beside those that judge the creates: half for another action, half for another team.
    pub rules: usize,
    /// Teams beside the one that asks.
    pub teams: usize,
    pub ledger: Ledger,
}

impl Variant {
    /// The organisation's data: settings of the stock rules, more teams, and for whom the further rules are.
    pub fn organisation(self) -> String {
        let mut text = fixture::ORGANISATION.to_owned();
        for team in 1..=self.teams.max(usize::from(self.rules > 0)) {
            text += &format!("  team-{team:06}: {{settings: {{count: {{maximum: {}}}}}}}\n", team % 50 + 1);
        }
        if self.rules > 0 {
            text += "rules:\n";
        }
        for rule in 1..=self.rules {
            let bound = if rule % 2 == 0 { r#"actions: ["vm ResizeDisk"]"# } else { "teams: [team-000001]" };
            text += &format!("  further_{rule:04}: {{mode: enforce, applies: {{{bound}}}}}\n");
        }
        text
    }

    /// The stock rules and the further ones, without tests, as a directory; gives their names.
    pub fn write_rules(self, to: &Path) -> Vec<String> {
        let stock = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let mut names = Vec::new();
        for part in ["", "rules", "lib", "facts", "organisation"] {
            std::fs::create_dir_all(to.join(part)).unwrap();
            for entry in std::fs::read_dir(stock.join(part)).unwrap().map(Result::unwrap) {
                let name = entry.file_name().into_string().unwrap();
                let wanted = ["rego", "yaml", "json"].iter().any(|end| name.ends_with(end));
                if wanted && !name.ends_with("_test.rego") {
                    names.extend(name.strip_suffix(".rego").filter(|_| part == "rules").map(str::to_owned));
                    std::fs::copy(entry.path(), to.join(part).join(name)).unwrap();
                }
            }
        }
        for rule in 1..=self.rules {
            let name = format!("further_{rule:04}");
            let text = format!(
                "package zengate.rules.{name}\n\ndeny contains violation if {{\n\tinput.request.diskSize > {rule}\n\t\
                 violation := {{\"rule\": \"{name}\", \"message\": \"the disk is too large\", \"field\": \"/diskSize\", \
                 \"remedy\": \"Ask for a smaller one.\"}}\n}}\n"
            );
            std::fs::write(to.join(format!("rules/{name}.rego")), text).unwrap();
            names.push(name);
        }
        names
    }
}

/// All that can run, and the reasons for those that cannot.
pub struct Peers {
    /// The stub itself, asked directly, comes first: it is the floor of the latencies.
    pub all: Vec<Proxy>,
    pub left_out: Vec<(String, Missing)>,
    _ledgers: Vec<postgres::Server>,
}

impl Peers {
    pub fn start(options: &Options, stub: Proxy, setup: Setup<'_>, wire: &Wire) -> Self {
        let mut peers = Self { all: vec![stub], left_out: Vec::new(), _ledgers: Vec::new() };
        let compares = |peer: &str| options.compares(peer);
        if compares("nginx") {
            peers.add("nginx", || nginx(setup, wire));
        }
        if compares("haproxy") {
            peers.add("haproxy", || haproxy(setup, wire));
        }
        if compares("envoy") {
            peers.add("envoy", || envoy::plain(setup, wire));
        }
        for (suffix, variant) in options.variants(false).into_iter().filter(|_| compares("envoy+opa")) {
            let name = format!("envoy+opa{suffix}");
            let directory = subdirectory(setup, &name);
            let setup = Setup { directory: &directory, ..setup };
            peers.add(&name, || envoy::with_opa(setup, wire, &name, variant));
        }
        for (suffix, variant) in options.variants(true).into_iter().filter(|_| compares("zengate")) {
            let name = format!("zengate{suffix}");
            let directory = subdirectory(setup, &name);
            let setup = Setup { directory: &directory, ..setup };
            let ledger = match variant.ledger {
                Ledger::Postgres if postgres::installed() => Ok(Some(postgres::Server::start())),
                Ledger::Postgres => {
                    Err("PostgreSQL is not installed (Debian's package postgresql)".to_owned())
                }
                Ledger::None | Ledger::Embedded => Ok(None),
            };
            peers.add(&name, || {
                let ledger = ledger.as_ref().map_err(Clone::clone)?.as_ref();
                zengate(setup, wire, &name, variant, ledger, options.history)
            });
            peers._ledgers.extend(ledger.ok().flatten());
        }
        if wire.h2 || wire.certificate.is_some() {
            let reason = "the stub speaks plain HTTP/1.1 only".to_owned();
            peers.left_out.push(("direct".to_owned(), reason));
        }
        peers
    }

    fn add(&mut self, name: &str, start: impl FnOnce() -> Result<Proxy, Missing>) {
        match start() {
            Ok(proxy) => self.all.push(proxy),
            Err(reason) => self.left_out.push((name.to_owned(), reason)),
        }
    }
}

fn subdirectory(setup: Setup<'_>, name: &str) -> PathBuf {
    let directory = setup.directory.join(name.replace(' ', "_"));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn nginx(setup: Setup<'_>, wire: &Wire) -> Result<Proxy, Missing> {
    tools::debian("nginx", "nginx-light")?;
    let address = free_address();
    let Setup { directory, upstream, logs, .. } = setup;
    let at = directory.display();
    let log = if logs { format!("{at}/nginx-access.log combined") } else { "off".to_owned() };
    let h2 = if wire.h2 { " http2" } else { "" };
    let (ssl, certificate) = match &wire.certificate {
        Some(of) => {
            let of = of.display();
            (" ssl", format!("ssl_certificate {of}/tls.crt; ssl_certificate_key {of}/tls.key;"))
        }
        None => ("", String::new()),
    };
    let file = directory.join("nginx.conf");
    // The buffers hold an answer of 50 KB, or nginx would write it to a file first.
    let text = format!(
        "worker_processes 1;\npid {at}/nginx.pid;\nerror_log {at}/nginx-error.log;\n\
         events {{ worker_connections 8192; }}\nhttp {{\n  access_log {log};\n  keepalive_requests 100000000;\n\
         client_body_temp_path {at}/nginx-body;\n  proxy_temp_path {at}/nginx-proxy;\n  fastcgi_temp_path {at}/nginx-f;\n\
         uwsgi_temp_path {at}/nginx-u;\n  scgi_temp_path {at}/nginx-s;\n  proxy_buffers 16 8k;\n\
         upstream cloud {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}\n\
         server {{ listen {address}{ssl}{h2} backlog=4096; {certificate}\n  location / {{\n    proxy_pass http://cloud; proxy_http_version 1.1;\n    \
         proxy_set_header Connection \"\"; proxy_set_header Host $http_host;\n  }} }}\n}}\n"
    );
    std::fs::write(&file, text).unwrap();
    let command = ["nginx", "-c", &file.display().to_string(), "-g", "daemon off;"].map(str::to_owned);
    Ok(start("nginx", address, Judge::Nobody, setup.core, &command, Stdio::null(), Stdio::null()))
}

fn haproxy(setup: Setup<'_>, wire: &Wire) -> Result<Proxy, Missing> {
    tools::debian("haproxy", "haproxy")?;
    let address = free_address();
    let Setup { directory, upstream, logs, .. } = setup;
    let log = if logs { "log stdout format raw local0" } else { "" };
    let http_log = if logs { "log global\n  option httplog" } else { "" };
    let protocol = match &wire.certificate {
        Some(of) => format!("ssl crt {}/tls.pem alpn h2,http/1.1", of.display()),
        None if wire.h2 => "proto h2".to_owned(),
        None => String::new(),
    };
    let file = directory.join("haproxy.cfg");
    let text = format!(
        "global\n  nbthread 1\n  maxconn 8192\n  {log}\ndefaults\n  mode http\n  timeout connect 5s\n  \
         timeout client 60s\n  timeout server 60s\n  http-reuse always\n  {http_log}\n\
         frontend all\n  bind {address} {protocol}\n  default_backend cloud\nbackend cloud\n  server cloud {upstream}\n"
    );
    std::fs::write(&file, text).unwrap();
    let command = ["haproxy", "-db", "-f", &file.display().to_string()].map(str::to_owned);
    let out = if logs { log_file(directory, "haproxy.log") } else { Stdio::null() };
    Ok(start("haproxy", address, Judge::Nobody, setup.core, &command, out, Stdio::null()))
}

fn zengate(
    setup: Setup<'_>,
    wire: &Wire,
    name: &str,
    variant: Variant,
    ledger: Option<&postgres::Server>,
    history: bool,
) -> Result<Proxy, Missing> {
    if wire.h2 && wire.certificate.is_none() {
        return Err("it speaks HTTP/2 over TLS only".to_owned());
    }
    let mut more = "trial_timeout = \"10m\"\n".to_owned();
    if variant.rules > 0 {
        variant.write_rules(&setup.directory.join("policies"));
        more += "directory = \"policies\"\n";
    }
    more += &match (variant.ledger, ledger) {
        (Ledger::Postgres, Some(server)) => {
            // It has the driver's core and its CPU is not counted: elsewhere it has a machine of its own.
            format!(
                "[quota]\nstore = \"postgres\"\n[quota.postgres]\nhost = \"{}\"\nport = {}\nuser = \"postgres\"\n\
                 database = \"postgres\"\n",
                server.socket(),
                server.port()
            )
        }
        (Ledger::Embedded, _) => "[quota]\nstore = \"sqlite\"\n".to_owned(),
        _ => "[quota]\nstore = \"none\"\n".to_owned(),
    };
    if !history {
        more += "[history]\nstore = \"none\"\n";
    }
    // Saturated by more connections than it takes on at once, who waits longest must not be refused.
    more += "[limits]\nplace_timeout = \"60s\"\n";
    if let Some(of) = &wire.certificate {
        let of = of.display();
        more +=
            &format!("[listen.tls]\ncertificate = \"{of}/tls.crt\"\nkey = {{ file = \"{of}/tls.key\" }}\n");
    }
    Ok(zengate_with(setup, name, &variant.organisation(), &more))
}

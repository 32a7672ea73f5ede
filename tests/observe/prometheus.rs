//! A Prometheus of the test's own, that scrapes gateways every second and holds the rules and alerts of `deploy/observe`.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Call, eventually};

/// It ends when dropped.
pub(super) struct Prometheus {
    process: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Prometheus {
    /// Scrapes the admin listeners at `targets` as the job `zengate`.
    pub(super) fn start(targets: &[SocketAddr]) -> Self {
        let directory = TempDir::new().unwrap();
        let observe = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/observe");
        let targets: Vec<String> = targets.iter().map(|target| format!("'{target}'")).collect();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{observe}/rules.yaml', '{observe}/alerts.yaml']\n\
             scrape_configs: [{{job_name: zengate, static_configs: [{{targets: [{}]}}]}}]\n",
            targets.join(", ")
        );
        let file = directory.path().join("prometheus.yaml");
        std::fs::write(&file, config).unwrap();
        // It does not tell which port it took, so one is chosen for it.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let program = std::env::var("ZENGATE_TEST_PROMETHEUS").unwrap_or_else(|_| "prometheus".to_owned());
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("prometheus (Debian package prometheus)");
        let mut own = Self { process, address, _directory: directory };
        eventually("prometheus is ready", || {
            let ended = own.process.try_wait().unwrap();
            let log = || std::fs::read_to_string(own._directory.path().join("log")).unwrap_or_default();
            assert!(ended.is_none(), "prometheus has ended: {}", log());
            std::net::TcpStream::connect(own.address).ok()?;
            (own.get("/-/ready").status == 200).then_some(())
        });
        own
    }

    fn get(&self, path: &str) -> crate::support::Answer {
        let mut call = Call::new("", "").unsigned();
        call.method = "GET".into();
        call.target(path).body("").send(self.address)
    }

    /// The result of an instant query.
    pub(super) fn ask(&self, expression: &str) -> Vec<Value> {
        let mut form = "query=".to_owned();
        for byte in expression.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => form.push(char::from(byte)),
                _ => form.push_str(&format!("%{byte:02X}")),
            }
        }
        let mut call = Call::new("", "").unsigned().target("/api/v1/query").body(form);
        call.content_type = "application/x-www-form-urlencoded".into();
        let answer = call.send(self.address).json();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// The rules as it holds them, with the health of each.
    pub(super) fn rules(&self) -> Vec<Value> {
        let answer = self.get("/api/v1/rules").json();
        let groups = answer["data"]["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

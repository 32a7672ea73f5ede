//! The built gateway as a process, with its files in a directory of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tempfile::TempDir;

use super::eventually;

/// How the process is started.
#[derive(Default)]
pub struct Launch {
    /// Commands of a shell that runs before it and becomes it: limits, signals, descriptors.
    pub before: String,
    /// Its standard input; with `exec 3<&0` in `before`, a socket that was opened for it.
    pub stdin: Option<OwnedFd>,
    /// More of its environment.
    pub env: Vec<(String, String)>,
    /// Nobody reads its standard error any more once it listens.
    pub deaf: bool,
}

/// A running gateway. Dropping it ends the process.
pub struct Gateway {
    process: Child,
    directory: TempDir,
    address: SocketAddr,
    admin: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Starts `zengate serve` on the `zengate.toml` in `directory` and waits until it listens.
    pub fn start(directory: TempDir) -> Self {
        Self::launch(directory, Launch::default())
    }

    /// The same, in other circumstances.
    pub fn launch(directory: TempDir, launch: Launch) -> Self {
        let Running { process, address, admin, log, reader } = Running::start(directory.path(), launch);
        Self { process, directory, address, admin, log, reader: Some(reader) }
    }

    /// Ends the process as a power cut would, and starts it again on the same files, at other addresses.
    pub fn kill_and_restart(&mut self) {
        let _ = self.process.kill();
        self.restart();
    }

    /// Waits for the process to end, and starts it again on the same files, at other addresses.
    pub fn restart(&mut self) {
        let _ = self.process.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let Running { process, address, admin, log, reader } =
            Running::start(self.directory.path(), Launch::default());
        (self.process, self.address, self.admin, self.log) = (process, address, admin, log);
        self.reader = Some(reader);
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where operators connect.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// Where its files lie.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Replaces one of its files.
    pub fn write(&self, name: &str, content: &str) {
        write(&self.directory.path().join(name), content);
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// The first log line that holds `text`, once it is there.
    pub fn logged(&self, text: &str) -> String {
        eventually(&format!("a log line with {text:?}"), || {
            self.log().into_iter().find(|line| line.contains(text))
        })
    }

    /// The decision records so far.
    pub fn records(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.directory.path().join("records.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The record of a decision, once it is written.
    pub fn record(&self, decision: &str) -> serde_json::Value {
        eventually("the decision record", || {
            self.records().into_iter().find(|record| record["decision_id"] == decision)
        })
    }

    /// An admin page.
    pub fn admin_page(&self, path: &str) -> super::Answer {
        let mut call = super::Call::new("", "").unsigned();
        call.method = "GET".into();
        call.target(path).send(self.admin)
    }

    /// The value of one series of the metrics; 0 when it is not there.
    pub fn metric(&self, series: &str) -> f64 {
        let page = String::from_utf8(self.admin_page("/metrics").body).unwrap();
        page.lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
            .unwrap_or(0.0)
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Kills the processes that it has started.
    pub fn kill_children(&self) {
        let parent = self.process.id().to_string();
        let status = Command::new("pkill").args(["-KILL", "-P", &parent]).status();
        assert!(status.is_ok_and(|status| status.success()), "pkill -P");
    }

    /// Sets a limit of the running process; gives the one before.
    pub fn limit(&self, resource: Resource, current: u64) -> u64 {
        let maximum = getrlimit(resource).maximum; // the process has it from here
        let process = Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        let before = prlimit(process, resource, Rlimit { current: Some(current), maximum }).unwrap();
        before.current.or(maximum).unwrap_or(u64::MAX)
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The memory that it takes, in MiB.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

/// A process that listens.
struct Running {
    process: Child,
    address: SocketAddr,
    admin: SocketAddr,
    log: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
}

impl Running {
    fn start(directory: &Path, launch: Launch) -> Self {
        let mut process = Command::new("/bin/sh")
            .args(["-c", &format!("{}\nexec \"$0\" \"$@\"", launch.before)])
            .args([env!("CARGO_BIN_EXE_zengate"), "serve", "--config"])
            .arg(directory.join("zengate.toml"))
            .env("ZENGATE_TEST_TOKEN", super::world::TOKEN)
            .envs(launch.env)
            .stdin(launch.stdin.map_or_else(Stdio::null, Stdio::from))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the built binary starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            let mut lines = lines;
            for line in lines.by_ref().map_while(Result::ok) {
                let listens = line.starts_with("zengate listens on ");
                kept.lock().unwrap().push(line);
                if launch.deaf && listens {
                    // The pipe stays open, and full.
                    let _ = Box::leak(Box::new(lines));
                    return;
                }
            }
        });
        let seen = Arc::clone(&log);
        let (address, admin) = eventually("the gateway listens", || {
            let log = seen.lock().unwrap();
            if let Some(status) = process.try_wait().unwrap() {
                panic!("the gateway ended with {status}: {log:?}");
            }
            let line = log.iter().find(|line| line.starts_with("zengate listens on "))?;
            let (address, admin) = line.strip_prefix("zengate listens on ")?.split_once(", admin on ")?;
            Some((address.parse().unwrap(), admin.parse().unwrap()))
        });
        Self { process, address, admin, log, reader }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "the gateway's log:\n{}", self.log().join("\n"));
        }
    }
}

/// Writes a file that only its owner may read, in one step: a reader never sees half of it.
pub fn write(path: &Path, content: &str) {
    let new: PathBuf = path.with_extension("new");
    std::fs::write(&new, content).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(&new, path).unwrap();
}

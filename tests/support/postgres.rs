//! A PostgreSQL server for one test: in a directory of its own, on a free port, gone when dropped.
//!
//! It stands on the standard library alone, so that unit tests use it too (by `#[path]`). The server runs as the user
//! `postgres` when the tests run as root, because it refuses to be root's. The binaries are those of
//! `ZENGATE_TEST_POSTGRES_BIN`, of Debian's package, or of the path.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Transactions are rolled back, the files are left clean.
    Fast,
    /// At once; the next start recovers from the log.
    Immediate,
    /// kill -9 of every process.
    Kill,
}

/// A server of its own.
#[derive(Debug)]
pub struct Server {
    /// Holds `data`, `run` (the socket) and `log`.
    at: TempDir,
    binaries: PathBuf,
    user: Option<(u32, u32)>,
    port: u16,
    options: Vec<String>,
    process: Option<Child>,
}

impl Server {
    /// A running server that lets everyone in from this machine.
    pub fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// A running server with more settings (`name=value`) and files beside its data, such as a certificate.
    pub fn start_with(options: &[&str], files: &[(&str, &str)]) -> Self {
        let at = TempDir::new().unwrap();
        fs::set_permissions(at.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let user = owner();
        for name in ["data", "run"] {
            let path = at.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            own(&path, user);
        }
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { at, binaries: binaries(), user, port: 0, options, process: None };
        let mut initdb = server.command("initdb");
        initdb.args(["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-D"]);
        let made = initdb.arg(server.data()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for (name, content) in files {
            let path = server.data().join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            own(&path, user);
        }
        server.go();
        server
    }

    /// The server that tests share which do not harm it; it ends with the last of them.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// The directory of its socket, which is a host to clients. Its user and database are both `postgres`.
    pub fn socket(&self) -> String {
        self.at.path().join("run").to_str().unwrap().to_owned()
    }

    /// Its port, on 127.0.0.1 and in the name of its socket; the same after every start.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it again after [`Server::stop`].
    pub fn go(&mut self) {
        assert!(self.process.is_none(), "it runs");
        for _ in 0..5 {
            if self.port == 0 {
                // Another process may take it in between: then the next one.
                self.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
                if self.launch() {
                    return;
                }
                self.port = 0;
            } else if self.launch() {
                return;
            }
        }
        panic!("it does not start:\n{}", fs::read_to_string(self.log()).unwrap_or_default());
    }

    fn launch(&mut self) -> bool {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(self.data()).arg("-k").arg(self.socket());
        postgres.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        postgres.args(["-c", "shared_buffers=16MB", "-c", "max_connections=60"]);
        for option in &self.options {
            postgres.args(["-c", option]);
        }
        // Of its own group, so that a Ctrl-C in the terminal ends the tests first.
        postgres.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut process = postgres.spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            let ready = self.command("pg_isready").args(self.address()).output().unwrap();
            if ready.status.success() {
                self.process = Some(process);
                return true;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let _ = process.kill();
        let _ = process.wait();
        false
    }

    /// Stops it and waits until all its processes are gone.
    pub fn stop(&mut self, how: Stop) {
        let Some(mut process) = self.process.take() else { return };
        let all = family(process.id());
        match how {
            Stop::Fast => kill("INT", &[process.id()]),
            Stop::Immediate => kill("QUIT", &[process.id()]),
            Stop::Kill => kill("KILL", &all),
        }
        kill("CONT", &all);
        process.wait().unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        while all.iter().any(|id| alive(*id)) {
            assert!(Instant::now() < end, "processes of the server stay");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Lets all its processes stand still: connections stay open and nothing is answered.
    pub fn pause(&self) {
        kill("STOP", &family(self.process.as_ref().unwrap().id()));
    }

    /// Lets them go on.
    pub fn resume(&self) {
        kill("CONT", &family(self.process.as_ref().unwrap().id()));
    }

    /// Runs SQL as the superuser; rows come back one a line, columns between `|`.
    pub fn sql(&self, text: &str) -> String {
        let mut psql = self.command("psql");
        psql.args(self.address()).args(["-d", "postgres", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
        let done = psql.args(["-c", text]).output().unwrap();
        assert!(done.status.success(), "{text}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim_end().to_owned()
    }

    /// Where its tools are: pg_dump and the like.
    pub fn tools(&self) -> &Path {
        &self.binaries
    }

    fn address(&self) -> [String; 6] {
        let port = self.port.to_string();
        ["-h".into(), self.socket(), "-p".into(), port, "-U".into(), "postgres".into()]
    }

    fn data(&self) -> PathBuf {
        self.at.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.at.path().join("log")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir(self.at.path()).env("LC_ALL", "C");
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop(Stop::Immediate);
    }
}

/// The user to be instead of root.
fn owner() -> Option<(u32, u32)> {
    let root = fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    if !root {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<&str> = line.expect("a user `postgres`, for tests as root").split(':').collect();
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}

fn own(path: &Path, user: Option<(u32, u32)>) {
    if let Some((uid, gid)) = user {
        chown(path, Some(uid), Some(gid)).unwrap();
    }
}

/// Whether there is a server to start.
pub fn installed() -> bool {
    find().is_some()
}

fn binaries() -> PathBuf {
    find().expect("PostgreSQL: its Debian package, its binaries in PATH, or ZENGATE_TEST_POSTGRES_BIN")
}

fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("ZENGATE_TEST_POSTGRES_BIN") {
        return Some(named.into());
    }
    let newest = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, path)| path.join("postgres").is_file())
        .max();
    if let Some((_, path)) = newest {
        return Some(path);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).find(|path| path.join("initdb").is_file()).or_else(|| {
        let told = Command::new("pg_config").arg("--bindir").output().ok()?;
        told.status.success().then(|| String::from_utf8_lossy(&told.stdout).trim().into())
    })
}

/// A process and its children, itself first.
fn family(id: u32) -> Vec<u32> {
    let children = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let child: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        (parent(child)? == id).then_some(child)
    });
    std::iter::once(id).chain(children).collect()
}

/// The fields of a process after its name, which may hold anything: state, parent.
fn status(id: u32) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    Some(text.rsplit_once(") ")?.1.to_owned())
}

fn parent(id: u32) -> Option<u32> {
    status(id)?.split(' ').nth(1)?.parse().ok()
}

fn alive(id: u32) -> bool {
    status(id).is_some_and(|status| !status.starts_with('Z'))
}

fn kill(signal: &str, ids: &[u32]) {
    let mut command = Command::new("kill");
    command.arg(format!("-{signal}")).args(ids.iter().map(u32::to_string));
    // Some may be gone already.
    let _: ExitStatus = command.stderr(Stdio::null()).status().unwrap();
}

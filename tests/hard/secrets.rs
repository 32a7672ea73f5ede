//! Where secrets come from, that they can be replaced under load, and that they never come out again.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use zengate::emulator::{self, Fault, On, Times, When};
use zengate::secret::Secret;

use crate::path::quota::{limited, order};
use crate::support::world::{CLOUD_KEY, CLOUD_SECRET, KEY, SECRET, Setup};
use crate::support::{Call, World, eventually};

/// Runs `zengate secret ...` and gives what it printed.
fn secret(arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .arg("secret")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn sealed_secrets_open_with_their_key_alone() {
    let place = tempfile::TempDir::new().unwrap();
    let key = place.path().join("seal.key");
    let key = key.to_str().unwrap();
    secret(&["new-key", key], "");
    let (cloud, client) =
        (secret(&["seal", "--with", key], CLOUD_SECRET), secret(&["seal", "--with", key], SECRET));
    assert!(cloud.starts_with("zgs1.") && !cloud.contains(CLOUD_SECRET));
    let config = format!(
        "[accounts.main]\naccess_key_id = \"{CLOUD_KEY}\"\nsecret = {{ sealed = \"{cloud}\", with = \"{key}\" }}\n"
    );
    let keys = format!(
        "[[key]]\nid = \"{KEY}\"\nsecrets = [{{ sealed = \"{client}\", with = \"{key}\" }}]\nteam = \"payments\"\naccount = \"main\"\n"
    );
    let world = World::with(Setup { config, keys, ..Setup::default() });
    world.send(&Call::example()).instance_ids();
    // Everything the gateway keeps beside the secret files of this test holds neither.
    for name in ["zengate.toml", "keys.toml", "records.jsonl"] {
        let text = std::fs::read_to_string(world.gateway.directory().join(name)).unwrap();
        assert!(!text.contains(CLOUD_SECRET) && !text.contains(SECRET), "{name}");
    }
    // Another key opens nothing; what is in force stays.
    std::fs::remove_file(key).unwrap();
    secret(&["new-key", key], "");
    world.gateway.logged("sealed with another key");
    world.send(&Call::example().header("X-Retry", "1")).instance_ids();
}

#[test]
fn a_program_can_hand_out_a_secret() {
    let place = tempfile::TempDir::new().unwrap();
    let stored = place.path().join("stored");
    std::fs::write(&stored, "not-yet-the-right-one").unwrap();
    let config = format!(
        "[accounts.main]\naccess_key_id = \"{CLOUD_KEY}\"\nsecret = {{ command = [\"/bin/cat\", \"{}\"] }}\n",
        stored.display()
    );
    let world = World::with(Setup { config, ..Setup::default() });
    assert_eq!(
        world.send(&Call::example()).code(),
        "AUTHFAILURE_SIGNATURE_FAILURE",
        "the cloud's own refusal"
    );
    // Asked again at once when told to.
    std::fs::write(&stored, CLOUD_SECRET).unwrap();
    world.gateway.signal("HUP");
    world.gateway.logged("the account has a new credential");
    // A program that fails changes nothing.
    std::fs::remove_file(&stored).unwrap();
    world.gateway.signal("HUP");
    world.gateway.logged("cannot be read; the one before stays");
    world.send(&Call::example().header("X-Retry", "1")).instance_ids();
}

const NEW_SECRET: &str = "cloud-secret-of-next-month";
const NEW_KEY: &str = "AKcloud0002";

/// A cloud that takes the old key and a new one.
fn two_secrets() -> emulator::Options {
    let keys = [(CLOUD_KEY, CLOUD_SECRET), (NEW_KEY, NEW_SECRET)];
    let keys = keys.map(|(id, secret)| (id.to_owned(), Secret::new(secret))).into();
    emulator::Options { keys, instance_quota: 100_000, ..Setup::default().emulator }
}

#[test]
fn an_account_gets_another_key_under_load_and_no_request_fails() {
    let world = World::with(Setup { emulator: two_secrets(), ..Setup::default() });
    let config = std::fs::read_to_string(world.gateway.directory().join("zengate.toml")).unwrap();
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let answer = world.send(&Call::new("vm", "DescribeInstances"));
                    assert_eq!(answer.status, 200, "{}", answer.json());
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let passed = |more: usize| {
            let before = done.load(Ordering::Relaxed);
            eventually("requests", || (done.load(Ordering::Relaxed) >= before + more).then_some(()));
        };
        passed(200);
        // Id and secret change together: the secret is in its file before the configuration names it.
        world.gateway.write("next.secret", NEW_SECRET);
        world.gateway.write(
            "zengate.toml",
            &config.replace(CLOUD_KEY, NEW_KEY).replace("cloud.secret", "next.secret"),
        );
        world.gateway.signal("HUP");
        world.gateway.logged("the account has a new credential");
        passed(800);
        stop.store(true, Ordering::Relaxed);
    });
    world.send(&Call::example()).instance_ids();
    let last = world.emulator.requests().pop().unwrap();
    let signed = last.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")).unwrap();
    assert!(String::from_utf8_lossy(&signed.1).contains(NEW_KEY), "{signed:?}");
}

#[test]
fn a_create_of_unknown_outcome_blocks_its_equals_over_a_rotation_and_a_restart() {
    let mut world = World::with(Setup { emulator: two_secrets(), ..limited(10) });
    world.emulator.script(Fault::Reset { when: When::After }, On::create(), Times::Exactly(1));
    assert_eq!(world.send(&order("lost", 1)).status, 504);
    // The fingerprint of the order must not hang on the secret that signed it.
    let config = std::fs::read_to_string(world.gateway.directory().join("zengate.toml")).unwrap();
    world.gateway.write("next.secret", NEW_SECRET);
    let config = config.replace(CLOUD_KEY, NEW_KEY).replace("cloud.secret", "next.secret");
    world.gateway.write("zengate.toml", &config);
    world.gateway.signal("TERM");
    world.gateway.restart();
    let again = world.send(&order("lost", 1));
    assert_eq!((again.status, again.code().as_str()), (403, "OPERATION_DENIED_OUTCOME_UNKNOWN"));
    assert_eq!(world.send(&order("other", 1)).instance_ids().len(), 1);
}

/// A token that no header can hold: the request cannot be written, so nothing was sent and nothing stays held.
/// Sending would fail on it at each request, so the start does.
#[test]
fn what_no_header_can_hold_is_refused_at_the_start() {
    let place = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    write("cloud.secret", CLOUD_SECRET);
    write("cloud.token", "tok\u{1}en");
    write("keys.toml", "");
    write(
        "zengate.toml",
        "[keys]\nfile = \"keys.toml\"\n[accounts.main]\naccess_key_id = \"A\\u0001K\"\nsecret = { file = \"cloud.secret\" }\n\
         [accounts.other]\ntoken = { file = \"cloud.token\" }\n",
    );
    let checked = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["config", "check", "--config"])
        .arg(place.path().join("zengate.toml"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&checked.stderr);
    assert_eq!(checked.status.code(), Some(2), "{told}");
    assert!(told.contains("zengate.toml:4: accounts.main.access_key_id"), "{told}");
    assert!(told.contains("zengate.toml:7: accounts.other.token"), "{told}");
}

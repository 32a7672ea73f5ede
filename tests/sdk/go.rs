//! The vendor's Go SDK, unmodified, against the gateway: the program in `tests/sdk/go`, one case per test.
//!
//! The program scripts the emulator's faults itself and ends with a summary of what should have happened; what only
//! the gateway can tell (records, metrics) is looked at here.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;
use zengate::emulator::Emulator;

use crate::support::gateway::write;
use crate::support::world::{KEY, SECRET, Setup, TOKEN, directory, keys};
use crate::support::{Gateway, World, eventually, stock_policies_in};

const WANTED: &str = "ZENGATE_TEST_GO names a Go toolchain; it fetches the SDK with its ordinary client";

/// The built program; built once for all tests.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let go = std::env::var("ZENGATE_TEST_GO").expect(WANTED);
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-conformance");
        let built = Command::new(&go)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/go"))
            .args(["build", "-o"])
            .args([&program, Path::new(".")])
            .output()
            .unwrap_or_else(|error| panic!("{go} does not start: {error}; {WANTED}"));
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        program
    })
}

/// One case of the program.
struct Run(Command);

impl Run {
    fn new(gateway: SocketAddr, emulator: Option<SocketAddr>) -> Self {
        let mut command = Command::new(program());
        let emulator = emulator.map(|address| address.to_string()).unwrap_or_default();
        command
            .env("ZENGATE_SCHEME", "http")
            .env("ZENGATE_GATEWAY", gateway.to_string())
            .env("ZENGATE_EMULATOR", emulator)
            .env("ZENGATE_KEY", KEY)
            .env("ZENGATE_SECRET", SECRET)
            .env("ZENGATE_TOKEN", TOKEN)
            .env("ZENGATE_READER_KEY", "ZGreader01")
            .env("ZENGATE_READER_SECRET", "gateway-secret-of-the-other")
            .env("NO_PROXY", "127.0.0.1");
        Self(command)
    }

    fn in_world(world: &World) -> Self {
        Self::new(world.address(), Some(world.emulator.address()))
    }

    fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it and reads its summary.
    fn case(mut self, name: &str) -> Value {
        let run = self.0.arg(name).output().expect("the program starts");
        let (said, wrong) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "{said}\n{wrong}");
        serde_json::from_str(said.lines().last().unwrap()).expect("the last line is a summary")
    }
}

/// The organisation of the Python suite; machines run and end at once.
fn setup() -> Setup {
    let mut setup = Setup { organisation: super::organisation(), ..Setup::default() };
    let group = crate::support::world::RESOURCE_GROUP;
    setup.organisation = setup
        .organisation
        .replace(&format!("{{default: {group}}}"), &format!("{{default: {group}, allowed: [{group}]}}"));
    setup.keys.push_str(
        "[[key]]\nid = \"ZGreader01\"\nsecrets = [{ file = \"other.secret\" }]\nteam = \"payments\"\n\
         account = \"main\"\nactions = [\"vm Describe*\"]\n",
    );
    (setup.emulator.deploy_after, setup.emulator.run_after, setup.emulator.change_after) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    setup
}

fn count(value: &Value) -> usize {
    value.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn the_go_sdk_survives_the_gateway() {
    let world = World::with(setup());
    let summary = Run::in_world(&world).case("conformance");
    // Nothing refused reached the cloud and nothing was repeated: the emulator saw what the program means to send.
    assert_eq!(count(&summary["calls"]), world.emulator.requests().len());
    assert_eq!(count(&summary["instances"]), world.emulator.instance_count());
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn every_field_of_the_go_sdk_is_known() {
    let world = World::with(setup());
    let summary = Run::in_world(&world).case("fields");
    assert!(count(&summary["fields"]) > 150, "{summary}");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn every_action_of_the_go_sdk_is_known() {
    let world = World::with(setup());
    let summary = Run::in_world(&world).case("catalogue");
    assert!(count(&summary["actions"]) > 800, "{summary}");
    assert_eq!(world.emulator.instance_count(), 0);
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn no_refusal_is_sent_again_by_the_go_sdk() {
    let world = World::with(setup());
    let summary = Run::in_world(&world).case("refusals");
    // Two rate limits are among them, one of a create and one of a read; each is sent four times.
    assert_eq!(count(&summary["sends"]), count(&summary["refusals"]) + 2 * 3);
}

/// The control calls still work, the API does not: the gateway is pointed at a port where nobody listens.
#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn a_cloud_that_is_away_is_not_asked_again_by_the_go_sdk() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let setup = setup();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let emulator = runtime.block_on(Emulator::start(setup.emulator)).unwrap();
    let files = directory(&format!("http://{closed}"), &setup.keys, &setup.organisation, "");
    let gateway = Gateway::start(files);
    Run::new(gateway.address(), Some(emulator.address())).case("away");
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn a_rule_that_fails_is_not_asked_again_by_the_go_sdk() {
    let policies = tempfile::TempDir::new().unwrap();
    stock_policies_in(policies.path());
    let faulty = "package zengate.rules.faulty\n\ndeny contains {\"rule\": \"faulty\", \"message\": \"m\", \"field\": \"/instanceName\", \
                  \"remedy\": \"r\"} if {\n\tinput.create.name == \"divide\"\n\t1 / (count(input.create.name) - 6) > 0\n}\n";
    std::fs::write(policies.path().join("rules/faulty.rego"), faulty).unwrap();
    let mut setup = setup();
    setup.config = format!(
        "[limits]\nbody_timeout = \"2s\"\n[policy]\ndirectory = \"{}\"\ndata = [\"organisation.yaml\"]\n",
        policies.path().display()
    );
    let world = World::with(setup);
    Run::in_world(&world).case("policy-error");
    assert_eq!(world.emulator.requests().len(), 0);
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn a_rate_limit_is_waited_for_by_the_go_sdk() {
    let world = World::with(setup());
    Run::in_world(&world).case("rate-limits");
    let busy = World::with(Setup { config: "[limits]\nin_flight = 1\n".to_owned(), ..setup() });
    Run::in_world(&busy).case("busy");
    assert_eq!(busy.gateway.records().iter().filter(|record| record["upstream"]["fate"] == "ran").count(), 2);
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn a_create_whose_go_caller_left_is_finished_and_recorded_once() {
    let world = World::with(setup());
    let summary = Run::in_world(&world).case("contexts");
    let left = count(&summary["left"]);
    assert_eq!(left, 3);
    eventually("every create is recorded", || (world.gateway.records().len() >= left).then_some(()));
    let records = world.gateway.records();
    assert_eq!(records.len(), left, "{records:?}");
    for record in &records {
        assert_eq!(record["caller"]["gone"], true, "{record}");
        assert_eq!(record["upstream"]["fate"], "ran", "{record}");
        assert_eq!(record["upstream"]["instance_ids"].as_array().map(Vec::len), Some(1), "{record}");
    }
    assert_eq!(world.emulator.requests().len(), left);
    assert_eq!(world.emulator.instance_count(), left);
    let counted =
        world.gateway.metric(r#"zengate_instances_total{stage="created",team="payments",zone="SEL-A"}"#);
    assert_eq!(counted, 3.0);
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn what_the_go_sdk_resends_is_never_doubled_by_the_gateway() {
    let world = World::with(setup());
    let summary = Run::in_world(&world).case("auto-retry");
    let sends = count(&summary["sends"]);
    assert_eq!((sends, world.emulator.instance_count()), (2, 1));
    // The second one joined the first.
    eventually("every send is recorded", || (world.gateway.records().len() == sends).then_some(()));
    let fates: Vec<bool> =
        world.gateway.records().iter().map(|record| record["upstream"]["fate"] == "ran").collect();
    assert_eq!(fates.iter().filter(|ran| **ran).count(), 1, "{:?}", world.gateway.records());
}

/// How many creates, and how their answers are dropped; both as the environment says, to repeat a run.
#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn answers_dropped_at_random_make_no_machine_twice_with_auto_retry() {
    let number = |name: &str, usual: u64| {
        std::env::var(name).map_or(usual, |text| text.parse().expect("a number in the environment"))
    };
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = number("ZENGATE_SEED", u64::from(clock.subsec_nanos()));
    let world = World::with(setup());
    let run = Run::in_world(&world)
        .env("ZENGATE_CREATES", number("ZENGATE_CREATES", 60).to_string())
        .env("ZENGATE_SEED", seed.to_string());
    let summary = run.case("dropped");
    let creates = count(&summary["creates"]);
    assert!(count(&summary["sends"]) > creates, "some answers were dropped: {summary}");
    assert_eq!(world.emulator.instance_count(), creates, "seed {seed}");
    assert_eq!(world.emulator.requests().len(), creates, "seed {seed}");
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn ten_equal_orders_of_the_go_sdk_are_ten_machines() {
    let world = World::with(setup());
    Run::in_world(&world).case("ten-equal");
    assert_eq!((world.emulator.requests().len(), world.emulator.instance_count()), (10, 10));
}

/// A world whose gateway has this certificate.
fn tls_world(certificate: &str, key: &str) -> World {
    let setup = setup();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let emulator = runtime.block_on(Emulator::start(setup.emulator)).unwrap();
    let tls = "[listen.tls]\ncertificate = \"gateway.pem\"\nkey = { file = \"gateway.key\" }\n";
    let files = directory(&format!("http://{}", emulator.address()), &setup.keys, &setup.organisation, tls);
    write(&files.path().join("gateway.pem"), certificate);
    write(&files.path().join("gateway.key"), key);
    World { gateway: Gateway::start(files), emulator, runtime }
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn the_go_sdk_speaks_http2_to_a_certificate_it_trusts_and_to_no_other() {
    let made = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (ours, stranger, misnamed) = (made("127.0.0.1"), made("127.0.0.1"), made("other.example"));
    let files = tempfile::TempDir::new().unwrap();
    let trusted = |name: &str, certificate: &str| {
        let path = files.path().join(name);
        std::fs::write(&path, certificate).unwrap();
        path
    };
    let world = tls_world(&ours.cert.pem(), &ours.signing_key.serialize_pem());
    let run = |world: &World| Run::in_world(world).env("ZENGATE_SCHEME", "https");
    run(&world).env("SSL_CERT_FILE", trusted("stranger.pem", &stranger.cert.pem())).case("untrusted");
    assert_eq!(world.emulator.requests().len(), 0);
    let summary = run(&world).env("SSL_CERT_FILE", trusted("ours.pem", &ours.cert.pem())).case("tls");
    assert_eq!(count(&summary["calls"]), world.emulator.requests().len());

    // The right root under another name is refused as well.
    let world = tls_world(&misnamed.cert.pem(), &misnamed.signing_key.serialize_pem());
    run(&world).env("SSL_CERT_FILE", trusted("misnamed.pem", &misnamed.cert.pem())).case("untrusted");
    assert_eq!(world.emulator.requests().len(), 0);
}

/// What the Terraform provider does is allowed; machines take a moment to change, so that its polls see them change.
fn terraform_world() -> World {
    let mut setup = setup();
    setup.keys = keys("");
    // The shipped data for Terraform are what lets its calls pass.
    let terraform = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/config/terraform.yaml");
    setup.config = format!("[policy]\ndata = [\"organisation.yaml\", {terraform:?}]\n");
    setup.organisation = format!(
        "settings:\n  count: {{maximum: 10}}\n  resource_group: {{default: {}}}\n",
        crate::support::world::RESOURCE_GROUP
    );
    let emulator = &mut setup.emulator;
    (emulator.deploy_after, emulator.run_after, emulator.change_after) =
        (Duration::from_millis(100), Duration::from_millis(200), Duration::from_millis(100));
    World::with(setup)
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn terraforms_steps_pass_for_a_vm() {
    let world = terraform_world();
    let summary = Run::in_world(&world).env("ZENGATE_POLL", "20ms").case("terraform-vm");
    assert!(count(&summary["steps"]) >= 12, "{summary}");
}

#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn terraforms_steps_pass_for_a_zec_machine() {
    let world = terraform_world();
    let summary = Run::in_world(&world).env("ZENGATE_POLL", "20ms").case("terraform-zec");
    assert!(count(&summary["steps"]) >= 4, "{summary}");
}

/// Go's HTTP/2 transport sends again what a server says it has not begun; the gateway must not say so of a create.
#[test]
#[ignore = "needs Go; .ci/run names it in ZENGATE_TEST_GO"]
fn a_gateway_that_ends_leaves_no_go_create_to_be_sent_again() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let files = tempfile::TempDir::new().unwrap();
    let trusted = files.path().join("gateway.pem");
    std::fs::write(&trusted, made.cert.pem()).unwrap();
    for (case, signal) in [("drained", "TERM"), ("killed", "KILL")] {
        for scheme in ["http", "https"] {
            let world = match scheme {
                "http" => World::with(setup()),
                _ => tls_world(&made.cert.pem(), &made.signing_key.serialize_pem()),
            };
            let run = Run::in_world(&world).env("ZENGATE_SCHEME", scheme).env("SSL_CERT_FILE", &trusted);
            std::thread::scope(|scope| {
                let running = scope.spawn(|| run.case(case));
                world.runtime.block_on(world.emulator.arrived(1));
                world.gateway.signal(signal);
                if signal == "TERM" {
                    world.gateway.logged("draining");
                    world.emulator.clear_faults();
                }
                running.join().unwrap();
            });
            assert_eq!((world.emulator.requests().len(), world.emulator.instance_count()), (1, 1), "{case}");
        }
    }
}

//! Real SDKs against the gateway. Ignored by default: they need tools that `.ci/run` installs.

mod go;

use std::process::Command;
use std::time::Duration;

use crate::support::World;
use crate::support::world::{KEY, RESOURCE_GROUP, SECRET, Setup, TOKEN};

/// Everything that creates is let through; three rules are there to be broken.
fn organisation() -> String {
    format!(
        "settings:\n  zones: {{allowed: [SEL-A, HKG-A, asia-east-1a]}}\n  count: {{maximum: 10}}\n  tags: {{required: {{owner: {{}}}}}}\n  \
         actions: {{creates: [\"vm *\", \"bmc *\", \"zec *\"]}}\n  resource_group: {{default: {RESOURCE_GROUP}}}\n\
         rules:\n  tags: {{applies: {{kinds: [create], actions: [\"vm CreateInstances\"]}}}}\n"
    )
}

#[test]
#[ignore = "needs Python with the package zenlayercloud-sdk-python; .ci/run installs it and names it in ZENGATE_TEST_PYTHON"]
fn the_python_sdk_survives_the_gateway() {
    let python =
        std::env::var("ZENGATE_TEST_PYTHON").expect("ZENGATE_TEST_PYTHON names a Python that has the SDK");
    let mut setup = Setup { organisation: organisation(), ..Setup::default() };
    // Machines run and end at once: the script makes, stops and releases them without waiting.
    (setup.emulator.deploy_after, setup.emulator.run_after, setup.emulator.change_after) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let world = World::with(setup);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/python/conformance.py");
    let run = Command::new(python)
        .arg(script)
        .args([&world.address().to_string(), KEY, SECRET, TOKEN])
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .expect("python starts");
    let (said, wrong) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}\n{wrong}");
    let summary: serde_json::Value =
        serde_json::from_str(said.lines().last().unwrap()).expect("the last line is a summary");
    // Nothing refused reached the cloud and nothing was repeated: the emulator saw what the script means to send.
    let sent = world.emulator.requests().len();
    assert_eq!(summary["calls_that_pass"].as_u64(), u64::try_from(sent).ok(), "{said}");
    assert_eq!(summary["instances"].as_u64(), u64::try_from(world.emulator.instance_count()).ok(), "{said}");
}

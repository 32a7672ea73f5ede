//! The state file: an emulator that comes back goes on where it stopped, and files it cannot use are named.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::emulator::testing::{Client, call, created, sample, vm, with};
use crate::emulator::{Emulator, Options, Status};

async fn kept(path: &Path, clock: Option<&Clock>) -> (Emulator, Clock) {
    let path = path.to_owned();
    with(|options| {
        options.state = Some(path);
        if let Some(clock) = clock {
            options.clock = clock.clone();
        }
    })
    .await
}

/// Everything the products answer to a look around.
async fn answers(emulator: &Emulator) -> Vec<Value> {
    let mut answers = Vec::new();
    for (service, action) in [
        ("vm", "DescribeInstances"),
        ("vm", "DescribeDisks"),
        ("vm", "DescribeSubnets"),
        ("vm", "DescribeSecurityGroups"),
        ("user", "DescribeResourceGroups"),
        ("ccs", "DescribeKeyPairs"),
        ("zrm", "DescribeTags"),
        ("zec", "DescribeInstances"),
        ("zec", "DescribeVpcs"),
        ("zec", "DescribeSubnets"),
        ("zec", "DescribeSecurityGroups"),
        ("zec", "DescribeNetworkInterfaces"),
        ("zec", "DescribeDisks"),
        ("zec", "DescribeEips"),
        ("bmc", "DescribeInstances"),
        ("bmc", "DescribeEipAddresses"),
    ] {
        let mut answer = call(emulator, service, action, "", &json!({})).await.good();
        answer.remove("requestId");
        answers.push(Value::Object(answer));
    }
    answers
}

/// Something of everything, some of it under way.
async fn furnish(emulator: &Emulator, clock: &Clock) {
    let zec = json!({
        "zoneId": "asia-east-1a", "instanceType": "z2a.cpu.1", "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8",
        "internetChargeType": "ByTrafficPackage", "bandwidth": 5, "trafficPackageSize": 0.3,
        "dataDisks": [{ "diskSize": 20 }], "tags": { "tags": [{ "key": "a", "value": "é" }] },
    });
    let bmc = json!({
        "zoneId": "SEL-A", "instanceTypeId": "M8C", "instanceChargeType": "PREPAID",
        "instanceChargePrepaid": { "period": 2 }, "internetChargeType": "ByBandwidth",
        "raidConfig": { "raidType": 5 },
    });
    let vpc = json!({ "name": "vpc", "cidrBlock": "10.1.0.0/16" });
    let eips = json!({ "zoneId": "SEL-A", "eipChargeType": "POSTPAID" });
    created(emulator, json!({ "dataDisks": [{ "diskSize": 40 }], "securityGroupId": "sg-web" })).await;
    let group = json!({ "name": "made" });
    call(emulator, "user", "CreateResourceGroup", "", &group).await.good();
    call(emulator, "zec", "CreateZecInstances", "", &zec).await.good();
    let made = call(emulator, "bmc", "CreateInstances", "", &bmc).await.good();
    call(emulator, "zec", "CreateVpc", "", &vpc).await.good();
    clock.advance(Duration::from_secs(6));
    let terminate = json!({ "instanceId": made["instanceIdSet"][0] });
    call(emulator, "bmc", "TerminateInstance", "", &terminate).await.good();
    call(emulator, "bmc", "AllocateEipAddresses", "", &eips).await.good();
    created(emulator, json!({})).await;
}

#[tokio::test]
async fn an_emulator_that_comes_back_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let (first, clock) = kept(&path, None).await;
    furnish(&first, &clock).await;
    let before = answers(&first).await;
    // Not shut down: what an answer promised is on the disk already.
    let (second, _) = kept(&path, Some(&clock)).await;
    assert_eq!(answers(&second).await, before);
    assert_eq!((second.creates(), second.instance_count()), (0, 4));
    let id = created(&second, json!({})).await;
    assert!(!before.iter().any(|answer| answer.to_string().contains(&id)), "numbers go on");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

#[tokio::test]
async fn machines_go_on_living_while_the_emulator_is_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let (first, clock) = kept(&path, None).await;
    created(&first, json!({})).await;
    first.shutdown().await;
    clock.advance(Duration::from_secs(6));
    let (second, _) = kept(&path, Some(&clock)).await;
    assert_eq!(second.instances()[0].status, Status::Running);
}

#[tokio::test]
async fn reads_and_refusals_do_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let (emulator, _) = kept(&path, None).await;
    std::fs::remove_file(&path).unwrap();
    vm(&emulator, "DescribeInstances", &json!({})).await.good();
    assert_eq!(vm(&emulator, "CreateInstances", &json!({})).await.status, 400);
    assert!(!path.exists());
    created(&emulator, json!({})).await;
    assert!(path.exists());
}

#[tokio::test]
async fn a_reset_empties_the_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let (first, clock) = kept(&path, None).await;
    let seeded = answers(&first).await;
    furnish(&first, &clock).await;
    let reset = "POST /_emulator/reset HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(Client::connect(&first).await.call(reset.as_bytes()).await.status, 200);
    assert_eq!(answers(&first).await, seeded);
    let (second, _) = kept(&path, Some(&clock)).await;
    assert_eq!(answers(&second).await, seeded);
}

/// The complaint about a file with this text.
async fn complaint(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("the-state.json");
    std::fs::write(&path, text).unwrap();
    let options = Options { state: Some(path.clone()), ..Options::default() };
    let error = Emulator::start(options).await.err().unwrap().to_string();
    assert!(error.contains("the-state.json"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "a refused file is left alone");
    error
}

#[tokio::test]
async fn files_it_cannot_use_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    drop(kept(&path, None).await);
    let whole = std::fs::read_to_string(&path).unwrap();
    for (text, part) in [
        (String::new(), "is damaged"),
        (whole.chars().take(whole.len() / 2).collect(), "is damaged: EOF"),
        (whole.replace("\"last_number\"", "\"number\""), "is damaged: missing field `last_number`"),
        (whole.replace("\"format\"", "\"kind\""), "is not a state file of the emulator"),
        ("{\"terraform_version\": \"1.9\"}".to_owned(), "is not a state file of the emulator"),
        ("[]".to_owned(), "is not a state file of the emulator"),
        (whole.replace("\"version\":1", "\"version\":2"), "has version 2; this emulator reads version 1"),
    ] {
        let error = complaint(&text).await;
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_folder_is_no_state_file_and_a_missing_folder_holds_none() {
    let folder = tempfile::tempdir().unwrap();
    for (path, part) in [
        (folder.path().to_owned(), "cannot read the state file"),
        (folder.path().join("none").join("state.json"), "cannot write the state file"),
    ] {
        let path: PathBuf = path;
        let options = Options { state: Some(path.clone()), ..Options::default() };
        let error = Emulator::start(options).await.err().unwrap().to_string();
        assert!(error.contains(part) && error.contains(&path.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_kept_is_taken_back_and_refused() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("state.json");
    let (emulator, _) = kept(&path, None).await;
    created(&emulator, json!({})).await;
    let before = answers(&emulator).await;
    std::fs::rename(&folder, parent.path().join("away")).unwrap();
    let reply = vm(&emulator, "CreateInstances", &sample()).await;
    assert_eq!(reply.refusal(), (500, "INTERNAL_SERVER_ERROR".to_owned()));
    let text = reply.json()["message"].as_str().unwrap().to_owned();
    assert!(text.contains("Nothing was changed") && text.contains("state.json"), "{text}");
    assert_eq!((emulator.creates(), emulator.instance_count()), (1, 1));
    assert_eq!(answers(&emulator).await, before);
    std::fs::rename(parent.path().join("away"), &folder).unwrap();
    created(&emulator, json!({})).await;
    assert_eq!((emulator.creates(), emulator.instance_count()), (2, 2));
}

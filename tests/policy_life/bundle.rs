//! Bundles from a server: polled, signed, away, and kept for the day it is.

use super::{creates, refused, status, status_with};
use crate::support::bundles::{Server, pack, sign};
use crate::support::world::Setup;
use crate::support::{World, eventually, stock_policies_in};

/// A rule that allows so many machines at once.
fn rule(most: u32) -> String {
    format!(
        "package zengate.rules.most\n\nimport rego.v1\n\ndeny contains violation if {{\n\tinput.create.count > {most}\n\tviolation := \
         {{\"rule\": \"most\", \"message\": \"too many\", \"field\": \"/instanceCount\", \"remedy\": \"Ask for less.\"}}\n}}\n"
    )
}

fn bundle(most: u32) -> Vec<u8> {
    pack(&[("most.rego", &rule(most)), (".manifest", "{\"revision\":\"r\"}")])
}

fn signed(most: u32, revision: &str, secret: &str) -> Vec<u8> {
    sign(&[("most.rego", &rule(most)), (".manifest", &format!("{{\"revision\":\"{revision}\"}}"))], secret)
}

fn setup(server: &Server, more: &str) -> Setup {
    let config = format!(
        "[policy]\npoll_interval = \"50ms\"\nkeep = \"kept\"\n{more}\n[policy.remote]\nurl = \"http://{}/b.tar.gz?sig=secret-of-the-url\"\n\
         token = {{ file = \"cloud.secret\" }}\n",
        server.address
    );
    Setup { config, ..Setup::default() }
}

#[test]
fn a_bundle_is_fetched_polled_and_kept() {
    let server = Server::start(crate::support::world::CLOUD_SECRET);
    let mut world = World::with(setup(&server, ""));
    // Nothing yet: not ready, and every create is refused.
    let ready = world.gateway.admin_page("/readyz");
    assert_eq!(ready.status, 503);
    assert!(String::from_utf8_lossy(&ready.body).contains("policy: no policies"));
    assert_eq!(creates(&world, 1), 403);
    assert_eq!(world.emulator.creates(), 0);
    server.offer(bundle(2), "one");
    eventually("ready", || (world.gateway.admin_page("/readyz").status == 200).then_some(()));
    assert_eq!((creates(&world, 2), creates(&world, 3)), (200, 403));
    // The same bundle again costs no reload.
    let first = status(&world)["revision"].clone();
    let reloads = || world.gateway.metric("zengate_reloads_total{result=\"ok\",what=\"policy\"}");
    let before = (reloads(), server.answers().iter().filter(|status| **status == 304).count());
    eventually("five polls", || {
        (server.answers().iter().filter(|status| **status == 304).count() >= before.1 + 5).then_some(())
    });
    assert_eq!(reloads(), before.0);
    server.offer(bundle(5), "two");
    let second = status_with(&world, "the new bundle", |status| status["revision"] != first);
    assert_eq!((creates(&world, 5), creates(&world, 6)), (200, 403));
    // What is no bundle keeps the old one, and says so.
    server.offer(b"no bundle".to_vec(), "three");
    let status = status_with(&world, "the refusal", |status| !status["refused"].is_null());
    assert!(status["refused"].as_str().unwrap().contains("no whole bundle"), "{status}");
    assert_eq!(world.gateway.metric("zengate_reload_failed{what=\"policy\"}"), 1.0);
    assert_eq!(creates(&world, 5), 200);
    // It is tried once, not at every poll.
    let trials = || world.gateway.metric("zengate_policy_trials_total");
    server.offer(
        pack(&[("broken.rego", "package zengate.rules.broken\n\ndeny contains"), (".manifest", "{}")]),
        "four",
    );
    status_with(&world, "the other refusal", |status| {
        status["refused"].as_str().is_some_and(|refused| refused.contains("broken.rego:3"))
    });
    let (tried, polls) = (trials(), server.answers().len());
    eventually("five polls more", || (server.answers().len() >= polls + 5).then_some(()));
    assert_eq!(trials(), tried);
    // A signed URL is a secret.
    let said = world.gateway.log().join("\n") + &super::done(&world, &["status"]);
    assert!(said.contains("/b.tar.gz") && !said.contains("secret-of-the-url"), "{said}");
    // The server is away, and the process ends as by a power cut: the next one serves what was kept.
    server.leave();
    world.gateway.kill_and_restart();
    assert_eq!(world.gateway.admin_page("/readyz").status, 200);
    assert_eq!(super::status(&world)["revision"], second["revision"]);
    assert_eq!((creates(&world, 5), creates(&world, 6)), (200, 403));
    assert!(server.answers().iter().all(|status| *status != 401));
}

#[test]
fn only_what_a_key_signed_is_taken_and_nothing_older() {
    let server = Server::start(crate::support::world::CLOUD_SECRET);
    server.offer(signed(3, "v9", "first secret"), "a");
    let keys = tempfile::tempdir().unwrap();
    std::fs::write(keys.path().join("first.secret"), "first secret\n").unwrap();
    let world = World::with(setup(&server, &format!("verify_keys = {:?}", keys.path())));
    assert_eq!((creates(&world, 3), creates(&world, 4)), (200, 403));
    let tampered = {
        let manifest = "{\"revision\":\"v10\"}";
        let honest = signed(9, "v10", "first secret");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(honest.as_slice()));
        let signature = archive.entries().unwrap().map(Result::unwrap).find_map(|mut entry| {
            let wanted = entry.path().unwrap().ends_with(".signatures.json");
            let mut text = String::new();
            wanted.then(|| std::io::Read::read_to_string(&mut entry, &mut text).map(|_| text).unwrap())
        });
        pack(&[("most.rego", &rule(99)), (".manifest", manifest), (".signatures.json", &signature.unwrap())])
    };
    for (offer, why) in [
        (bundle(9), "not signed"),
        (signed(9, "v10", "another secret"), "not signed by any of the keys"),
        (tampered, "holds another `most.rego`"),
        (signed(9, "v8", "first secret"), "`v8` is older than `v9`"),
    ] {
        server.offer(offer, why);
        let status = status_with(&world, why, |status| {
            status["refused"].as_str().is_some_and(|refused| refused.contains(why))
        });
        assert_eq!(status["bundle_revision"], "v9");
        assert_eq!((creates(&world, 3), creates(&world, 4)), (200, 403), "{why}");
    }
    // A key that is added opens what it signed, without a restart.
    std::fs::write(keys.path().join("second.secret"), "another secret").unwrap();
    server.offer(signed(6, "v10", "another secret"), "b");
    status_with(&world, "the second key", |status| status["bundle_revision"] == "v10");
    assert_eq!((creates(&world, 6), creates(&world, 7)), (200, 403));
    // The same rules under another revision: what lies between the two is old.
    server.offer(signed(6, "v12", "first secret"), "c");
    status_with(&world, "the same rules again", |status| status["bundle_revision"] == "v12");
    server.offer(signed(9, "v11", "first secret"), "d");
    status_with(&world, "v11 is refused", |status| {
        status["refused"].as_str().is_some_and(|refused| refused.contains("`v11` is older than `v12`"))
    });
    assert_eq!((creates(&world, 6), creates(&world, 7)), (200, 403));
    // Nothing comes into force that nobody signed.
    world.gateway.write("next.yaml", "contact: nobody\n");
    super::done(&world, &["stage", "--data", world.gateway.directory().join("next.yaml").to_str().unwrap()]);
    assert!(refused(&world, &["promote"]).contains("signed"));
}

#[test]
fn rules_that_never_come_to_an_end_are_tried_where_nobody_waits() {
    let config =
        "[policy]\ndata = [\"organisation.yaml\"]\npoll_interval = \"50ms\"\ntrial_timeout = \"1s\"\n";
    let world = World::with(Setup { config: config.to_owned(), ..Setup::default() });
    let candidate = tempfile::tempdir().unwrap();
    stock_policies_in(candidate.path());
    // The engine's parser takes twice as long for each bracket.
    let deep = format!("package zengate.lib.deep\n\nx := {}{}\n", "[".repeat(300), "]".repeat(300));
    std::fs::write(candidate.path().join("lib/deep.rego"), deep).unwrap();
    let why = refused(&world, &["stage", candidate.path().to_str().unwrap()]);
    assert!(why.contains("took longer than 1s"), "{why}");
    assert_eq!(creates(&world, 1), 200);
}

#[test]
#[ignore = "needs the real OPA: set ZENGATE_TEST_OPA to its path"]
fn what_opa_signs_is_taken() {
    let opa = std::env::var("ZENGATE_TEST_OPA").expect("ZENGATE_TEST_OPA");
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name).display().to_string();
    std::fs::create_dir(at("tree")).unwrap();
    stock_policies_in(&place.path().join("tree"));
    std::fs::create_dir(at("keys")).unwrap();
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    std::fs::write(at("private.pem"), pair.serialize_pem()).unwrap();
    std::fs::write(at("keys/ci.pem"), pair.public_key_pem()).unwrap();
    let build = std::process::Command::new(opa)
        .args(["build", "-b", &at("tree"), "--revision", "1", "--signing-alg", "ES256"])
        .args(["--signing-key", &at("private.pem"), "-o", &at("bundle.tar.gz")])
        .output()
        .unwrap();
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    let config = format!(
        "[policy]\nbundle = {:?}\nverify_keys = {:?}\ndata = [\"organisation.yaml\"]\npoll_interval = \"50ms\"\n",
        at("bundle.tar.gz"),
        at("keys")
    );
    let world = World::with(Setup { config, ..Setup::default() });
    assert_eq!(status(&world)["bundle_revision"], "1");
    assert_eq!((creates(&world, 1), creates(&world, 11)), (200, 403));
}

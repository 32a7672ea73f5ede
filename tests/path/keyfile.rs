//! The key file while the gateway runs.

use crate::support::world::{KEY, SECRET, keys};
use crate::support::{Call, World, eventually};

fn read() -> Call {
    Call::new("vm", "DescribeInstances")
}

#[test]
fn rotation_accepts_both_secrets_and_then_only_the_new_one() {
    let world = World::new();
    let other = read().key(KEY, "gateway-secret-of-the-other");
    world.send(&other).assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
    let both = "secrets = [{ file = \"payments.secret\" }, { file = \"other.secret\" }]";
    world.gateway.write("keys.toml", &keys("").replace("secrets = [{ file = \"payments.secret\" }]", both));
    eventually("the new secret is accepted", || (world.send(&other).status == 200).then_some(()));
    assert_eq!(world.send(&read()).status, 200, "the old one still is");
    let new = "secrets = [{ file = \"other.secret\" }]";
    world.gateway.write("keys.toml", &keys("").replace("secrets = [{ file = \"payments.secret\" }]", new));
    eventually("the old secret is refused", || {
        (world.send(&read().key(KEY, SECRET)).status == 401).then_some(())
    });
    assert_eq!(world.send(&other).status, 200);
}

#[test]
fn a_bad_file_keeps_the_old_keys_loudly() {
    let world = World::new();
    world.gateway.write("keys.toml", "[[key]]\nid = \"x\"\nteem = \"typo\"\n");
    world.gateway.logged("teem");
    eventually("the metric says so", || {
        (world.gateway.metric("zengate_reload_failed{what=\"keys\"}") == 1.0).then_some(())
    });
    assert_eq!(world.send(&read()).status, 200);
    world.gateway.write("keys.toml", &keys("enabled = false"));
    eventually("the good file counts", || (world.send(&read()).status == 401).then_some(()));
    eventually("the metric is back", || {
        (world.gateway.metric("zengate_reload_failed{what=\"keys\"}") == 0.0).then_some(())
    });
}

#[test]
fn policy_data_is_reloaded_and_a_bad_set_keeps_the_old_one() {
    let world = World::new();
    world.send(&Call::example()).instance_ids();
    world.gateway.write("organisation.yaml", "settings:\n  zones: {allowed: [HKG-A]}\n");
    eventually("the new settings count", || (world.send(&Call::example()).status == 403).then_some(()));
    world.gateway.write("organisation.yaml", "settings: [this is no map\n");
    eventually("the bad set is refused", || {
        (world.gateway.metric("zengate_reload_failed{what=\"policy\"}") == 1.0).then_some(())
    });
    world.send(&Call::example()).assert_refused(403, "OPERATION_DENIED_POLICY_VIOLATION");
}

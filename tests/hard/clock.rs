//! Clocks that are set while the gateway runs, by an injected clock behind the real port: what is booked stays booked, what was
//! sent is not sent again, and whoever has the right time is served.

use std::io::Write as _;
use std::time::Duration;

use zengate::emulator::{Fault, Gate, On, Times, When};

use crate::path::quota::{limited, order};
use crate::support::client::{connect, read_answer};
use crate::support::eventually;
use crate::support::house::House;
use crate::support::world::{KEY, SECRET};

const MINUTE: i64 = 60;

#[test]
fn what_is_booked_stays_booked_whatever_the_clock_says() {
    let mut house = House::new(limited(10));
    house.send(order("made", 2)).instance_ids();
    house.emulator.script(Fault::Close { when: When::Before }, On::create(), Times::Exactly(1));
    assert_eq!(house.send(order("unknown", 3)).code(), "REQUEST_TIMED_OUT");
    let gate = Gate::new();
    house.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Exactly(1));
    let mut held = connect(house.address);
    held.write_all(&house.at_its_time(order("held", 4)).bytes(house.address)).unwrap();
    house.runtime.block_on(house.emulator.arrived(3));
    assert_eq!(house.counted(), [2, 4, 3]);
    for by in [10 * MINUTE, -20 * MINUTE, 10 * MINUTE, 24 * 60 * MINUTE, -48 * 60 * MINUTE, 24 * 60 * MINUTE]
    {
        house.step(by);
        assert_eq!(house.counted(), [2, 4, 3], "after a step of {by} s");
        assert_eq!(
            house.send(order(&format!("more-{by}"), 2)).code(),
            "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED"
        );
        assert_eq!(house.send(order("unknown", 3)).code(), "OPERATION_DENIED_OUTCOME_UNKNOWN");
    }
    gate.open();
    assert_eq!(read_answer(&mut held).unwrap().instance_ids().len(), 4);
    // The cloud made nothing of the one that is unknown; listings say so, in their own time.
    eventually("the unknown one is void", || {
        house.admin("POST", "/quota/reconcile");
        (house.counted() == [6, 0, 0]).then_some(())
    });
    assert_eq!(house.emulator.instance_count(), 6);
}

#[test]
fn an_answer_that_waits_for_its_client_is_not_forgotten_by_a_clock_set_forward() {
    let mut house = House::new(limited(10));
    let gate = Gate::new();
    house.emulator.script(Fault::hold(When::Before, &gate), On::create(), Times::Exactly(1));
    let mut impatient = connect(house.address);
    impatient.write_all(&house.at_its_time(order("once", 1)).bytes(house.address)).unwrap();
    house.runtime.block_on(house.emulator.arrived(1));
    drop(impatient);
    gate.open();
    eventually("it is made", || (house.counted() == [1, 0, 0]).then_some(()));
    // Longer than answers wait.
    house.step(60 * MINUTE);
    let again = house.send(order("once", 1)).instance_ids();
    assert_eq!(again, [house.emulator.instances()[0].id.clone()]);
    assert_eq!(house.emulator.creates(), 1);
}

#[test]
fn a_clock_set_back_makes_no_old_request_young() {
    let mut house = House::new(limited(10));
    let bytes = house.at_its_time(order("once", 1)).bytes(house.address);
    house.send_bytes(&bytes).instance_ids();
    house.step(-4 * MINUTE);
    // Signatures are good for five minutes, both ways.
    let again = house.send_bytes(&bytes);
    assert!(again.status >= 400, "{:?}", again.json());
    assert_eq!(house.emulator.creates(), 1);
    house.step(-4 * MINUTE);
    house.send_bytes(&bytes).assert_refused(401, "AUTHFAILURE_SIGNATURE_EXPIRED");
    house.send(order("another", 1)).instance_ids();
}

/// A key file: the key with these secrets, and a younger key of the same team.
fn keys(secrets: &str) -> String {
    let rest = "team = \"payments\"\naccount = \"main\"\n";
    format!(
        "[[key]]\nid = \"{KEY}\"\nsecrets = [{secrets}]\n{rest}\
         [[key]]\nid = \"ZGpayments02\"\nsecrets = [{{ file = \"other.secret\" }}]\n{rest}"
    )
}

#[test]
fn a_rotation_frees_no_quota_and_the_old_secret_ends_on_time() {
    const NEW: &str = "gateway-secret-of-the-other";
    let mut house = House::new(limited(2));
    house.send(order("all-there-is", 2)).instance_ids();
    let ends = house.clock.timestamp().checked_add(jiff::SignedDuration::from_mins(10)).unwrap();
    let both = format!("{{ file = \"other.secret\" }}, {{ file = \"payments.secret\", until = {ends} }}");
    house.write("keys.toml", &keys(&both));
    let read = || crate::support::Call::new("vm", "DescribeInstances");
    eventually("the new secret counts", || (house.send(read().key(KEY, NEW)).status == 200).then_some(()));
    for restart in [false, true] {
        if restart {
            house.restart();
        }
        assert_eq!(house.send(read().key(KEY, SECRET)).status, 200, "the old one still does");
        for key in [KEY, "ZGpayments02"] {
            let refused = house.send(order(&format!("one-more-{key}-{restart}"), 1).key(key, NEW));
            assert_eq!(refused.code(), "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED", "{key}");
        }
    }
    house.pass(Duration::from_secs(599));
    assert_eq!(house.send(read().key(KEY, SECRET)).status, 200, "to its last second");
    house.pass(Duration::from_secs(1));
    for restart in [false, true] {
        if restart {
            house.restart();
        }
        house.send(read().key(KEY, SECRET)).assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
        assert_eq!(house.send(read().key(KEY, NEW)).status, 200);
    }
    assert_eq!(house.counted(), [2, 0, 0]);
}

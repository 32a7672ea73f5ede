//! Creates of a team in a time.

use serde_json::Value;

use super::quota::{limited, order};
use crate::support::client::EXAMPLE;
use crate::support::{Call, World};

#[test]
fn creates_over_the_rate_are_told_to_wait_and_nothing_else_is() {
    let mut setup = limited(100);
    setup.config = "[quota.rate]\nper_minute = 1\nburst = 2\n".to_owned();
    let world = World::with(setup);
    // What is refused by a rule takes nothing of the rate.
    let mut wrong: Value = serde_json::from_str(EXAMPLE).unwrap();
    wrong["zoneId"] = "MOON-A".into();
    for _ in 0..5 {
        assert_eq!(world.send(&Call::new("vm", "CreateInstances").json(&wrong)).status, 403);
    }
    for name in ["a", "b"] {
        assert_eq!(world.send(&order(name, 1)).status, 200);
    }
    let late = world.send(&order("c", 1));
    assert_eq!((late.status, late.code().as_str()), (429, "REQUEST_LIMIT_EXCEEDED"));
    assert!(
        late.message().contains("team `payments` may send 1 create a minute (at once: 2)"),
        "{}",
        late.message()
    );
    let wait: u32 = late.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(
        world.send(&Call::new("vm", "DescribeInstances").json(&Value::Object(Default::default()))).status,
        200
    );
    assert_eq!(world.emulator.instance_count(), 2);
    // It is no denial: nobody was told no.
    let count = |outcome: &str| {
        let name = format!(r#"zengate_requests_total{{class="create",outcome="{outcome}",service="vm"}}"#);
        world.gateway.metric(&name)
    };
    assert_eq!((count("rate_limited"), count("denied_policy")), (1.0, 5.0));
}

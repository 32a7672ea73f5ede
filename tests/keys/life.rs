//! A key from its making to its end, with signed calls.

use std::time::Duration;

use serde_json::json;

use super::{Made, made, order, plain, post, read, shown, status, stored, with_store};
use crate::path::quota::{limited, order as machines};
use crate::support::house::House;
use crate::support::world::KEY;
use crate::support::{Call, World};

#[test]
fn a_key_is_made_rotated_switched_and_revoked_and_each_counts_at_once() {
    let mut world = World::with(stored());
    let document = json!({
        "team": "payments", "owner": "ada@example.com", "purpose": "CI", "labels": {"env": "prod"},
        "actions": ["vm *"], "sources": ["127.0.0.0/8"], "expires": "90d", "credentials": "both",
    });
    let Made { id, secret, token, shown: first } = order(&world.gateway, "/keys", &document);
    assert!(id.starts_with("ZGpayments_"), "{id}");
    assert_eq!((&first["state"], &first["kept_in"]), (&json!("active"), &json!("store")));
    assert_eq!((&first["account"], &first["owner"]), (&json!("main"), &json!("ada@example.com")));
    assert_eq!((&first["credentials"], &first["last_used"]), (&json!("both"), &json!(null)));
    assert_eq!(status(&world.gateway, &id, &secret), 200);
    assert_eq!(world.send(&read().bearer(&token)).status, 200);
    assert!(shown(&world.gateway, &id)["last_used"].is_string());
    assert_eq!(world.send(&Call::example().key(&id, &secret)).instance_ids().len(), 1);

    let path = |verb: &str| format!("/keys/{id}/{verb}");
    let second = order(&world.gateway, &path("rotate"), &json!({ "grace": "1h" }));
    assert_eq!(second.shown["state"], "rotating");
    assert!(second.secret != secret && second.token != token && !second.token.is_empty());
    for secret in [&secret, &second.secret] {
        assert_eq!(status(&world.gateway, &id, secret), 200);
    }
    for token in [&token, &second.token] {
        assert_eq!(world.send(&read().bearer(token)).status, 200);
    }
    let third = order(&world.gateway, &path("rotate"), &json!({ "grace": "0s" }));
    for old in [&secret, &second.secret] {
        world.send(&read().key(&id, old)).assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
    }
    for old in [&token, &second.token] {
        world.send(&read().bearer(old)).assert_refused(401, "AUTHFAILURE_INVALID_AUTHORIZATION");
    }
    assert_eq!(status(&world.gateway, &id, &third.secret), 200);

    order(&world.gateway, &path("disable"), &json!({}));
    let refused = world.send(&read().key(&id, &third.secret));
    assert!(refused.message().contains("disabled"), "{}", refused.message());
    order(&world.gateway, &path("enable"), &json!({}));
    assert_eq!(status(&world.gateway, &id, &third.secret), 200);
    world.gateway.kill_and_restart();
    assert_eq!(status(&world.gateway, &id, &third.secret), 200, "over a crash");
    order(&world.gateway, &path("revoke"), &json!({}));
    for restart in [false, true] {
        if restart {
            world.gateway.kill_and_restart();
        }
        let refused = world.send(&read().key(&id, &third.secret));
        refused.assert_refused(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION");
        assert!(refused.message().contains("revoked"), "{}", refused.message());
        assert_eq!(post(&world.gateway, &path("enable"), &json!({})).status, 409);
        assert_eq!(shown(&world.gateway, &id)["state"], "revoked");
    }
}

#[test]
fn each_attribute_of_a_made_key_can_refuse() {
    let world = World::with(stored());
    for (setting, said) in [
        (json!({ "sources": ["10.0.0.0/8"] }), "this address"),
        (json!({ "actions": ["vm Create*", "zec *"] }), "may not call `vm DescribeInstances`"),
        (json!({ "strict": true }), "x-zc-action"),
        (json!({ "certificates": ["ci.example"] }), "client certificate"),
    ] {
        let mut document = setting.clone();
        document["team"] = "payments".into();
        let Made { id, secret, .. } = order(&world.gateway, "/keys", &document);
        let answer = world.send(&read().key(&id, &secret));
        answer.assert_refused(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION");
        assert!(answer.message().contains(said), "{setting}: {}", answer.message());
    }
    assert_eq!(world.emulator.requests().len(), 0);
    let wrong = json!({
        "team": "payments", "actions": ["vm CreateInstance"], "sources": ["10.0.0.1/8"], "account": "mian",
        "expires": "2020-01-01",
    });
    let answer = post(&world.gateway, "/keys", &wrong);
    assert_eq!(answer.status, 400);
    let said = answer.json()["error"].as_str().unwrap().to_owned();
    for part in ["did you mean \"vm CreateInstances\"", "bits behind its prefix", "\"main\"", "over already"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(post(&world.gateway, "/keys", &json!({ "tema": "x" })).status, 400);
    assert_eq!(post(&world.gateway, "/keys/ZGnobody/revoke", &json!({})).status, 404);
}

#[test]
fn a_key_ends_when_it_was_said_to_and_a_rotation_can_say_otherwise() {
    let mut house = House::new(stored());
    let Made { id, secret, .. } =
        made(&house.admin_with("POST", "/keys", &json!({ "team": "payments", "expires": "1h" })));
    let state = |house: &House| house.admin("GET", &format!("/keys/{id}"))["key"]["state"].clone();
    house.pass(Duration::from_secs(3599));
    assert_eq!(house.send(read().key(&id, &secret)).status, 200);
    house.pass(Duration::from_secs(1));
    let refused = house.send(read().key(&id, &secret));
    refused.assert_refused(401, "AUTHFAILURE_UNAUTHORIZED_OPERATION");
    assert!(refused.message().contains("expired"), "{}", refused.message());
    assert_eq!(state(&house), "expired");
    let path = format!("/keys/{id}/rotate");
    let renewed = made(&house.admin_with("POST", &path, &json!({ "grace": "0s", "expires": "never" })));
    house.pass(Duration::from_secs(400 * 24 * 3600));
    assert_eq!(house.send(read().key(&id, &renewed.secret)).status, 200);
    assert_eq!(state(&house), "active");
}

#[test]
fn a_team_over_its_quota_that_rotates_is_still_over_it_and_the_old_secret_ends_on_time() {
    let mut house = House::new(with_store(limited(2), ""));
    let Made { id, secret, .. } = made(&house.admin_with("POST", "/keys", &json!({ "team": "payments" })));
    house.send(machines("all-there-is", 2).key(&id, &secret)).instance_ids();
    let path = format!("/keys/{id}/rotate");
    let new = made(&house.admin_with("POST", &path, &json!({ "grace": "10m" }))).secret;
    let other = made(&house.admin_with("POST", "/keys", &json!({ "team": "payments" })));
    for restart in [false, true] {
        if restart {
            house.restart();
        }
        for (number, (key, secret)) in
            [(&id, &new), (&id, &secret), (&other.id, &other.secret)].into_iter().enumerate()
        {
            let refused = house.send(machines(&format!("more-{number}-{restart}"), 1).key(key, secret));
            assert_eq!(
                refused.code(),
                "OPERATION_DENIED_INSTANCE_QUOTA_EXCEED",
                "{key}: {}",
                refused.message()
            );
        }
    }
    house.pass(Duration::from_secs(599));
    assert_eq!(house.send(read().key(&id, &secret)).status, 200, "to its last second");
    house.pass(Duration::from_secs(1));
    for restart in [false, true] {
        if restart {
            house.restart();
        }
        house.send(read().key(&id, &secret)).assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
        assert_eq!(house.send(read().key(&id, &new)).status, 200);
    }
    assert_eq!(house.counted(), [2, 0, 0]);
}

#[test]
fn keys_are_counted_by_state_and_their_ends_are_shown() {
    let world = World::with(stored());
    let ending = order(&world.gateway, "/keys", &json!({ "team": "payments", "expires": "2099-01-31" }));
    let revoked = plain(&world);
    order(&world.gateway, &format!("/keys/{}/revoke", revoked.id), &json!({}));
    let metric = |series: &str| world.gateway.metric(series);
    assert_eq!(metric(r#"zengate_keys{source="file",state="active"}"#), 1.0);
    assert_eq!(metric(r#"zengate_keys{source="store",state="active"}"#), 1.0);
    assert_eq!(metric(r#"zengate_keys{source="store",state="revoked"}"#), 1.0);
    assert_eq!(metric("zengate_key_store_up"), 1.0);
    let series = format!(r#"zengate_key_expires_timestamp_seconds{{key="{}",team="payments"}}"#, ending.id);
    assert_eq!(metric(&series), 4_073_587_200.0);
    let listed = world.gateway.admin_page("/keys?team=payments").json();
    let ids: Vec<&str> =
        listed["keys"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).collect();
    assert!(ids[0] == KEY && ids.len() == 3, "{ids:?}");
    assert_eq!(world.gateway.admin_page("/keys?team=nobody").json()["keys"], json!([]));
}

//! Where keys are kept: who can read them there, and what happens when the place is gone or somebody else's.

use std::fmt::Write as _;
use std::process::Command;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};
use serde_json::json;

use super::{Made, order, plain, post, read, shown, status, stored};
use crate::support::gateway::write;
use crate::support::world::{KEY, SECRET, TOKEN, keys};
use crate::support::{World, eventually};

/// As it is, in hex, and in base64 at each of the three places where it can begin.
fn spellings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let mut all = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for shift in 0..3 {
        let shifted = [&b"xxx"[..shift], bytes].concat();
        for text in [BASE64_NOPAD.encode(&shifted), BASE64URL_NOPAD.encode(&shifted)] {
            all.push(text[(shift * 8_usize).div_ceil(6)..text.len() - 2].to_owned());
        }
    }
    all
}

#[test]
fn a_secret_is_shown_once_and_a_dump_of_the_store_holds_none() {
    let world = World::with(stored());
    let first = order(&world.gateway, "/keys", &json!({ "team": "payments", "credentials": "both" }));
    let second = order(&world.gateway, &format!("/keys/{}/rotate", first.id), &json!({ "grace": "1h" }));
    let secrets = [&first.secret, &first.token, &second.secret, &second.token];
    for secret in secrets {
        assert!(secret.len() >= 46 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{secret}");
    }
    for page in
        ["/keys".to_owned(), format!("/keys/{}", first.id), "/status".to_owned(), "/metrics".to_owned()]
    {
        let text = String::from_utf8(world.gateway.admin_page(&page).body).unwrap();
        let told =
            secrets.iter().find(|secret| spellings(secret).iter().any(|spelling| text.contains(spelling)));
        assert!(told.is_none(), "{page}");
        // Neither is a digest of one.
        assert!(!text.contains("sha256") && !text.contains("digest"), "{page}");
    }
    let directory = world.gateway.directory();
    let stores: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("zengate-keys.db"))
        .collect();
    assert!(!stores.is_empty());
    for path in stores {
        let bytes = std::fs::read(&path).unwrap();
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        assert!(text.contains(&first.id), "{}: the id is what rows go by", path.display());
        // What is sealed is not only the secrets.
        for spelling in secrets.iter().flat_map(|secret| spellings(secret)).chain(["\"team\"".to_owned()]) {
            assert!(!text.contains(&spelling), "{} holds {spelling}", path.display());
        }
    }
}

#[test]
fn a_store_that_is_gone_keeps_its_keys_in_use_and_takes_no_order() {
    let world = World::with(stored());
    let Made { id, secret, .. } = plain(&world);
    let store = world.gateway.directory().join("zengate-keys.db");
    let away = world.gateway.directory().join("elsewhere.db");
    std::fs::rename(&store, &away).unwrap();
    std::fs::create_dir(&store).unwrap();
    world.gateway.logged("the key store cannot be used");
    for (path, document) in
        [("/keys".to_owned(), json!({ "team": "a" })), (format!("/keys/{id}/revoke"), json!({}))]
    {
        let refused = post(&world.gateway, &path, &document);
        assert_eq!(refused.status, 503, "{path}");
        assert!(
            refused.json()["error"].as_str().unwrap().contains("keys stay as they are"),
            "{}",
            refused.json()
        );
    }
    assert_eq!(status(&world.gateway, &id, &secret), 200);
    assert_eq!(status(&world.gateway, KEY, SECRET), 200);
    assert_eq!(shown(&world.gateway, &id)["state"], "active");
    assert!(world.gateway.admin_page("/status").json()["keys"]["store"]["away"].is_string());
    assert_eq!(world.gateway.metric("zengate_key_store_up"), 0.0);
    assert_eq!(world.gateway.admin_page("/readyz").status, 200);
    std::fs::remove_dir(&store).unwrap();
    std::fs::rename(&away, &store).unwrap();
    world.gateway.logged("the key store can be used again");
    assert_eq!(world.gateway.metric("zengate_key_store_up"), 1.0);
    order(&world.gateway, &format!("/keys/{id}/revoke"), &json!({}));
    assert_eq!(status(&world.gateway, &id, &secret), 401);
}

#[test]
fn an_id_in_the_key_file_is_the_files() {
    let world = World::with(stored());
    let taken = post(&world.gateway, "/keys", &json!({ "team": "payments", "id": KEY }));
    assert_eq!(taken.status, 409, "{}", taken.json());
    let by_hand = post(&world.gateway, &format!("/keys/{KEY}/rotate"), &json!({}));
    assert!(by_hand.status == 409 && by_hand.json()["error"].as_str().unwrap().contains("change it there"));
    let made = order(&world.gateway, "/keys", &json!({ "team": "payments", "id": "ZGboth0001" }));
    assert_eq!(status(&world.gateway, "ZGboth0001", &made.secret), 200);
    assert_eq!(post(&world.gateway, "/keys", &json!({ "team": "a", "id": "ZGboth0001" })).status, 409);
    let more = "[[key]]\nid = \"ZGboth0001\"\nsecrets = [{ file = \"other.secret\" }]\nteam = \"other\"\naccount = \"main\"\n";
    world.gateway.write("keys.toml", &keys(more));
    eventually("the file's key is used", || {
        (status(&world.gateway, "ZGboth0001", "gateway-secret-of-the-other") == 200).then_some(())
    });
    assert_eq!(status(&world.gateway, "ZGboth0001", &made.secret), 401);
    world.gateway.logged("can no longer be used");
    let all = world.gateway.admin_page("/keys").json();
    let all = all["keys"].as_array().unwrap();
    let states: Vec<_> =
        all.iter().filter(|key| key["id"] == "ZGboth0001").map(|key| &key["state"]).collect();
    assert_eq!(states, ["active", "unusable"]);
    world.gateway.write("keys.toml", &keys(""));
    eventually("the store's key is used again", || {
        (status(&world.gateway, "ZGboth0001", &made.secret) == 200).then_some(())
    });
}

#[test]
fn another_seal_key_does_not_start_and_a_new_one_takes_over() {
    let mut world = World::with(stored());
    let Made { id, secret, .. } = plain(&world);
    let path = |name: &str| world.gateway.directory().join(name);
    let made = Command::new(env!("CARGO_BIN_EXE_zengate"))
        .args(["secret", "new-key"])
        .arg(path("new.key"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let config = std::fs::read_to_string(path("zengate.toml")).unwrap();
    let old = "seal = { file = \"seal.key\" }";
    let other = |seal: &str| write(&path("other.toml"), &config.replace(old, seal));
    let serve = || {
        let output = Command::new(env!("CARGO_BIN_EXE_zengate"))
            .args(["serve", "--config"])
            .arg(path("other.toml"))
            .env("ZENGATE_TEST_TOKEN", TOKEN)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    other("seal = { file = \"new.key\" }");
    let said = serve();
    assert!(said.contains(&id) && said.contains("keys.store.old_seals"), "{said}");
    other("seal = { file = \"payments.secret\" }");
    let said = serve();
    assert!(said.contains("keys.store.seal") && said.contains("zengate secret new-key"), "{said}");

    let both = "seal = { file = \"new.key\" }\nold_seals = [{ file = \"seal.key\" }]";
    write(&path("zengate.toml"), &config.replace(old, both));
    world.gateway.kill_and_restart();
    assert_eq!(status(&world.gateway, &id, &secret), 200);
    let resealed = post(&world.gateway, "/keys/reseal", &json!({}));
    assert_eq!(resealed.json(), json!({ "resealed": 1 }));
    let config = config.replace(old, "seal = { file = \"new.key\" }");
    world.gateway.write("zengate.toml", &config);
    world.gateway.kill_and_restart();
    assert_eq!(status(&world.gateway, &id, &secret), 200);
}

#[test]
fn without_a_key_file_the_first_key_is_made_by_order() {
    let mut setup = stored();
    setup.config = setup.config.replace("file = \"keys.toml\"\n", "");
    let world = World::with(setup);
    world.gateway.logged("zengate keys create");
    world.send(&read()).assert_refused(401, "AUTHFAILURE_SIGNATURE_FAILURE");
    let Made { id, secret, .. } = plain(&world);
    assert_eq!(status(&world.gateway, &id, &secret), 200);
}

#[test]
fn without_a_store_there_is_nothing_to_order_and_the_file_is_shown() {
    let world = World::new();
    let refused = post(&world.gateway, "/keys", &json!({ "team": "payments" }));
    assert!(refused.status == 409 && refused.json()["error"].as_str().unwrap().contains("[keys.store]"));
    let listed = world.gateway.admin_page("/keys").json();
    assert_eq!((&listed["store"], &listed["keys"][0]["id"]), (&json!("not kept"), &json!(KEY)));
    assert_eq!(listed["keys"][0]["credentials"], "both");
}

//! Several accounts of the cloud, chosen by team: each cloud sees its own key and its own teams' calls, and nothing else.

use std::process::Command;

use serde_json::json;
use zengate::emulator::{self, Emulator, Seen};
use zengate::secret::Secret;

use super::{Made, order, post, read, with_store};
use crate::support::gateway::write;
use crate::support::world::{CLOUD_KEY, CLOUD_SECRET, Setup, directory, organisation};
use crate::support::{Call, World};

const OTHER_KEY: &str = "AKcloud0002";
const OTHER_SECRET: &str = "cloud-secret-of-the-other-account";

#[test]
fn two_teams_two_accounts_and_each_cloud_sees_only_its_own() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let options = emulator::Options {
        keys: vec![(OTHER_KEY.to_owned(), Secret::new(OTHER_SECRET))],
        ..emulator::Options::default()
    };
    let other = runtime.block_on(Emulator::start(options)).unwrap();
    // Neither key names its account.
    let keys = "[[key]]\nid = \"ZGpayments01\"\nsecrets = [{ file = \"payments.secret\" }]\nteam = \"payments\"\n\
                [[key]]\nid = \"ZGsearch0001\"\nsecrets = [{ file = \"other.secret\" }]\nteam = \"search\"\n";
    let config = format!(
        "[accounts.search]\naccess_key_id = \"{OTHER_KEY}\"\nsecret = {{ file = \"search.secret\" }}\nurl = \"http://{}\"\nteams = [\"search\"]\n",
        other.address()
    );
    let files = vec![("search.secret".to_owned(), OTHER_SECRET.to_owned())];
    let world =
        World::with(with_store(Setup { keys: keys.to_owned(), config, files, ..Setup::default() }, ""));
    let of_search = |call: Call| call.key("ZGsearch0001", "gateway-secret-of-the-other");
    world.send(&Call::example()).instance_ids();
    world.send(&of_search(Call::example())).instance_ids();
    let Made { id, secret, shown, .. } = order(&world.gateway, "/keys", &json!({ "team": "search" }));
    assert_eq!(shown["account"], "search");
    assert_eq!(world.send(&read().key(&id, &secret)).status, 200);
    let seen = |emulator: &Emulator| -> Vec<String> {
        let head = |request: &Seen| {
            let fields = request.headers.iter();
            let fields = fields.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
            fields.collect::<Vec<_>>().join("\n")
        };
        emulator.requests().iter().map(head).collect()
    };
    let (main, search) = (seen(&world.emulator), seen(&other));
    assert_eq!((main.len(), search.len()), (1, 2));
    assert!(
        main.iter().all(|request| request.contains(CLOUD_KEY) && !request.contains(OTHER_KEY)),
        "{main:?}"
    );
    assert!(
        search.iter().all(|request| request.contains(OTHER_KEY) && !request.contains(CLOUD_KEY)),
        "{search:?}"
    );
    for text in main.iter().chain(&search) {
        assert!(!text.contains(OTHER_SECRET) && !text.contains(CLOUD_SECRET));
    }
    for (team, account, said) in
        [("search", "main", "accounts.search.teams"), ("payments", "search", "alone")]
    {
        let refused = post(&world.gateway, "/keys", &json!({ "team": team, "account": account }));
        assert!(
            refused.status == 400 && refused.json()["error"].as_str().unwrap().contains(said),
            "{}",
            refused.json()
        );
    }
}

#[test]
fn a_team_in_two_accounts_and_a_key_on_another_teams_account_are_told_with_their_lines() {
    let more = format!(
        "[accounts.one]\naccess_key_id = \"{OTHER_KEY}\"\nsecret = {{ file = \"other.secret\" }}\nteams = [\"payments\"]\n\
         [accounts.two]\naccess_key_id = \"{OTHER_KEY}\"\nsecret = {{ file = \"other.secret\" }}\nteams = [\"search\", \"payments\"]\n"
    );
    let keys = "[[key]]\nid = \"ZGpayments01\"\nsecrets = [{ file = \"payments.secret\" }]\nteam = \"payments\"\naccount = \"main\"\n";
    let at = directory("http://127.0.0.1:9", keys, &organisation(), &more);
    let check = || {
        let run = Command::new(env!("CARGO_BIN_EXE_zengate"))
            .args(["config", "check"])
            .current_dir(at.path())
            .output();
        String::from_utf8(run.unwrap().stderr).unwrap()
    };
    let said = check();
    assert!(said.contains("accounts.two.teams") && said.contains("a team has one account"), "{said}");
    let config = std::fs::read_to_string(at.path().join("zengate.toml")).unwrap();
    write(&at.path().join("zengate.toml"), &config.replace("[\"search\", \"payments\"]", "[\"search\"]"));
    let said = check();
    assert!(said.contains("keys.toml:5: "), "{said}");
    assert!(said.contains("accounts.one.teams"), "{said}");
}

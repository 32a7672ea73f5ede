//! The console in a real browser, by keyboard alone: it works, it is accessible, it complains of nothing and asks nobody else.

use serde_json::{Value, json};

use super::{OTTO, VERA, create, setup, stage};
use crate::keys::with_store;
use crate::support::chrome::{Chrome, ENTER, TAB};
use crate::support::world::{Setup, organisation};
use crate::support::{Call, World, eventually};

/// A gateway with something to see: limits, exemptions, decisions of several kinds, a candidate.
fn busy() -> World {
    let more = "  quota:\n    limits:\n      machines: {resource: instances, per: [team], limit: 14}\n      \
        seoul: {resource: instances, zones: [SEL-A], limit: 60}\n      cores: {resource: vcpus, per: [team], limit: 64}\n";
    let exemptions = "exemptions:\n  \
        - {rule: zones, team: payments, until: '2099-06-30', reason: Pilot in a new region, ticket: OPS-1201, owner: ada}\n  \
        - {rule: count, team: web, until: '2026-02-01', reason: Spring sale, ticket: OPS-1044, owner: grace}\n";
    let organisation = format!("{}{more}{exemptions}", organisation());
    let world = World::with(Setup { organisation, ..with_store(setup(), "") });
    stage(&world);
    let order = |path: &str, document: Value| {
        let call = Call::new("", "").unsigned().target(path).json(&document);
        let call = call.header("Authorization", &format!("Bearer {OTTO}"));
        assert_eq!(call.send(world.gateway.admin_address()).status, 200, "{path}");
    };
    for document in [
        json!({ "id": "ZGpayments_ci", "team": "payments", "owner": "ada@example.com", "purpose": "Terraform in CI", "expires": "5d",
            "actions": ["vm *", "zec Describe*"], "sources": ["10.20.0.0/16", "2001:db8::/32"], "labels": {"env": "prod"} }),
        json!({ "id": "ZGweb_shop", "team": "web", "owner": "grace@example.com", "purpose": "Autoscaler of the shop", "expires": "90d" }),
        json!({ "id": "ZGsearch_index", "team": "search", "owner": "lin@example.com", "purpose": "Nightly index", "credentials": "token" }),
        json!({ "id": "ZGsearch_old", "team": "search", "owner": "lin@example.com", "purpose": "Before the move" }),
    ] {
        order("/keys", document);
    }
    order("/keys/ZGweb_shop/rotate", json!({ "grace": "7d" }));
    order("/keys/ZGsearch_index/disable", json!({}));
    order("/keys/ZGsearch_old/revoke", json!({}));
    for number in 1..=5 {
        let call =
            create(json!({ "instanceName": format!("web-{number}"), "instanceCount": 1 + number % 3 }));
        world.send(&call.header("User-Agent", "zenlayercloud-sdk-go/1.0"));
    }
    world.send(&create(json!({ "instanceCount": 40, "instanceName": "moon-base" })));
    world.send(&create(json!({ "imageId": "img-of-nobody", "instanceName": "typo" })));
    world
}

fn log_in(chrome: &Chrome, origin: &str, token: &str) {
    chrome.go(&format!("{origin}/console"));
    chrome.until("location.pathname === '/console/login'");
    chrome.keys(token);
    chrome.keys(ENTER);
    chrome.until("location.pathname === '/console'");
}

/// No violation of the rules of axe-core, in this colour scheme and at this width, and nothing that sticks out.
fn accessible(chrome: &Chrome, axe: &str, what: &str) {
    let script = format!(
        "{axe};\nconst done = arguments[arguments.length - 1];\n\
         axe.run(document, {{ resultTypes: ['violations'] }}).then(\n\
           found => done(found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html + ' ' + node.failureSummary).join(' | '))),\n\
           error => done(['axe: ' + error]));"
    );
    let found = chrome.wait_for(&script);
    assert_eq!(found, json!([]), "{what}");
    let wide = chrome.run("return document.documentElement.scrollWidth - window.innerWidth");
    assert!(wide.as_i64().unwrap() <= 0, "{what} is {wide} px too wide");
}

/// Nothing was logged and nobody else was asked since it was looked at last.
fn quiet(chrome: &Chrome, origin: &str) {
    let mut complaints = chrome.log("browser");
    complaints.retain(|line| line["level"] != "DEBUG"); // advice
    assert!(complaints.is_empty(), "{complaints:?}");
    for entry in chrome.log("performance") {
        let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        if message["message"]["method"] == "Network.requestWillBeSent" {
            let url = message["message"]["params"]["request"]["url"].as_str().unwrap();
            let ours = url.starts_with(origin) || url.starts_with("data:") || url.starts_with("about:");
            assert!(ours, "somebody else was asked: {url}");
        }
    }
}

/// Pictures for the documentation, where ZENGATE_SCREENSHOTS names a directory.
fn picture(chrome: &Chrome, name: &str) {
    if let Some(directory) = std::env::var_os("ZENGATE_SCREENSHOTS") {
        std::fs::write(std::path::Path::new(&directory).join(name), chrome.picture()).unwrap();
    }
}

/// A secret stands on this page, to be copied or selected, and not in its address.
fn handed_out(chrome: &Chrome, axe: &str, what: &str) {
    chrome.until("document.querySelector('.handed')");
    let secret = chrome.run("return document.querySelectorAll('.handed .secret')[1].textContent");
    let secret = secret.as_str().unwrap();
    assert!(secret.len() > 20, "{what}");
    assert!(!chrome.run("return location.href").as_str().unwrap().contains(secret), "{what}");
    assert_eq!(chrome.run("return document.querySelectorAll('.copy').length"), 2, "{what}");
    for scheme in ["light", "dark"] {
        chrome.scheme(scheme);
        for (width, height) in [(1200, 800), (400, 800)] {
            chrome.size(width, height);
            accessible(chrome, axe, &format!("{what}, {scheme}, {width} px"));
        }
        chrome.size(1200, 800);
        picture(chrome, &format!("handed-{scheme}.png"));
    }
    chrome.scheme("light");
}

#[test]
#[ignore = "needs chromium and its driver, and axe-core as ZENGATE_TEST_AXE"]
fn people_use_it_by_keyboard_in_a_real_browser() {
    let axe = std::env::var("ZENGATE_TEST_AXE").expect("ZENGATE_TEST_AXE names axe.min.js of npm's axe-core");
    let axe = std::fs::read_to_string(axe).unwrap();
    let world = busy();
    let origin = format!("http://{}", world.gateway.admin_address());
    let chrome = Chrome::start();
    chrome.size(1200, 800);
    chrome.scheme("light");
    chrome.go("about:blank");
    chrome.log("browser");
    chrome.log("performance");

    log_in(&chrome, &origin, OTTO);
    chrome.keys(TAB);
    assert_eq!(chrome.run("return document.activeElement.className"), "skip");
    chrome.keys(ENTER);
    assert_eq!(chrome.run("return document.activeElement.id"), "main");

    // To the decisions, a filter, and one of them.
    chrome.go(&format!("{origin}/console"));
    chrome.tab_to("it.textContent === 'Decisions'");
    chrome.keys(ENTER);
    chrome.until(
        "location.pathname === '/console/decisions' && document.querySelectorAll('tbody tr').length === 7",
    );
    chrome.tab_to("it.id === 'f-text'");
    chrome.keys("moon-base");
    chrome.keys(ENTER);
    chrome
        .until("location.search.includes('moon-base') && document.querySelectorAll('tbody tr').length === 1");
    chrome.tab_to("it.closest('tbody th')");
    chrome.keys(ENTER);
    chrome.until("location.pathname.startsWith('/console/decisions/T')");
    let text = chrome.run("return document.querySelector('main').innerText");
    let text = text.as_str().unwrap();
    assert!(text.contains("refused") && text.contains("count"), "{text}");
    let decision = chrome.run("return location.pathname").as_str().unwrap().to_owned();

    // What is new comes in by itself, and can be held.
    chrome.go(&format!("{origin}/console/decisions?text=newcomer"));
    chrome.until("document.querySelector('#live button')");
    world.send(&create(json!({ "instanceName": "newcomer" })));
    chrome.until("document.querySelectorAll('tbody tr').length === 1");
    chrome.tab_to("it.textContent === 'Pause live updates'");
    chrome.keys(" ");
    assert_eq!(chrome.run("return document.activeElement.textContent"), "Resume live updates");

    // The playground, by its own example.
    chrome.tab_to("it.tagName === 'TEXTAREA' || it.textContent === 'Playground'");
    chrome.keys(ENTER);
    chrome.until("location.pathname === '/console/playground' && document.querySelector('textarea')");
    chrome.tab_to("it.textContent === 'Judge'");
    chrome.keys(ENTER);
    chrome.until("document.querySelector('#verdict')");
    let verdict = chrome.run("return document.querySelector('.verdict').innerText");
    assert!(verdict.as_str().unwrap().contains("would pass"), "{verdict}");
    picture(&chrome, "verdict-light.png");

    // Every page, light and dark, wide and narrow.
    let judged = || {
        let call = Call::new("", "").unsigned().target("/policy").body("");
        let mut call = call.header("Authorization", &format!("Bearer {VERA}"));
        call.method = "GET".to_owned();
        call.send(world.gateway.admin_address()).json()["candidate"]["compared"]["judged"].as_u64()
    };
    eventually("the candidate has judged them all", || (judged() >= Some(8)).then_some(()));
    let pages = [
        ("overview", "/console".to_owned()),
        ("decisions", "/console/decisions".to_owned()),
        ("decision", decision),
        ("quota", "/console/quota".to_owned()),
        ("holders", "/console/quota/holders?scope=team%2Fpayments&resource=instances".to_owned()),
        ("teams", "/console/teams".to_owned()),
        ("team", "/console/teams/payments".to_owned()),
        ("keys", "/console/keys".to_owned()),
        ("key", "/console/keys/ZGpayments_ci".to_owned()),
        ("new-key", "/console/keys/new".to_owned()),
        ("policy", "/console/policy".to_owned()),
        ("exemptions", "/console/exemptions".to_owned()),
        ("playground", "/console/playground".to_owned()),
    ];
    for (name, path) in &pages {
        chrome.go(&format!("{origin}{path}"));
        chrome.until("document.querySelector('main')");
        for scheme in ["light", "dark"] {
            chrome.scheme(scheme);
            for (width, height) in [(1200, 800), (400, 800), (600, 400)] {
                chrome.size(width, height);
                accessible(&chrome, &axe, &format!("{name}, {scheme}, {width} px"));
            }
            chrome.size(1200, 800);
            picture(&chrome, &format!("{name}-{scheme}.png"));
        }
        chrome.size(400, 800);
        picture(&chrome, &format!("{name}-narrow.png"));
        chrome.size(1200, 800);
    }
    chrome.scheme("light");

    // A key is made by keyboard, its secret shown once; then it is rotated, asked once more before.
    chrome.go(&format!("{origin}/console/keys"));
    chrome.tab_to("it.textContent === 'Make a key'");
    chrome.keys(ENTER);
    chrome.until("document.querySelector('#n-team')");
    chrome.tab_to("it.id === 'n-team'");
    chrome.keys("payments");
    chrome.tab_to("it.id === 'n-purpose'");
    chrome.keys("Made by hand");
    chrome.keys(ENTER);
    handed_out(&chrome, &axe, "a key that was made");
    chrome.tab_to("it.textContent.startsWith('It is handed over')");
    chrome.keys(ENTER);
    chrome.until("document.querySelector('h1').textContent.startsWith('Key ZGpayments')");
    chrome.tab_to("it.tagName === 'SUMMARY' && it.textContent === 'Rotate'");
    chrome.keys(ENTER);
    for scheme in ["light", "dark"] {
        chrome.scheme(scheme);
        accessible(&chrome, &axe, &format!("an opened order, {scheme}"));
    }
    chrome.scheme("light");
    picture(&chrome, "rotate-light.png");
    chrome.tab_to("it.textContent === 'Yes: rotate'");
    chrome.keys(ENTER);
    handed_out(&chrome, &axe, "a key that was rotated");

    // An operator promotes; asked once more before.
    chrome.go(&format!("{origin}/console/policy"));
    chrome.tab_to("it.tagName === 'SUMMARY' && it.textContent === 'Promote'");
    chrome.keys(ENTER);
    chrome.tab_to("it.textContent === 'Yes: promote'");
    chrome.keys(ENTER);
    chrome.until("location.search === '?done=promote'");
    assert!(
        chrome
            .run("return document.querySelector('.notice').innerText")
            .as_str()
            .unwrap()
            .contains("in force")
    );
    chrome.tab_to("it.textContent === 'Log out'");
    chrome.keys(ENTER);
    chrome.until("location.pathname === '/console/login'");
    for scheme in ["light", "dark"] {
        chrome.scheme(scheme);
        accessible(&chrome, &axe, &format!("login, {scheme}"));
    }
    chrome.scheme("light");
    picture(&chrome, "login-light.png");

    // A viewer is not offered to, and is refused whatever is sent.
    log_in(&chrome, &origin, VERA);
    chrome.go(&format!("{origin}/console/policy"));
    assert_eq!(chrome.run("return document.querySelectorAll('main form').length"), 0);
    quiet(&chrome, &origin);
    chrome.run(
        "const form = document.querySelector('form[action=\"/console/logout\"]'); form.action = '/console/policy/rollback'; form.submit();",
    );
    chrome.until("document.querySelector('h1').textContent === 'This needs the role operator'");
}

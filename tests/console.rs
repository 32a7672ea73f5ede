//! The console, asked as browsers ask: who gets in, what is refused, what pages hold and what they do not.

mod chrome;
pub(crate) mod keys;
mod teams;

use serde_json::{Value, json};

use crate::support::browser::{Browser, hidden, text, word};
use crate::support::client::EXAMPLE;
use crate::support::world::{Setup, organisation};
use crate::support::{Call, World, eventually};

const VERA: &str = "token-of-vera-who-only-looks";
const OTTO: &str = "token-of-otto-who-operates";

/// A gateway that knows a viewer and an operator.
fn setup() -> Setup {
    let config = "[admin]\naddress = \"127.0.0.1:0\"\naudit_log = \"admin.jsonl\"\n\
        [[admin.users]]\nname = \"vera\"\nrole = \"viewer\"\ntoken = { file = \"vera.token\" }\n\
        [[admin.users]]\nname = \"otto\"\nrole = \"operator\"\ntoken = { file = \"otto.token\" }\n";
    let files = [("vera.token", VERA), ("otto.token", OTTO)];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    Setup { config: config.to_owned(), files, ..Setup::default() }
}

fn anyone(world: &World) -> Browser {
    Browser::at(world.gateway.admin_address())
}

fn with(world: &World, token: &str) -> Browser {
    Browser::logged_in(world.gateway.admin_address(), token)
}

fn audit(world: &World) -> Vec<Value> {
    let text = std::fs::read_to_string(world.gateway.directory().join("admin.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn create(more: Value) -> Call {
    let mut body: Value = serde_json::from_str(EXAMPLE).unwrap();
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    Call::new("vm", "CreateInstances").json(&body)
}

/// The usual organisation with a smaller maximum, staged as a candidate.
fn stage(world: &World) -> String {
    let next = organisation().replace("maximum: 10", "maximum: 1");
    let order = json!({ "organisation": [["next.yaml", next]] });
    let mut call = Call::new("", "").unsigned().target("/policy/stage").json(&order);
    call = call.header("Authorization", &format!("Bearer {OTTO}"));
    let answer = call.send(world.gateway.admin_address());
    assert_eq!(answer.status, 200, "{}", text(&answer));
    answer.json()["candidate"]["revision"].as_str().unwrap().to_owned()
}

const PAGES: [&str; 13] = [
    "/console",
    "/console/decisions",
    "/console/quota",
    "/console/quota/holders?scope=team%2Fpayments&resource=instances",
    "/console/teams",
    "/console/teams/payments",
    "/console/keys",
    "/console/keys/ZGpayments01",
    "/console/policy",
    "/console/exemptions",
    "/console/playground",
    "/console/find?id=ins-1",
    "/console/instances/ins-1",
];

#[test]
fn a_token_opens_it_until_the_logout_and_another_one_does_not() {
    let world = World::with(setup());
    let mut browser = anyone(&world);
    let answer = browser.get("/");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/console")));
    for page in PAGES {
        let answer = browser.get(page);
        assert_eq!(answer.status, 303, "{page}");
        assert!(answer.header("location").unwrap().starts_with("/console/login?to=%2Fconsole"), "{page}");
    }
    let login = browser.get("/console/login?to=%2Fconsole%2Fquota");
    assert_eq!(login.status, 200);
    let before = browser.cookie.clone().unwrap();
    let wrong = browser.post("/console/login", &[("word", &word(&login)), ("token", "no-token-of-anybody")]);
    assert_eq!(wrong.status, 401);
    assert!(text(&wrong).contains("no token") && !text(&wrong).contains("no-token-of-anybody"));
    let fields = [("word", word(&login)), ("token", VERA.to_owned()), ("to", "/console/quota".to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let right = browser.post("/console/login", &fields);
    assert_eq!((right.status, right.header("location")), (303, Some("/console/quota")));
    let cookie = right.header("set-cookie").unwrap();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/console;", "Max-Age="] {
        assert!(cookie.contains(word), "{cookie}");
    }
    let session = browser.cookie.clone().unwrap();
    assert_ne!(session, before, "what was known before the login is worth nothing after it");
    for page in PAGES {
        assert!([200, 303, 404].contains(&browser.get(page).status), "{page}");
    }
    assert!(text(&browser.get("/console")).contains("vera"));
    // The number that was there before the login opens nothing, and the session ends for good with the logout.
    let mut other = anyone(&world);
    other.cookie = Some(before);
    assert_eq!(other.get("/console").status, 303);
    assert_eq!(browser.submit("/console", "/console/logout", &[]).status, 303);
    assert_eq!(browser.cookie, None);
    other.cookie = Some(session);
    assert_eq!(other.get("/console").status, 303);
    let lines = audit(&world);
    assert!(lines.iter().any(|line| line["stage"] == "refused" && line["target"] == "/console/login"));
    assert!(lines.iter().any(|line| line["target"] == "/console/login" && line["by"]["user"] == "vera"));
    assert!(!lines.iter().any(|line| line.to_string().contains(VERA)));
}

#[test]
fn guessing_at_the_login_rests_for_a_minute_with_all_other_guessing() {
    let world = World::with(setup());
    let mut browser = anyone(&world);
    let word = word(&browser.get("/console/login"));
    let mut tried = |token: &str| browser.post("/console/login", &[("word", &word), ("token", token)]).status;
    for number in 0..10 {
        assert_eq!(tried(&format!("guess-number-{number}-of-many")), 401);
    }
    assert_eq!(tried(OTTO), 429);
    let api = Call::new("", "")
        .unsigned()
        .target("/policy/reload")
        .header("Authorization", &format!("Bearer {OTTO}"));
    assert_eq!(api.send(world.gateway.admin_address()).status, 429);
}

#[test]
fn a_token_that_is_taken_away_ends_its_sessions() {
    let world = World::with(setup());
    let mut browser = with(&world, VERA);
    assert_eq!(browser.get("/console").status, 200);
    world.gateway.write("vera.token", "another-token-of-vera");
    world.gateway.logged("the tokens of the admin listener were replaced");
    assert_eq!(browser.get("/console").status, 303);
}

#[test]
fn forms_are_ours_or_nothing_happens() {
    let world = World::with(setup());
    let mut otto = with(&world, OTTO);
    let mut vera = with(&world, VERA);
    let path = "/console/policy/reload";
    let good = word(&otto.get("/console/policy"));
    let foreign = word(&vera.get("/console/policy"));
    for fields in [&[][..], &[("word", "")], &[("word", foreign.as_str())], &[("word", "x")]] {
        assert_eq!(otto.post(path, fields).status, 403, "{fields:?}");
    }
    let mut json = otto.call("POST", path).body(format!("word={good}"));
    for media in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
        json.content_type = media.to_owned();
        assert_eq!(otto.send(&json).status, 415, "{media}");
    }
    assert_eq!(otto.send(&otto.call("PUT", path)).status, 405);
    assert_eq!(otto.post(path, &[("word", &good)]).status, 303);
    let no_such = otto.post("/console/policy/no-such-order", &[("word", &good)]);
    assert_eq!(no_such.status, 404);
    let asked = audit(&world).into_iter().filter(|line| line["stage"] == "asked");
    assert_eq!(asked.count(), 1, "one order was given");
}

#[test]
fn other_sites_see_nothing_and_order_nothing() {
    let world = World::with(setup());
    let mut otto = with(&world, OTTO);
    let good = word(&otto.get("/console/policy"));
    let host = world.gateway.admin_address();
    let strangers = [
        ("Sec-Fetch-Site", "cross-site".to_owned()),
        ("Sec-Fetch-Site", "same-site".to_owned()),
        ("Origin", "null".to_owned()),
        ("Origin", "https://evil.example".to_owned()),
        ("Origin", format!("http://{host}.evil.example")),
    ];
    for (name, value) in &strangers {
        let page = otto.send(&otto.call("GET", "/console/policy").header(name, value));
        assert_eq!(page.status, 403, "{name}: {value}");
        assert!(text(&page).contains("go on to the page") && !text(&page).contains("In force"));
        let mut form = otto.call("POST", "/console/policy/reload").header(name, value);
        form.content_type = "application/x-www-form-urlencoded".to_owned();
        assert_eq!(otto.send(&form.body(format!("word={good}"))).status, 403, "{name}: {value}");
    }
    // The rest of the listener knows no cookie, and no browser that says so.
    for path in ["/status", "/policy", "/policy/material", "/quota"] {
        assert_eq!(otto.send(&otto.call("GET", path)).status, 401, "{path}");
        let own = otto.call("GET", path).header("Sec-Fetch-Site", "same-origin");
        assert_eq!(otto.send(&own).status, 403, "{path}");
    }
    assert_eq!(otto.send(&otto.call("POST", "/policy/reload")).status, 401);
}

#[test]
fn a_viewer_sees_everything_and_orders_nothing() {
    let world = World::with(setup());
    let revision = stage(&world);
    let (mut vera, mut otto) = (with(&world, VERA), with(&world, OTTO));
    for page in PAGES {
        let (seen, all) = (vera.get(page), otto.get(page));
        assert_eq!(seen.status, all.status, "{page}");
        let forms = text(&seen).matches("method=\"post\"").count();
        let own = 1 + usize::from(page.contains("playground"));
        assert!(forms == own || seen.status == 303, "{page} has {forms} forms for a viewer");
    }
    assert!(text(&otto.get("/console/policy")).contains("Yes: promote"));
    assert!(!text(&vera.get("/console/policy")).contains("promote\""));
    for path in
        ["policy/reload", "policy/promote", "policy/unstage", "policy/rollback", "quota/reconcile", "no/such"]
    {
        let answer = vera.submit("/console/policy", &format!("/console/{path}"), &[("revision", &revision)]);
        assert_eq!(answer.status, 403, "{path}");
        assert!(text(&answer).contains("role operator"), "{path}");
    }
    let stale = otto.submit("/console/policy", "/console/policy/promote", &[("revision", "sha256:other")]);
    assert_eq!(stale.status, 409);
    let shown = hidden(&otto.get("/console/policy"), "revision").unwrap();
    assert_eq!(shown, revision);
    let done = otto.submit("/console/policy", "/console/policy/promote", &[("revision", &revision)]);
    assert_eq!((done.status, done.header("location")), (303, Some("/console/policy?done=promote")));
    let page = text(&otto.get("/console/policy?done=promote"));
    assert!(page.contains("The candidate is in force") && page.contains(&revision), "{page}");
    assert_eq!(otto.submit("/console/policy", "/console/policy/rollback", &[]).status, 303);
    assert_eq!(otto.submit("/console/quota", "/console/quota/reconcile", &[]).status, 303);
    let lines = audit(&world);
    let of = |stage: &str, name: &str| {
        let of_one = lines
            .iter()
            .filter(|line| line["stage"] == stage && line["by"]["user"] == name && line["method"] == "POST");
        of_one.cloned().collect::<Vec<_>>()
    };
    assert_eq!((of("refused", "vera").len(), of("asked", "vera").len()), (6, 0));
    let orders: Vec<Value> = of("asked", "otto").into_iter().map(|line| line["about"].clone()).collect();
    let promoted = json!({ "order": "policy promote", "revision": revision });
    assert!(
        orders.contains(&promoted) && orders.contains(&json!({ "order": "quota reconcile" })),
        "{orders:?}"
    );
}

#[test]
fn on_the_machine_itself_nobody_logs_in_and_forms_are_guarded_all_the_same() {
    let world = World::new();
    let mut browser = anyone(&world);
    let page = browser.get("/console/policy");
    assert_eq!(page.status, 200);
    assert!(text(&page).contains("this machine") && text(&page).contains("operator"));
    assert_eq!(browser.post("/console/policy/reload", &[]).status, 403);
    assert_eq!(browser.submit("/console/policy", "/console/policy/reload", &[]).status, 303);
    let mut rebound = browser.call("GET", "/console/policy");
    rebound.host = Some("evil.example:9180".to_owned());
    assert_eq!(browser.send(&rebound).status, 403);
    // Where nothing is asked for, no token is right.
    let fields = [("word", word(&page)), ("token", "anything-of-any-length".to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(browser.post("/console/login", &fields).status, 401);
}

#[test]
fn every_answer_tells_the_browser_what_pages_may_do() {
    let world = World::with(setup());
    let mut otto = with(&world, OTTO);
    let mut answers: Vec<_> = PAGES.iter().map(|page| otto.get(page)).collect();
    answers.extend(
        ["/console/style.css", "/console/script.js", "/console/nothing", "/console/decisions/x"]
            .map(|path| otto.get(path)),
    );
    answers.push(anyone(&world).get("/console/login"));
    answers.push(otto.post("/console/policy/reload", &[]));
    answers.push(otto.send(&otto.call("GET", "/console").header("Origin", "null")));
    for answer in answers {
        let policy = answer.header("content-security-policy").unwrap_or_default();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        let body = text(&answer);
        assert!(
            !body.contains(" style=") && !body.contains(" onclick=") && !body.contains("<script>"),
            "{body}"
        );
        for address in ["src=\"http", "href=\"http", "action=\"http", "url(http"] {
            assert!(!body.contains(address), "{body}");
        }
    }
}

const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'";

#[test]
fn what_callers_write_is_never_markup() {
    let world = World::with(setup());
    let refused = create(json!({ "zoneId": HOSTILE, "instanceName": HOSTILE })).header("User-Agent", HOSTILE);
    let id = world.send(&refused).header("x-zengate-decision").unwrap().to_owned();
    world.gateway.record(&id);
    let mut otto = with(&world, OTTO);
    let escaped: String = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    let decision = eventually("the decision is found", || {
        let page = otto.get(&format!("/console/decisions/{id}"));
        (page.status == 200).then_some(page)
    });
    assert!(text(&decision).contains("&lt;script&gt;alert(1)"), "it is shown, as text");
    let mut pages = vec![decision];
    for path in [
        "/console".to_owned(),
        "/console/decisions".to_owned(),
        format!("/console/decisions?text={escaped}&team={escaped}&since={escaped}"),
        format!("/console/decisions/{escaped}"),
        format!("/console/instances/{escaped}"),
        format!("/console/quota?scope={escaped}"),
        format!("/console/quota/holders?scope={escaped}&resource=instances"),
        format!("/console/policy?done={escaped}"),
        format!("/console/keys/{escaped}"),
        format!("/console/keys?text={escaped}&team={escaped}&state={escaped}&ends={escaped}&from={escaped}"),
        format!("/console/keys/new?team={escaped}"),
        format!("/console/teams/{escaped}"),
        format!("/console/{escaped}"),
    ] {
        pages.push(otto.get(&path));
    }
    let fields = [("action", HOSTILE), ("team", HOSTILE), ("text", HOSTILE)];
    pages.push(otto.submit("/console/playground", "/console/playground", &fields));
    let body = json!({ "zoneId": HOSTILE, HOSTILE: 1 }).to_string();
    let fields = [("action", "vm CreateInstances"), ("team", HOSTILE), ("text", body.as_str())];
    pages.push(otto.submit("/console/playground", "/console/playground", &fields));
    pages.push(anyone(&world).get(&format!("/console/login?to={escaped}")));
    for page in pages {
        let text = text(&page);
        for bad in ["<script>alert", "<img", "javascript:"] {
            assert!(!text.contains(bad), "{bad}: {text}");
        }
    }
}

#[test]
fn decisions_are_listed_filtered_and_shown_in_full() {
    let world = World::with(setup());
    let made = world.send(&create(json!({ "instanceName": "web-1", "password": "Secret-Passw0rd" })));
    let instance = made.instance_ids().remove(0);
    world.send(&create(json!({ "zoneId": "MOON-A", "instanceName": "nope" })));
    let mut vera = with(&world, VERA);
    let list = eventually("both decisions", || {
        let page = text(&vera.get("/console/decisions"));
        (page.matches("/console/decisions/T").count() == 2).then_some(page)
    });
    assert!(list.contains("refused by a rule") && list.contains("allowed") && list.contains(&instance));
    let ids = |page: &str| page.matches("/console/decisions/T").count();
    for (filter, count) in [
        ("verdict=refused", 1),
        ("verdict=allowed", 1),
        ("outcome=denied*", 1),
        ("team=payments", 2),
        ("team=web", 0),
        ("key=ZGpayments01", 2),
        ("key=ZGnobody01", 0),
        ("action=vm+CreateInstances", 2),
        ("rule=zones", 1),
        ("text=web-1", 1),
        ("since=1h", 2),
        ("until=2020-01-01", 0),
    ] {
        let page = text(&vera.get(&format!("/console/decisions?{filter}")));
        assert_eq!(ids(&page), count, "{filter}");
    }
    let odd = vera.get("/console/decisions?since=yesteryear");
    assert_eq!(odd.status, 400);
    let id = made.header("x-zengate-decision").unwrap();
    let page = text(&vera.get(&format!("/console/decisions/{id}")));
    for part in
        [id, "What the gateway changed", "What it counted", "Where the time went", &instance, "ZGpayments01"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("Secret-Passw0rd"));
    // By the one field of every page, and back from the machine to its order.
    let found = vera.get(&format!("/console/find?id={id}"));
    assert_eq!(found.header("location"), Some(format!("/console/decisions/{id}").as_str()));
    let found = vera.get(&format!("/console/find?id={instance}"));
    let page = text(&vera.get(found.header("location").unwrap()));
    assert!(page.contains("Who created it") && page.contains("payments") && page.contains(id), "{page}");
    let held = text(&vera.get("/console/quota/holders?scope=team%2Fpayments&resource=instances"));
    assert!(held.contains(&instance) && held.contains("ZGpayments01"), "{held}");
    // Nothing newer: nothing is sent.
    let newest = list.split("data-newest=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(vera.get(&format!("/console/decisions?after={newest}")).status, 204);
    assert_eq!(vera.get("/console/decisions?after=none").status, 200);
}

#[test]
fn the_playground_judges_by_what_is_in_force_or_by_the_candidate_and_sends_nothing() {
    let world = World::with(setup());
    let mut vera = with(&world, VERA);
    let before = world.emulator.requests().len();
    let mut judge = |policy: &str, text: &str| {
        let fields =
            [("action", "vm CreateInstances"), ("team", "payments"), ("policy", policy), ("text", text)];
        let answer = vera.submit("/console/playground", "/console/playground", &fields);
        (answer.status, crate::support::browser::text(&answer))
    };
    let (status, page) = judge("live", EXAMPLE);
    assert!(status == 200 && page.contains("would pass"), "{page}");
    assert!(page.contains("What the gateway would change") && page.contains("What it would count"), "{page}");
    let two = EXAMPLE.replace("\"zoneId\":\"SEL-A\"", "\"zoneId\":\"SEL-B\",\"instanceCount\":2");
    let (status, page) = judge("live", &two);
    assert!(status == 200 && page.contains("would be refused") && page.contains("This would pass"), "{page}");
    assert!(page.contains("SEL-A"), "{page}");
    let two = EXAMPLE.replace("\"zoneId\"", "\"instanceCount\":2,\"zoneId\"");
    assert!(judge("live", &two).1.contains("would pass"));
    assert_eq!(judge("candidate", &two).0, 400, "none is staged");
    stage(&world);
    assert!(judge("candidate", &two).1.contains("would be refused"));
    let (status, page) = judge("live", "{\"zoneId\": ");
    assert!(status == 400 && page.contains("role=\"alert\""), "{page}");
    let (_, page) = judge("live", "{\"zoneID\": \"SEL-A\"}");
    assert!(page.contains("is no request of this call"), "{page}");
    let plan = json!({ "format_version": "1.2", "resource_changes": [] }).to_string();
    assert!(judge("live", &plan).1.contains("nothing to judge"));
    assert_eq!(world.emulator.requests().len(), before);
    assert!(world.gateway.records().is_empty(), "and nothing is written down");
}

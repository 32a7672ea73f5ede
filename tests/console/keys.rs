//! Keys on pages: who sees them, who orders what about them, and that a secret is on one page, once.

use serde_json::json;

use super::{HOSTILE, OTTO, VERA, audit, setup, with};
use crate::keys::{read, status, with_store};
use crate::support::browser::{Browser, hidden, text, word};
use crate::support::world::{KEY, Setup};
use crate::support::{Answer, World};

fn stored() -> Setup {
    with_store(setup(), "")
}

/// What a page hands out under this name.
pub(crate) fn handed(page: &Answer, name: &str) -> String {
    let text = text(page);
    let mark = format!("aria-labelledby=\"handed-{name}\" data-copy>");
    let (_, rest) = text.split_once(&mark).unwrap_or_else(|| panic!("no {name}: {text}"));
    rest.split('<').next().unwrap().to_owned()
}

/// Sends the form of a page as it stands there, with these fields.
fn send(browser: &mut Browser, page: &str, to: &str, fields: &[(&str, &str)]) -> Answer {
    let form = browser.get(page);
    assert_eq!(form.status, 200, "{page}: {}", text(&form));
    let own = [("word", word(&form)), ("once", hidden(&form, "once").unwrap_or_default())];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    browser.post(to, &[&own, fields].concat())
}

fn make(browser: &mut Browser, fields: &[(&str, &str)]) -> Answer {
    send(browser, "/console/keys/new", "/console/keys/new", fields)
}

#[test]
fn an_operator_makes_rotates_and_ends_keys_and_a_secret_is_on_one_page_once() {
    let world = World::with(stored());
    let mut otto = with(&world, OTTO);
    let form = otto.get("/console/keys/new");
    let fields = [
        ("word", word(&form)),
        ("once", hidden(&form, "once").unwrap()),
        ("team", " payments ".to_owned()),
        ("owner", "ada@example.com".to_owned()),
        ("purpose", "Terraform in CI".to_owned()),
        ("actions", "vm *\r\nzec Describe*\r\n".to_owned()),
        ("sources", "127.0.0.0/8".to_owned()),
        ("labels", "env=prod".to_owned()),
        ("expires", "5d".to_owned()),
        ("credentials", "both".to_owned()),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let made = otto.post("/console/keys/new", &fields);
    assert_eq!((made.status, made.header("cache-control")), (200, Some("no-store")), "{}", text(&made));
    let (id, first) = (handed(&made, "id"), handed(&made, "secret"));
    let token = handed(&made, "token");
    assert_eq!(status(&world.gateway, &id, &first), 200);
    assert_eq!(world.send(&read().bearer(&token)).status, 200);
    // Loading that page again sends its form again, which makes no second key.
    let again = otto.post("/console/keys/new", &fields);
    assert!(again.status == 409 && text(&again).contains("sent before"), "{}", text(&again));
    let mut without = fields.to_vec();
    without.remove(1);
    assert_eq!(otto.post("/console/keys/new", &without).status, 409, "a form has its number");

    let key = format!("/console/keys/{id}");
    let list = text(&otto.get("/console/keys?team=payments&kept=store"));
    for part in
        [&id, "Terraform in CI", "ada@example.com", "zec Describe*", "127.0.0.0/8", "ends soon", "active"]
    {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert_eq!(list.matches(&format!("href=\"{key}\"")).count(), 1, "one key was made");
    let refused = send(&mut otto, &key, &format!("{key}/rotate"), &[("grace", "a while")]);
    assert!(refused.status == 400 && text(&refused).contains("no length of time"), "{}", text(&refused));
    let rotated = send(&mut otto, &key, &format!("{key}/rotate"), &[("grace", "1h"), ("expires", "never")]);
    let second = handed(&rotated, "secret");
    assert!(text(&rotated).contains("The old secret goes on until"), "{}", text(&rotated));
    for secret in [&first, &second] {
        assert_eq!(status(&world.gateway, &id, secret), 200);
    }
    assert!(text(&otto.get(&key)).contains("old secret until"));
    let early = send(&mut otto, &key, &format!("{key}/rotate"), &[("grace", "1h")]);
    assert!(early.status == 409 && text(&early).contains("being rotated until"), "{}", text(&early));
    let leaked = send(&mut otto, &key, &format!("{key}/rotate"), &[("grace", "0s")]);
    let third = handed(&leaked, "secret");
    assert_eq!((status(&world.gateway, &id, &second), status(&world.gateway, &id, &third)), (401, 200));

    for (verb, counts, said) in
        [("disable", 401, "until it is enabled"), ("enable", 200, "can be used"), ("revoke", 401, "for ever")]
    {
        let done = send(&mut otto, &key, &format!("{key}/{verb}"), &[]);
        assert_eq!(done.header("location"), Some(format!("{key}?done={verb}").as_str()));
        assert!(text(&otto.get(&format!("{key}?done={verb}"))).contains(said), "{verb}");
        assert_eq!(status(&world.gateway, &id, &third), counts, "{verb}");
    }
    let sealed = send(&mut otto, "/console/keys", "/console/keys/reseal", &[]);
    assert_eq!(sealed.header("location"), Some("/console/keys?done=reseal"));
    assert!(text(&otto.get("/console/keys?done=reseal")).contains("newest seal key"));
    let over = text(&otto.get(&key));
    assert!(over.contains("Make another one") && !over.contains("Yes: "), "{over}");

    let mut shown = String::new();
    for page in ["/console", "/console/keys", "/console/teams/payments", "/console/decisions", &key] {
        shown.push_str(&text(&otto.get(page)));
    }
    let lines = audit(&world);
    shown.push_str(&json!(lines).to_string());
    shown.push_str(&world.gateway.log().join("\n"));
    for secret in [&first, &second, &third, &token] {
        assert!(secret.len() > 20 && !shown.contains(secret.as_str()), "a secret is shown twice");
    }
    let orders = lines.iter().filter(|line| line["method"] == "POST" && line["by"]["user"] == "otto");
    let orders: Vec<_> = orders.filter(|line| line["target"] != "/console/login").collect();
    let asked = |order: &str| {
        orders.iter().filter(|line| line["stage"] == "asked" && line["about"]["order"] == order).count()
    };
    let counts =
        ["key create", "key rotate", "key disable", "key enable", "key revoke", "key reseal"].map(asked);
    assert_eq!(counts, [3, 4, 1, 1, 1, 1]);
    let did = json!({ "order": "create", "id": id, "team": "payments", "state": "active" });
    assert!(orders.iter().any(|line| line["stage"] == "answered" && line["about"]["key"] == did));
}

#[test]
fn everything_that_is_wrong_with_a_form_is_told_at_once_and_nothing_typed_is_lost() {
    let world = World::with(stored());
    let mut otto = with(&world, OTTO);
    let wrong = make(
        &mut otto,
        &[
            ("team", "no team"),
            ("owner", HOSTILE),
            ("actions", "vm CreateInstance"),
            ("sources", "10.0.0.1/8"),
            ("expires", "soon"),
        ],
    );
    let page = text(&wrong);
    assert_eq!(wrong.status, 400);
    for part in [
        "is not a team",
        "did you mean",
        "bits behind its prefix",
        "says no moment",
        "role=\"alert\"",
        "Nothing was made",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.contains("value=\"no team\"") && page.contains("vm CreateInstance</textarea>"), "{page}");
    assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;alert(1)"), "{page}");
    let labels = make(&mut otto, &[("team", "payments"), ("labels", "no-value"), ("credentials", "magic")]);
    assert!(labels.status == 400 && text(&labels).contains("NAME=VALUE"), "{}", text(&labels));
    let taken = make(&mut otto, &[("team", "payments"), ("id", KEY)]);
    assert!(taken.status == 409 && text(&taken).contains("stands in the key file"), "{}", text(&taken));
    assert_eq!(otto.submit("/console/keys", "/console/keys/ZGnobody/revoke", &[]).status, 404);
    assert_eq!(otto.submit("/console/keys", "/console/keys/ZGnobody/delete", &[]).status, 404);
    assert_eq!(text(&otto.get("/console/keys?kept=store")).matches("href=\"/console/keys/ZG").count(), 0);
}

#[test]
fn a_viewer_sees_keys_and_changes_none_and_neither_does_another_site() {
    let world = World::with(stored());
    let (mut vera, mut otto) = (with(&world, VERA), with(&world, OTTO));
    let id = handed(&make(&mut otto, &[("team", "payments")]), "id");
    let key = format!("/console/keys/{id}");
    for page in ["/console/keys", &key] {
        let seen = text(&vera.get(page));
        assert!(seen.contains(&id) && seen.matches("method=\"post\"").count() == 1, "{seen}");
        assert!(!seen.contains("/console/keys/new"), "{seen}");
    }
    assert_eq!(vera.get("/console/keys/new").status, 403);
    let orders = ["new".to_owned(), "reseal".to_owned()].into_iter();
    let orders = orders.chain(["rotate", "revoke", "disable", "enable"].map(|verb| format!("{id}/{verb}")));
    let once = hidden(&otto.get("/console/keys/new"), "once").unwrap();
    let good = word(&otto.get(&key));
    for order in orders {
        let path = format!("/console/keys/{order}");
        let fields = [("team", "payments"), ("once", once.as_str())];
        assert_eq!(vera.submit("/console/keys", &path, &fields).status, 403, "{order}");
        for (name, value) in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")] {
            let mut form = otto.call("POST", &path).header(name, value);
            form.content_type = "application/x-www-form-urlencoded".to_owned();
            let form = form.body(format!("word={good}&team=payments&once={once}"));
            assert_eq!(otto.send(&form).status, 403, "{order} from {value}");
        }
        assert_eq!(otto.post(&path, &fields).status, 403, "{order} without its word");
    }
    assert!(text(&otto.get(&key)).contains("active"));
    let by_order = text(&otto.get("/console/keys?kept=store")).matches("href=\"/console/keys/ZG").count();
    assert_eq!(by_order, 1);
}

#[test]
fn without_a_store_keys_of_the_file_are_shown_and_the_way_to_one() {
    let world = World::with(setup());
    let mut otto = with(&world, OTTO);
    let list = text(&otto.get("/console/keys"));
    assert!(list.contains(KEY) && list.contains("[keys.store]") && !list.contains("/console/keys/new"));
    let key = text(&otto.get(&format!("/console/keys/{KEY}")));
    assert!(key.contains("stands in the key file") && !key.contains("Yes: "), "{key}");
    let refused = otto.submit("/console/keys", &format!("/console/keys/{KEY}/revoke"), &[]);
    assert!(refused.status == 409 && text(&refused).contains("[keys.store]"), "{}", text(&refused));
    let form = text(&otto.get("/console/keys/new"));
    assert!(form.contains("no store") && !form.contains("name=\"once\""), "{form}");
    let found = otto.get(&format!("/console/find?id={KEY}"));
    assert_eq!(found.header("location"), Some(format!("/console/keys/{KEY}").as_str()));
}

#[test]
fn filters_find_keys_and_what_people_wrote_is_never_markup() {
    let world = World::with(stored());
    let mut otto = with(&world, OTTO);
    let hostile = handed(
        &make(
            &mut otto,
            &[
                ("team", "web"),
                ("owner", HOSTILE),
                ("purpose", HOSTILE),
                ("labels", &format!("note={HOSTILE}")),
            ],
        ),
        "id",
    );
    let soon = handed(
        &make(&mut otto, &[("team", "payments"), ("purpose", "Spring sale"), ("expires", "20d")]),
        "id",
    );
    let mut found = |query: &str| {
        let page = text(&otto.get(&format!("/console/keys?{query}")));
        [KEY, &hostile, &soon].map(|id| page.contains(&format!("href=\"/console/keys/{id}\"")))
    };
    for (query, expected) in [
        ("", [true, true, true]),
        ("team=web", [false, true, false]),
        ("text=spring", [false, false, true]),
        ("kept=file", [true, false, false]),
        ("state=active", [true, true, true]),
        ("state=revoked", [false, false, false]),
        ("ends=7", [false, false, false]),
        ("ends=30", [false, false, true]),
        ("ends=never", [true, true, false]),
        ("from=2", [false, true, false]),
        ("from=-1&team=&state=", [true, true, true]),
    ] {
        assert_eq!(found(query), expected, "{query}");
    }
    for page in
        ["/console/keys".to_owned(), format!("/console/keys/{hostile}"), "/console/teams/web".to_owned()]
    {
        let page = text(&otto.get(&page));
        assert!(page.contains("&lt;script&gt;alert(1)"), "it is shown, as text: {page}");
        for bad in ["<script>alert", "<img", "javascript:"] {
            assert!(!page.contains(bad), "{bad}: {page}");
        }
    }
}

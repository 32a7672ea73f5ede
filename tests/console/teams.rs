//! A team's page: what it uses, who holds it, its keys, its exemptions, its last decisions, and that other pages lead there.

use serde_json::json;

use super::{VERA, create, setup, with};
use crate::support::browser::text;
use crate::support::world::{KEY, Setup, organisation};
use crate::support::{World, eventually};

/// A limit, and exemptions of two teams.
fn ordered() -> Setup {
    let more = "  quota:\n    limits:\n      machines: {resource: instances, per: [team], limit: 4}\n";
    let exemptions = "exemptions:\n  \
        - {rule: zones, team: payments, until: '2099-06-30', reason: Pilot, ticket: OPS-1201, owner: ada}\n  \
        - {rule: count, team: payments, until: '2020-02-01', reason: Sale, ticket: OPS-1, owner: ada}\n  \
        - {rule: names, team: web, until: '2099-06-30', reason: Other, ticket: OPS-1044, owner: grace}\n";
    Setup { organisation: format!("{}{more}{exemptions}", organisation()), ..setup() }
}

#[test]
fn a_team_has_one_page_with_everything_about_it_and_others_lead_there() {
    let world = World::with(ordered());
    let made = world.send(&create(json!({ "instanceName": "web-1", "instanceCount": 4 })));
    let machines = made.instance_ids();
    world.send(&create(json!({ "instanceName": "one-too-many" })));
    let mut vera = with(&world, VERA);
    let page = eventually("both decisions", || {
        let page = text(&vera.get("/console/teams/payments"));
        (page.matches("/console/decisions/T").count() >= 2 + machines.len()).then_some(page)
    });
    let id = made.header("x-zengate-decision").unwrap();
    for part in [
        "a quota is used up",
        "team/payments",
        "Who holds it",
        KEY,
        "OPS-1201",
        "OPS-1",
        "over quota",
        "enforced",
        "Its settings",
        id,
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for machine in &machines {
        assert!(page.contains(&format!("/console/instances/{machine}")), "{machine}: {page}");
    }
    assert!(!page.contains("OPS-1044"), "another team's");
    let link = "href=\"/console/teams/payments\"";
    for place in [
        "/console".to_owned(),
        "/console/decisions".to_owned(),
        format!("/console/decisions/{id}"),
        format!("/console/instances/{}", machines[0]),
        "/console/quota".to_owned(),
        "/console/quota/holders?scope=team%2Fpayments&resource=instances".to_owned(),
        "/console/exemptions".to_owned(),
        "/console/keys".to_owned(),
        format!("/console/keys/{KEY}"),
        "/console/teams".to_owned(),
    ] {
        assert!(text(&vera.get(&place)).contains(link), "{place}");
    }
    let found = vera.get("/console/find?id=payments");
    assert_eq!(found.header("location"), Some("/console/teams/payments"));
    // A team is one by whatever names it; a part of a name is none.
    assert!(text(&vera.get("/console/teams/web")).contains("OPS-1044"));
    for nobody in ["nobody", "pay", "pay*", "*", "payments%2Fzone", ""] {
        assert_eq!(vera.get(&format!("/console/teams/{nobody}")).status, 404, "{nobody}");
    }
}

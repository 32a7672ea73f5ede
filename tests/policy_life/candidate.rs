//! A candidate in shadow, from its stage to its promotion, and the way back.

use super::{creates, done, policy, refused, status, status_with};
use crate::support::world::{Setup, organisation};
use crate::support::{World, eventually};

fn world() -> World {
    let config = "[policy]\ndata = [\"organisation.yaml\"]\npoll_interval = \"50ms\"\nkeep = \"kept\"\n";
    World::with(Setup { config: config.to_owned(), ..Setup::default() })
}

/// The usual organisation with another maximum.
fn next(world: &World, most: u32) -> String {
    let text = organisation().replace("maximum: 10", &format!("maximum: {most}"));
    assert_ne!(text, organisation());
    world.gateway.write("next.yaml", &text);
    world.gateway.directory().join("next.yaml").display().to_string()
}

#[test]
fn a_candidate_judges_what_is_decided_and_changes_nothing() {
    let world = world();
    assert!(refused(&world, &["promote"]).contains("no candidate is staged"));
    done(&world, &["stage", "--data", &next(&world, 1)]);
    assert_eq!((creates(&world, 1), creates(&world, 2), creates(&world, 11)), (200, 200, 403));
    let seen =
        status_with(&world, "three comparisons", |status| status["candidate"]["compared"]["judged"] == 3);
    let compared = &seen["candidate"]["compared"];
    assert_eq!(
        (&compared["same"], &compared["flips"]["allowed -> refused"]["by_rule"]["count"]),
        (&2.into(), &1.into())
    );
    let metric =
        "zengate_candidate_differences_total{kind=\"would_be_refused\",rule=\"count\",team=\"payments\"}";
    assert_eq!(world.gateway.metric(metric), 1.0);
    assert!(world.gateway.logged("would decide differently").contains("payments"));
    let text = done(&world, &["status"]);
    assert!(text.contains("3 decisions compared, 2 the same"), "{text}");
    done(&world, &["unstage"]);
    assert_eq!(status(&world)["candidate"], serde_json::Value::Null);
}

#[test]
fn a_candidate_that_is_bad_is_not_staged() {
    let world = world();
    world.gateway.write("next.yaml", "settings:\n  cuont: {maximum: 1}\n");
    let path = world.gateway.directory().join("next.yaml");
    let why = refused(&world, &["stage", "--data", path.to_str().unwrap()]);
    assert!(why.contains("next.yaml") && why.contains("did you mean `count`"), "{why}");
    assert_eq!(policy(&world, &["stage", "nowhere"]).status.code(), Some(2));
}

#[test]
fn the_death_of_a_candidate_is_a_metric_and_nothing_else() {
    let world = world();
    done(&world, &["stage", "--data", &next(&world, 1)]);
    assert_eq!(creates(&world, 1), 200);
    status_with(&world, "a comparison", |status| status["candidate"]["compared"]["judged"] == 1);
    world.gateway.kill_children();
    assert_eq!(creates(&world, 2), 200);
    eventually("the death is counted", || {
        (world.gateway.metric("zengate_candidate_deaths_total") == 1.0).then_some(())
    });
    // Another process takes its place; what came between the two is dropped, and counted.
    let judged = |status: &serde_json::Value| status["candidate"]["compared"]["judged"].as_u64().unwrap();
    eventually("it judges again", || {
        assert_eq!(creates(&world, 1), 200);
        (judged(&status(&world)) > 1).then_some(())
    });
    assert!(world.gateway.metric("zengate_candidate_records_total{result=\"dropped\"}") >= 1.0);
}

#[test]
fn a_promotion_outlives_a_restart_and_a_rollback_takes_it_back() {
    let mut world = world();
    let first = status(&world)["revision"].clone();
    done(&world, &["stage", "--data", &next(&world, 1)]);
    done(&world, &["promote"]);
    assert_eq!((creates(&world, 1), creates(&world, 2)), (200, 403));
    let promoted = status(&world);
    assert_eq!((&promoted["previous"], &promoted["set_aside"]), (&first, &first));
    world.gateway.kill_and_restart();
    assert_eq!(status(&world)["revision"], promoted["revision"]);
    assert_eq!(creates(&world, 2), 403);
    done(&world, &["rollback"]);
    assert_eq!((status(&world)["revision"].clone(), creates(&world, 2)), (first, 200));
    // Another content of the source is an order of its own.
    world.gateway.write("organisation.yaml", &organisation().replace("maximum: 10", "maximum: 3"));
    eventually("the source counts again", || (creates(&world, 4) == 403).then_some(()));
    assert_eq!(creates(&world, 3), 200);
    // What cannot be read any more does not keep it from starting.
    world.gateway.write("organisation.yaml", "settings: [");
    world.gateway.kill_and_restart();
    assert_eq!((creates(&world, 3), creates(&world, 4)), (200, 403));
    assert!(status(&world)["refused"].as_str().unwrap().contains("organisation.yaml"));
}

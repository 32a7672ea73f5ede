use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::*;

fn plan(store: Place) -> Plan {
    Plan { store, keep: Duration::from_secs(3600), most: 1 << 30 }
}

struct Open {
    history: History,
    feed: Feed,
    writer: Option<Writer>,
    metrics: Arc<Metrics>,
}

fn opened(plan: &Plan) -> Open {
    opened_at(plan, Clock::system())
}

fn opened_at(plan: &Plan, clock: Clock) -> Open {
    let metrics = Metrics::new().unwrap();
    let (history, feed, writer) = open(plan, Arc::clone(&metrics), clock).unwrap();
    Open { history, feed: feed.unwrap(), writer: Some(writer), metrics }
}

impl Open {
    fn end(mut self) {
        drop((self.feed, self.history));
        self.writer.take().unwrap().finish();
    }
}

fn id(number: u64) -> String {
    let at = Clock::system().since_epoch().as_secs();
    let uuid = uuid::Uuid::new_v7(uuid::Timestamp::from_unix(
        uuid::NoContext,
        at,
        u32::try_from(number).unwrap() * 1_000_000,
    ));
    crate::record::decision_id(&uuid)
}

fn line(id: &str, team: &str, outcome: &str, more: Value) -> String {
    let mut record = json!({
        "decision_id": id, "timestamp": "2026-01-01T00:00:00Z", "caller": {"team": team, "key": format!("K{team}")},
        "action": {"service": "vm", "name": "CreateInstances", "kind": "create"}, "outcome": outcome,
        "verdict": "allowed", "findings": [{"rule": "zones"}], "changes": [{"rule": "tags"}],
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record.to_string()
}

fn wait<T>(mut ready: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = ready() {
            return found;
        }
        assert!(Instant::now() < end, "it never happened");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

fn kept(open: &Open, number: u64) {
    wait(|| open.metrics.history().is_kept(number).then_some(()));
}

async fn ids(history: &History, filter: Filter) -> Vec<String> {
    let page = history.list(&filter, 100).await.unwrap();
    page.records.iter().map(|record| record["decision_id"].as_str().unwrap().to_owned()).collect()
}

/// The same questions of every store.
async fn questions(open: &Open) {
    let all: Vec<String> = (0..5).map(id).collect();
    let created = json!({"upstream": {"instance_ids": ["ins-1", "ins-2"], "fate": "ran"}});
    open.feed.line(line(&all[0], "a", "ok", created));
    open.feed.line(line(
        &all[1],
        "a",
        "denied_policy",
        json!({"verdict": "refused", "refusal": "50% of It_"}),
    ));
    open.feed.line(line(&all[2], "b", "denied_quota", json!({"findings": []})));
    let change = json!({
        "action": {"service": "vm", "name": "StopInstance", "kind": "change"}, "targets": [{"id": "ins-2", "team": "a"}],
        "upstream": {"fate": "ran", "instance_ids": []},
    });
    open.feed.line(line(&all[3], "b", "ok", change));
    open.feed.line(line(&all[4], "a", "unknown", json!({})));
    kept(open, 5);
    let history = &open.history;
    let newest_first = |places: &[usize]| places.iter().map(|place| all[*place].clone()).collect::<Vec<_>>();
    let text = |text: &str| Some(text.to_owned());
    let none = Filter::default;
    for (filter, expected) in [
        (none(), &[4, 3, 2, 1, 0][..]),
        (Filter { team: text("a"), ..none() }, &[4, 1, 0]),
        (Filter { key: text("Kb"), ..none() }, &[3, 2]),
        (Filter { action: text("StopInstance"), service: text("vm"), ..none() }, &[3]),
        (Filter { outcome: text("denied*"), ..none() }, &[2, 1]),
        (Filter { outcome: text("denied"), ..none() }, &[]),
        (Filter { verdict: text("refused"), ..none() }, &[1]),
        (Filter { rule: text("zones"), team: text("a"), ..none() }, &[4, 1, 0]),
        (Filter { rule: text("zone"), ..none() }, &[]),
        (Filter { instance: text("ins-2"), ..none() }, &[3, 0]),
        (Filter { text: text("50% OF it_"), ..none() }, &[1]),
        (Filter { text: text("50%of"), ..none() }, &[]),
        (Filter { before: Some(all[3].clone()), ..none() }, &[2, 1, 0]),
        (Filter { until: moment("1h", &Clock::system()).ok(), ..none() }, &[]),
        (Filter { since: moment("1h", &Clock::system()).ok(), team: text("b"), ..none() }, &[3, 2]),
    ] {
        assert_eq!(ids(history, filter.clone()).await, newest_first(expected), "{filter:?}");
    }
    // Pages.
    let first = history.list(&none(), 2).await.unwrap();
    assert_eq!(first.next.as_ref(), Some(&all[3]));
    assert_eq!(ids(history, Filter { before: first.next, ..none() }).await, newest_first(&[2, 1, 0]));
    // What comes later, from a place.
    let place = history.newest().await.unwrap();
    let later = id(5);
    let older = all[0].replace(all[0].get(1..9).unwrap(), "00000000"); // arrived long ago, ended only now
    open.feed.line(line(&later, "a", "ok", json!({})));
    open.feed.line(line(&older, "a", "ok", json!({})));
    kept(open, 7);
    let page = history.list(&Filter { after: Some(place), ..none() }, 10).await.unwrap();
    let found: Vec<&str> =
        page.records.iter().map(|record| record["decision_id"].as_str().unwrap()).collect();
    assert_eq!(found, [&later, &older]);
    let place = page.next.unwrap().parse().unwrap();
    let page = history.list(&Filter { after: Some(place), ..none() }, 10).await.unwrap();
    assert!(page.records.is_empty() && page.next == Some(place.to_string()));
    // One, and an instance.
    assert_eq!(history.decision(&all[2].to_lowercase()).await.unwrap().unwrap()["caller"]["team"], "b");
    assert_eq!(history.decision("nonsense").await.unwrap(), None);
    let hows = |touches: Vec<Touch>| touches.into_iter().map(|touch| touch.how).collect::<Vec<_>>();
    assert_eq!(hows(history.of_instance("ins-2").await.unwrap()), ["created", "changed"]);
    assert!(history.of_instance("ins-9").await.unwrap().is_empty());
    history.settled(&crate::record::parse_decision_id(&all[4]).unwrap(), &["ins-9".into()]);
    open.feed.line(line(&id(6), "a", "ok", json!({})));
    kept(open, 8);
    let settled = wait_for(history, "ins-9").await;
    assert_eq!(
        (hows(settled.clone()), &settled[0].record["decision_id"]),
        (vec!["created".to_owned()], &json!(all[4]))
    );
}

async fn wait_for(history: &History, instance: &str) -> Vec<Touch> {
    for _ in 0..10_000 {
        let found = history.of_instance(instance).await.unwrap();
        if !found.is_empty() {
            return found;
        }
        tokio::task::yield_now().await;
    }
    panic!("never found");
}

#[tokio::test]
async fn memory_answers() {
    questions(&opened(&plan(Place::Memory))).await;
}

#[tokio::test]
async fn a_file_answers_and_goes_on_after_a_restart() {
    let at = TempDir::new().unwrap();
    let plan = plan(Place::Sqlite(at.path().join("history.db")));
    let first = opened(&plan);
    questions(&first).await;
    first.end();
    let again = opened(&plan);
    // All but the one whose moment is long past: it goes with the first sweep.
    wait(|| (again.history.size().records == 7 && again.history.away().is_none()).then_some(()));
    assert_eq!(again.history.of_instance("ins-1").await.unwrap().len(), 1);
    assert_eq!(ids(&again.history, Filter::default()).await.len(), 7);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(at.path().join("history.db")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    again.end();
}

#[tokio::test]
async fn the_old_and_the_too_many_go() {
    let at = TempDir::new().unwrap();
    let mut plan = plan(Place::Sqlite(at.path().join("history.db")));
    let first = opened(&plan);
    for number in 0..40 {
        first.feed.line(line(
            &id(number),
            "a",
            "ok",
            json!({"upstream": {"instance_ids": [format!("i{number}")]}}),
        ));
    }
    kept(&first, 40);
    first.end();
    plan.most = 4_000; // some ten of them
    let less = opened(&plan);
    let size = wait(|| Some(less.history.size()).filter(|size| size.bytes > 0 && size.bytes <= 4_000));
    assert!(size.records < 40 && size.records > 2, "{size:?}");
    assert!(less.history.of_instance("i0").await.unwrap().is_empty());
    assert_eq!(less.history.of_instance("i39").await.unwrap().len(), 1);
    less.end();
    let later = Clock::manual(Clock::system().since_epoch().as_secs() + 7200);
    let none = opened_at(&plan, later);
    wait(|| (none.history.size() == Size::default() && none.metrics.history().is_up()).then_some(()));
    none.end();
}

async fn away(path: &Path, expected: &str) {
    let open = opened(&plan(Place::Sqlite(path.to_owned())));
    let why = wait(|| open.history.away().filter(|why| why != OPENING));
    assert!(why.contains(expected), "{why}");
    // What is new is shown all the same.
    open.feed.line(line(&id(1), "a", "ok", json!({"upstream": {"instance_ids": ["ins-1"]}})));
    wait(|| open.history.0.state.recent.one(&id_of(&open)).is_some().then_some(()));
    let page = open.history.list(&Filter::default(), 10).await.unwrap();
    assert_eq!((page.records.len(), page.partial.is_some()), (1, true));
    assert!(open.history.newest().await.is_err());
    open.end();
}

fn id_of(open: &Open) -> String {
    let found = open.history.0.state.recent.list(&Filter::default(), 1);
    found
        .first()
        .and_then(|found| read(&found.body)?["decision_id"].as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_and_left_alone() {
    let at = TempDir::new().unwrap();
    let path = at.path().join("history.db");
    std::fs::write(&path, "this is no database, and longer than a header of one is, which has a hundred bytes of its own and more").unwrap();
    away(&path, "damaged or not a history").await;
    std::fs::remove_file(&path).unwrap();
    let foreign = rusqlite::Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    away(&path, "another program").await;
    foreign.execute_batch("PRAGMA application_id = 1516596808; PRAGMA user_version = 2").unwrap();
    away(&path, "newer zengate (version 2").await;
    let tables: i64 = foreign.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1, "it was not touched");
    away(at.path(), "is not a file").await;
    away(&at.path().join("no/such/history.db"), "cannot be made").await;
}

#[test]
fn nobody_waits_for_a_history_that_is_behind() {
    let at = TempDir::new().unwrap();
    let open = opened(&plan(Place::Sqlite(at.path().join("no/such/file.db"))));
    wait(|| open.history.away().filter(|why| why != OPENING));
    for number in 0..(MOST_WAITING * 3) as u64 {
        open.feed.line(line(&id(number % 4000), "a", "ok", json!({})));
    }
    wait(|| open.metrics.history().is_dropped(1).then_some(()));
    open.end();
}

//! The store by itself: what is written, by whom it can be read, and what happens to it on the way.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::config::secret_ref::sealed::SealKey;
use crate::keys::{Keys, State};

const NOW: u64 = 1_800_000_000;

struct Place {
    directory: TempDir,
    seal: Secret,
    clock: Clock,
}

impl Place {
    fn new() -> Self {
        let seal = SealKey::generate().unwrap();
        Self { directory: TempDir::new().unwrap(), seal, clock: Clock::manual(NOW) }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("keys.db")
    }

    fn open_with(&self, seal: &Secret, older: &[&Secret]) -> Result<KeyStore, StoreError> {
        let accounts: Accounts = [("main".to_owned(), Default::default())].into_iter().collect();
        let place = super::Place::File(self.path());
        KeyStore::open(&place, (seal, older.iter().copied()), accounts, self.clock.clone())
    }

    fn open(&self) -> Keys {
        Keys::new(None, Some(self.open_with(&self.seal, &[]).unwrap()))
    }

    fn order(&self, keys: &Keys, order: &Order) -> Result<crate::keys::Done, OrderError> {
        keys.order(order, self.clock.timestamp())
    }

    fn create(&self, keys: &Keys, team: &str) -> crate::keys::Done {
        let new = NewKey { team: team.to_owned(), ..NewKey::default() };
        self.order(keys, &Order::Create(Box::new(new))).unwrap()
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.path()).unwrap().execute_batch(sql).unwrap();
    }
}

fn rotate(id: &str, grace: &str) -> Order {
    Order::Rotate { id: id.to_owned(), grace: Some(grace.to_owned()), expires: None }
}

fn live(keys: &Keys, id: &str, place: &Place) -> Vec<String> {
    let ring = keys.current();
    let key = ring.by_id(id).unwrap();
    key.secrets_at(place.clock.timestamp()).map(|secret| secret.expose().to_owned()).collect()
}

#[test]
fn what_is_ordered_is_there_after_a_restart_and_only_its_owner_can_read_the_file() {
    let place = Place::new();
    let keys = Arc::new(place.open());
    let made = place.create(&keys, "payments");
    let (id, first) = (made.key.id.clone(), made.secret.unwrap());
    assert_eq!(std::fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let second = place.order(&keys, &rotate(&id, "1h")).unwrap();
    assert_eq!(second.key.state, State::Rotating);
    let second = second.secret.unwrap();
    for again in [false, true] {
        let keys = if again { Arc::new(place.open()) } else { Arc::clone(&keys) };
        assert_eq!(live(&keys, &id, &place), [second.expose(), first.expose()], "{again}");
    }
    place.clock.advance(std::time::Duration::from_secs(3600));
    let keys = place.open();
    assert_eq!(live(&keys, &id, &place), [second.expose()]);
    assert_eq!(keys.list(place.clock.timestamp())[0].state, State::Active);
    place.order(&keys, &Order::Revoke(id.clone())).unwrap();
    let keys = place.open();
    assert!(keys.current().by_id(&id).unwrap().revoked);
    for order in [rotate(&id, "1h"), Order::Enable(id.clone())] {
        assert!(matches!(place.order(&keys, &order), Err(OrderError::Conflict(_))), "{order:?}");
    }
    place.order(&keys, &Order::Revoke(id)).unwrap();
}

#[test]
fn a_second_rotation_waits_or_ends_the_old_secrets_now() {
    let place = Place::new();
    let keys = place.open();
    let id = place.create(&keys, "a").key.id;
    place.order(&keys, &rotate(&id, "24h")).unwrap();
    let early = place.order(&keys, &rotate(&id, "24h")).unwrap_err();
    assert!(early.to_string().contains("being rotated until"), "{early}");
    let now = place.order(&keys, &rotate(&id, "0s")).unwrap();
    assert_eq!(live(&keys, &id, &place), [now.secret.unwrap().expose()]);
    for grace in ["91d", "soon"] {
        assert!(matches!(place.order(&keys, &rotate(&id, grace)), Err(OrderError::Mistaken(_))), "{grace}");
    }
}

#[test]
fn the_wrong_seal_key_opens_nothing_and_an_older_one_opens_until_it_is_sealed_anew() {
    let place = Place::new();
    let id = place.create(&place.open(), "a").key.id;
    let new = SealKey::generate().unwrap();
    let error = place.open_with(&new, &[]).unwrap_err().to_string();
    assert!(error.contains(&id) && error.contains("keys.store.old_seals"), "{error}");
    let keys = Keys::new(None, Some(place.open_with(&new, &[&place.seal]).unwrap()));
    assert_eq!(keys.reseal(), Ok(1));
    assert_eq!(keys.reseal(), Ok(0));
    assert!(place.open_with(&place.seal, &[]).is_err());
    let keys = Keys::new(None, Some(place.open_with(&new, &[]).unwrap()));
    assert!(keys.current().by_id(&id).is_some());
}

#[test]
fn a_row_that_somebody_else_wrote_is_refused_and_the_keys_stay() {
    for meddled in [
        "UPDATE key SET sealed = (SELECT sealed FROM key WHERE id = 'ZGsecond') WHERE id = 'ZGfirst'",
        "UPDATE key SET sealed = 'zgk1.AAAA' WHERE id = 'ZGfirst'",
        "UPDATE key SET revision = revision + 7 WHERE id = 'ZGfirst'; UPDATE head SET revision = revision + 7",
        "UPDATE key SET id = 'ZGother' WHERE id = 'ZGfirst'",
    ] {
        let place = Place::new();
        let keys = place.open();
        for id in ["ZGfirst", "ZGsecond"] {
            let new = NewKey { id: Some(id.to_owned()), team: "a".to_owned(), ..NewKey::default() };
            place.order(&keys, &Order::Create(Box::new(new))).unwrap();
        }
        place.sql(meddled);
        place.sql("UPDATE head SET revision = revision + 1");
        let error = place.open_with(&place.seal, &[]).unwrap_err().to_string();
        assert!(error.contains("damaged or was put there by something else"), "{meddled}: {error}");
        keys.poll_store();
        assert_eq!(keys.current().len(), 2, "{meddled}");
    }
}

#[test]
fn a_store_that_is_gone_keeps_its_keys_and_takes_no_order() {
    let place = Place::new();
    let keys = place.open();
    let id = place.create(&keys, "a").key.id;
    let away = place.directory.path().join("elsewhere.db");
    std::fs::rename(place.path(), &away).unwrap();
    assert!(matches!(keys.poll_store(), Look::Kept(why) if why.contains("is gone")));
    std::fs::create_dir(place.path()).unwrap();
    assert!(matches!(keys.poll_store(), Look::Kept(why) if why.contains("is not a file")));
    assert!(matches!(place.order(&keys, &Order::Revoke(id.clone())), Err(OrderError::Away(_))));
    assert!(keys.current().by_id(&id).is_some() && keys.store_away().is_some());
    std::fs::remove_dir(place.path()).unwrap();
    std::fs::rename(&away, place.path()).unwrap();
    assert_eq!(keys.poll_store(), Look::Read);
    assert_eq!(keys.poll_store(), Look::Unchanged);
    place.order(&keys, &Order::Revoke(id)).unwrap();
    assert!(keys.store_away().is_none());
}

#[test]
fn what_is_no_key_store_is_named_and_not_touched() {
    let refused = |place: &Place| place.open_with(&place.seal, &[]).unwrap_err().to_string();
    let put = |place: &Place, text: &[u8]| std::fs::write(place.path(), text).unwrap();
    let place = Place::new();
    put(&place, b"");
    assert!(refused(&place).contains("is empty"));
    put(&place, &[b'x'; 4096]);
    assert!(refused(&place).contains("no key store"));
    std::fs::remove_file(place.path()).unwrap();
    place.sql("CREATE TABLE other (x)");
    assert!(refused(&place).contains("another program"));
    std::fs::remove_file(place.path()).unwrap();
    place.open();
    place.sql("PRAGMA user_version = 2");
    assert!(refused(&place).contains("newer zengate"));
    std::fs::remove_file(place.path()).unwrap();
    let journal = Path::new(&format!("{}-journal", place.path().display())).to_owned();
    std::fs::write(journal, b"x").unwrap();
    assert!(refused(&place).contains("still there"));
}

#[test]
fn two_processes_on_one_file_see_what_the_other_wrote_and_undo_nothing() {
    let place = Place::new();
    let (one, other) = (place.open(), place.open());
    let id = place.create(&one, "a").key.id;
    assert_eq!(other.poll_store(), Look::Read);
    place.order(&other, &Order::Disable(id.clone())).unwrap();
    // The first has not looked since.
    let rotated = place.order(&one, &rotate(&id, "1h")).unwrap();
    assert_eq!(rotated.key.state, State::Disabled);
    let made = place.create(&other, "b").key.id;
    assert_eq!(one.poll_store(), Look::Read);
    assert!(one.current().by_id(&made).is_some());
}

#[test]
fn a_record_of_a_newer_version_is_not_half_understood() {
    let place = Place::new();
    let keys = place.open();
    let record = keys_record();
    let mut newer = serde_json::to_value(&record).unwrap();
    newer["only_on_sundays"] = true.into();
    let said = Record::read(newer.to_string().as_bytes()).unwrap_err();
    assert!(said.contains("newer zengate"), "{said}");
    assert_eq!(Record::read(&record.write().unwrap()).unwrap(), record);
    assert!(!format!("{record:?}").contains("s-e-c-r-e-t"));
    assert!(keys.current().is_empty());
}

fn keys_record() -> Record {
    serde_json::from_value(serde_json::json!({
        "team": "a", "enabled": true, "created": "2027-01-01T00:00:00Z", "secrets": [{"secret": "s-e-c-r-e-t"}],
    }))
    .unwrap()
}

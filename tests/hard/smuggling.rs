//! Request smuggling: whatever two readers could take for different requests is no request here, and what stands around
//! it on the connection gets its own answer or none.

pub(super) mod forms;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use zengate::emulator;

use crate::support::client::connect;
use crate::support::world::{Setup, organisation};
use crate::support::{Call, World};
use forms::Form;

/// Stands in every request that hides in another one.
pub const CANARY: &str = "canary-that-must-not-fly";

/// Streams at a time.
const AT_ONCE: usize = 32;

/// Where an honest request stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    Alone,
    /// The honest one is answered first, on the same connection.
    Behind,
    /// The honest one is sent together with the form, behind it.
    Before,
}

/// No stream keeps its connection open for longer without a byte; the gateway's own limits here are 400 ms.
const LONGEST: Duration = Duration::from_secs(10);

/// What the process may take for all that comes, in MiB.
const MOST_MEMORY: u64 = 16;
/// What the ledger keeps of a machine that was made and of the order for it, in KiB.
const KEPT_OF_A_MACHINE: u64 = 2;

/// The forms of this run: one in five, spread over all of them, others each time (`ZENGATE_SEED` repeats a run); all by
/// `ZENGATE_FORMS=all`.
fn sampled(seed: usize) -> Vec<Form> {
    let all = forms::all();
    assert!(all.len() >= 2_000, "{} forms", all.len());
    let names: BTreeSet<&str> = all.iter().map(|form| form.name.as_str()).collect();
    assert_eq!(names.len(), all.len(), "two forms with one name");
    match std::env::var("ZENGATE_FORMS").as_deref() {
        Ok("all") => all,
        _ => all.into_iter().skip(seed % 5).step_by(5).collect(),
    }
}

fn seed() -> usize {
    let now = || std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    std::env::var("ZENGATE_SEED").ok().map_or_else(|| now() as usize, |text| text.parse().unwrap())
}

/// An honest create whose machine can be told from all others.
pub(super) fn honest(name: &str) -> Call {
    let body = json!({
        "zoneId": "SEL-A", "instanceType": "c.1c2g", "imageId": "img-yKK4q6XybymPgfx7ynUUqC3N8", "instanceName": name,
        "instanceChargeType": "POSTPAID", "internetChargeType": "ByBandwidth",
    });
    Call::new("vm", "CreateInstances").json(&body)
}

/// The answers in a stream, in order; what follows the last whole one is dropped.
fn answers(mut bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut found = Vec::new();
    loop {
        let mut storage = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut storage);
        let Ok(httparse::Status::Complete(length)) = head.parse(bytes) else { return found };
        let status = head.code.unwrap();
        let of = |name: &str| head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        let size = of("content-length")
            .map_or(0, |header| std::str::from_utf8(header.value).unwrap().parse().unwrap());
        assert!(of("transfer-encoding").is_none() || status == 200, "a refusal is framed by its length");
        let Some(body) = bytes.get(length..length + size) else { return found };
        found.push((status, body.to_vec()));
        bytes = &bytes[length + size..];
    }
}

/// Runs one stream and gives the names of honest requests with the machine each was told of.
fn run(address: SocketAddr, form: &Form, place: Place, name: &str) -> Vec<(String, String)> {
    let mut connection = connect(address);
    connection.set_read_timeout(Some(LONGEST)).unwrap();
    let mut stream = form.bytes.clone();
    let mut received = Vec::new();
    let mut piece = [0; 4096];
    let call = honest(name).bytes(address);
    match place {
        Place::Alone => {}
        Place::Before => stream.extend_from_slice(&call),
        Place::Behind => {
            connection.write_all(&call).unwrap();
            while answers(&received).is_empty() {
                let count = connection.read(&mut piece).unwrap();
                assert!(count > 0, "the honest request in front is answered");
                received.extend_from_slice(&piece[..count]);
            }
        }
    }
    // The refusal may come, and the connection close, before all of it is written.
    let _ = connection.write_all(&stream);
    loop {
        match connection.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => received.extend_from_slice(&piece[..count]),
            Err(error) => {
                let open = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(!open, "{} {place:?}: still open after {LONGEST:?}", form.name);
                break;
            }
        }
    }
    let received = answers(&received);
    for (status, body) in received.iter().filter(|(status, _)| *status >= 400) {
        let body: serde_json::Value = serde_json::from_slice(body)
            .unwrap_or_else(|error| panic!("{}, {place:?}: {status} without words: {error}", form.name));
        assert!(["requestId", "code", "message"].iter().all(|name| body[name].is_string()), "{body}");
    }
    let told = received.into_iter().filter(|(status, _)| *status == 200);
    let ids = told.filter_map(|(_, body)| {
        let body: serde_json::Value = serde_json::from_slice(&body).ok()?;
        Some(body["response"]["instanceIdSet"].as_array()?.first()?.as_str()?.to_owned())
    });
    ids.map(|id| (name.to_owned(), id)).collect()
}

#[test]
fn nothing_hides_in_a_request_and_no_answer_is_crossed() {
    let config = "[limits]\nhead_timeout = \"400ms\"\nbody_timeout = \"400ms\"\nidle_timeout = \"400ms\"\n\
                  [history]\nstore = \"none\"\n";
    let emulator =
        emulator::Options { instance_quota: 10_000, keep_requests: 20_000, ..Setup::default().emulator };
    let organisation = organisation().replace("maximum: 10", "maximum: 10000");
    let world = World::with(Setup { config: config.into(), organisation, emulator, ..Setup::default() });
    let seed = seed();
    println!("ZENGATE_SEED={seed}");
    let forms = sampled(seed);
    let told = Mutex::new(BTreeMap::new());
    // What the process takes when it has worked for a while.
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (told, world) = (&told, &world);
            scope.spawn(move || {
                for number in 0..4 {
                    let name = format!("first-{worker}-{number}");
                    let id = world.send(&honest(&name)).instance_ids().remove(0);
                    told.lock().unwrap().insert(id, (name, "nobody".to_owned()));
                }
            });
        }
    });
    let (before, warm) = (world.gateway.resident(), told.lock().unwrap().len());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(form) = forms.get(number) else { return };
                    for place in [Place::Alone, Place::Behind, Place::Before] {
                        let name = format!("honest-{number}-{place:?}").to_lowercase();
                        for (name, id) in run(world.address(), form, place, &name) {
                            let twice = told.lock().unwrap().insert(id, (name, form.name.clone()));
                            assert!(twice.is_none(), "one machine was told of twice");
                        }
                    }
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    // Every answer was for the one that asked.
    for instance in world.emulator.instances() {
        let (name, form) =
            told.get(&instance.id).unwrap_or_else(|| panic!("nobody was told of {}", instance.name));
        assert_eq!(*name, instance.name, "crossed by {form}");
    }
    assert_eq!(told.len(), world.emulator.instance_count(), "an answer tells of a machine that is not there");
    assert!(
        told.len() >= warm + forms.len(),
        "of {} honest ones in front {} were answered",
        forms.len(),
        told.len()
    );
    let seen = world.emulator.requests();
    for request in &seen {
        let body = String::from_utf8_lossy(&request.body);
        assert!(!body.contains(CANARY), "{} {body}", request.target);
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/api/v2/vm"));
        let names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
        let unknown: Vec<&String> = names.iter().filter(|name| !TEMPLATE.contains(&name.as_str())).collect();
        assert!(unknown.is_empty() && names.len() == BTreeSet::from_iter(&names).len(), "{names:?}");
    }
    // The gateway is as it was.
    let grown = world.gateway.resident().saturating_sub(before);
    println!("{} streams, {grown} MiB more than before", 3 * forms.len());
    let kept = u64::try_from(told.len()).unwrap() * KEPT_OF_A_MACHINE / 1024;
    assert!(grown <= MOST_MEMORY + kept, "{grown} MiB more than before, of which {kept} for machines");
    assert_eq!(world.send(&honest("the-last-one")).instance_ids().len(), 1);
    assert_eq!(world.gateway.metric("zengate_panics_total"), 0.0);
}

/// The headers of a request to the cloud, each once.
pub(super) const TEMPLATE: &[&str] = &[
    "host",
    "content-type",
    "content-length",
    "accept",
    "accept-encoding",
    "user-agent",
    "x-zc-action",
    "x-zc-version",
    "x-zc-service",
    "x-zc-timestamp",
    "x-zc-signature-method",
    "authorization",
];

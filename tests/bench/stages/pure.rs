//! The stages that are functions: no connection, no task.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use zengate::api::view::{self, Create};
use zengate::api::{Call, Kind, catalog, fields, secrets};
use zengate::json::{Object, read_object};
use zengate::metrics::{Metrics, Phase};
use zengate::policy::input::{ActionInput, ClientInput, Input, PrincipalInput};
use zengate::policy::local::Local;
use zengate::policy::verdict;
use zengate::policy::{PolicySet, patch};
use zengate::record::{
    ActionRecord, Caller, Plan, Record, Records, Target, Timings, UpstreamRecord, WhenFull, Written,
};
use zengate::refusal::{Outcome, Refusal};
use zengate::reply::{self, Facts};
use zengate::secret::Secret;
use zengate::sign::{Authorization, Canonical, PayloadHash, SigningKey, StringToSign, authorize};

use crate::answers;
use crate::fixture::{Ask, KEY, SECRET};
use crate::measure::Case;
use crate::path::World;

type Run = Box<dyn FnMut()>;

fn case(name: &'static str, make: impl Fn() -> Run + Sync + 'static) -> Case {
    Case { name, make: Box::new(make) }
}

/// The documents and inputs that the cases start from.
#[derive(Clone)]
pub struct Material {
    pub call: Call,
    pub set: Arc<PolicySet>,
    pub document: Object,
    pub create: Create,
    pub input: Input,
}

impl Material {
    /// As the path has it before `amend` (a create) or before `decide` (one that is refused).
    pub fn new(ask: Ask, set: &Arc<PolicySet>) -> Self {
        let call = Call::new(catalog::lookup("vm", ask.action()).unwrap(), Some("2026-04-01")).unwrap();
        let document = read_object(ask.body(1).as_bytes()).unwrap();
        let create = view::normalise(&call, &document).unwrap();
        let input = Input {
            action: ActionInput {
                service: "vm".into(),
                name: ask.action().into(),
                version: "2026-04-01".into(),
                kind: Kind::Create,
            },
            principal: PrincipalInput {
                key: KEY.into(),
                team: "payments".into(),
                labels: [("env".to_owned(), "prod".to_owned())].into(),
                account: "main".into(),
            },
            request: Arc::new(secrets::without_secrets(&document)),
            create: Some(create.clone()),
            targets: None,
            settings: Arc::clone(set.organisation().settings("payments")),
            client: ClientInput {
                address: "127.0.0.1".into(),
                sdk: Some("go 0.2.44".into()),
                user_agent: Some("Go-http-client/1.1".into()),
                certificate: None,
            },
            now: "2026-08-23T10:15:00Z".into(),
        };
        Self { call, set: Arc::clone(set), document, create, input }
    }
}

pub fn cases(world: &World) -> Vec<Case> {
    let good = Material::new(Ask::Create, &world.policy());
    let bad = Material::new(Ask::Refused, &world.policy());
    let mut cases = identity();
    cases.extend(documents(&good));
    cases.extend(policy(&good, &bad));
    cases.extend(ends(&good, &bad));
    cases
}

fn identity() -> Vec<Case> {
    let request = String::from_utf8(Ask::Create.request(1, "127.0.0.1:8080", 1_780_000_000)).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let (head, body) = (format!("{head}\r\n\r\n"), body.as_bytes().to_vec());
    let line = head.lines().find(|line| line.starts_with("Authorization")).unwrap();
    let authorization = line.split_once(": ").unwrap().1.to_owned();
    let signed = body.clone();
    vec![
        case("head: parse (httparse, 13 fields)", move || {
            let head = head.clone();
            Box::new(move || {
                let mut storage = [httparse::EMPTY_HEADER; 64];
                let mut parsed = httparse::Request::new(&mut storage);
                assert!(parsed.parse(black_box(head.as_bytes())).unwrap().is_complete());
            })
        }),
        case("route: action and version", || {
            Box::new(|| {
                let action = catalog::lookup(black_box("vm"), black_box("CreateInstances")).unwrap();
                black_box(Call::new(action, Some("2026-04-01")).unwrap());
            })
        }),
        case("authenticate: verify (1 KB)", move || {
            let (authorization, body) = (authorization.clone(), signed.clone());
            let key = SigningKey::new(&Secret::new(SECRET));
            Box::new(move || {
                let read = Authorization::parse(&authorization).unwrap();
                let hash = PayloadHash::of(black_box(&body));
                let canonical = Canonical::new(
                    &[("content-type", "application/json"), ("host", "127.0.0.1:8080")],
                    &hash,
                );
                assert!(key.verifies(&StringToSign::new("1780000000", &canonical), &read.signature));
            })
        }),
        case("sign: for the cloud (1 KB)", move || {
            let body = body.clone();
            let key = SigningKey::new(&Secret::new(SECRET));
            Box::new(move || {
                let hash = PayloadHash::of(black_box(&body));
                let host = "console.zenlayer.com";
                black_box(authorize(KEY, &key, "application/json", host, 1_780_000_000, &hash));
            })
        }),
    ]
}

fn documents(good: &Material) -> Vec<Case> {
    let (read, check, view, redact, write) =
        (Ask::Create.body(1), good.clone(), good.clone(), good.clone(), good.clone());
    let short = Ask::Read.body(1);
    vec![
        case("parse: strict, create of 1 KB", move || {
            let body = read.clone();
            Box::new(move || drop(black_box(read_object(black_box(body.as_bytes())).unwrap())))
        }),
        case("parse: strict, read of 90 bytes", move || {
            let body = short.clone();
            Box::new(move || drop(black_box(read_object(black_box(body.as_bytes())).unwrap())))
        }),
        case("parse: fields of the action", move || {
            let Material { call, document, .. } = check.clone();
            Box::new(move || assert!(fields::check(&call, black_box(&document), &[]).is_empty()))
        }),
        case("parse: view of the create", move || {
            let Material { call, document, .. } = view.clone();
            Box::new(move || drop(black_box(view::normalise(&call, black_box(&document)).unwrap())))
        }),
        case("redact: the body as rules see it", move || {
            let Material { document, .. } = redact.clone();
            Box::new(move || drop(black_box(secrets::without_secrets(black_box(&document)))))
        }),
        case("write: the document as bytes", move || {
            let Material { document, .. } = write.clone();
            Box::new(move || drop(black_box(black_box(&document).to_bytes())))
        }),
    ]
}

fn policy(good: &Material, bad: &Material) -> Vec<Case> {
    let decide = |material: &Material| {
        let material = material.clone();
        move || -> Run {
            let Material { set, input, .. } = material.clone();
            let mut local = Local::new(&set).unwrap();
            Box::new(move || drop(black_box(local.decide(&set, black_box(&input)).unwrap())))
        }
    };
    let (amend, apply, replay, judge) = (good.clone(), good.clone(), good.clone(), bad.clone());
    vec![
        case("policy: amend, evaluated (2 patches)", move || {
            let Material { set, input, .. } = amend.clone();
            let mut local = Local::new(&set).unwrap();
            Box::new(move || assert_eq!(local.amend(&set, black_box(&input)).unwrap().len(), 2))
        }),
        case("policy: patches applied", move || {
            let Material { set, input, document, .. } = apply.clone();
            let patches = Local::new(&set).unwrap().amend(&set, &input).unwrap();
            Box::new(move || {
                let patches = patches.clone();
                let amended = patch::apply(set.organisation(), "payments", patches, &document).unwrap();
                assert_eq!(black_box(amended).changes.len(), 2);
            })
        }),
        case("policy: decide, allowed", decide(good)),
        case("policy: decide, refused by 3 rules", decide(bad)),
        case("replay: a record read and judged again", move || {
            let Material { set, document, .. } = replay.clone();
            let line = serde_json::to_string(&record(document)).unwrap();
            let mut local = Local::new(&set).unwrap();
            Box::new(move || {
                let (asked, circumstances) = zengate::replay::reopen(black_box(&line), &[]).unwrap();
                let (_, verdict) = local.judge(&set, asked, circumstances, &[]).unwrap();
                assert!(black_box(verdict).passes());
            })
        }),
        case("policy: verdict over modes and exemptions", move || {
            let Material { set, input, .. } = judge.clone();
            let answer = Local::new(&set).unwrap().decide(&set, &input).unwrap();
            let now = zengate::clock::Clock::system().timestamp();
            Box::new(move || {
                let verdict = verdict::judge(set.organisation(), "payments", now, answer.clone());
                assert!(black_box(verdict).unwrap().refused.len() >= 3);
            })
        }),
    ]
}

fn ends(good: &Material, bad: &Material) -> Vec<Case> {
    let (refused, recorded) = (bad.clone(), good.clone());
    vec![
        case("answer: classify a create's answer (1 KB)", || {
            let body = answers::body(Ask::Create).with(b"00000001").to_vec();
            Box::new(move || {
                let facts = Facts {
                    kind: Kind::Create,
                    asked: u32::try_from(crate::fixture::INSTANCES).unwrap(),
                    status: 200,
                    challenged: false,
                    body: black_box(&body),
                };
                black_box(reply::classify(&facts));
            })
        }),
        case("refusal: message and violations", move || {
            let Material { set, input, .. } = refused.clone();
            let violations = Local::new(&set).unwrap().decide(&set, &input).unwrap().deny;
            let refusal = Refusal::Violations {
                violations,
                team: "payments".to_owned(),
                contact: None,
                fix: Vec::new(),
            };
            Box::new(move || {
                let body = (refusal.row().code, refusal.message(), refusal.violations());
                black_box(serde_json::to_vec(&body).unwrap());
            })
        }),
        case("record: serialise and hand over", move || {
            let record = record(recorded.document.clone());
            let metrics = Metrics::new().unwrap();
            let (records, writer) = Records::open(
                &plan(),
                None,
                &zengate::chain::Heads::default(),
                Arc::clone(&metrics),
                &zengate::clock::Clock::system(),
            )
            .unwrap();
            drop(writer);
            Box::new(move || records.write(black_box(record.clone())))
        }),
        case("metrics: all of one create", || {
            let metrics = Metrics::new().unwrap();
            metrics.know(|known| {
                known.teams.insert("payments".to_owned());
                known.zones.insert("SEL-A".to_owned());
            });
            Box::new(move || observe(black_box(&metrics)))
        }),
    ]
}

fn observe(metrics: &Metrics) {
    use zengate::metrics::InstanceCount::{Allowed, Asked, Created};
    let took = Duration::from_micros(120);
    let phases = [Phase::Receive, Phase::Authenticate, Phase::Parse, Phase::Amend];
    for phase in phases.into_iter().chain([Phase::Decide, Phase::Reserve, Phase::Upstream, Phase::Settle]) {
        metrics.phase(phase, took);
    }
    for stage in [Asked, Allowed, Created] {
        metrics.instances(stage, "payments", Some("SEL-A"), 30);
    }
    metrics.verdict("payments", Kind::Create, "allowed");
    metrics.patch("resource_group", "payments", "default");
    metrics.patch("security_group", "payments", "default");
    metrics.upstream("vm", Kind::Create, 200, "none");
    metrics.request(Some("vm"), Some(Kind::Create), Outcome::Ok, took);
    metrics.sizes(Some(Kind::Create), 1024, Some(1024));
    metrics.record("written");
}

fn record(request: Object) -> Record {
    Record {
        decision_id: "T0198D0C5-2D5E-7B7C-9C7D-9D2E5B1F6A01".into(),
        timestamp: "2026-08-23T10:15:00.123456789Z".into(),
        labels: zengate::record::Labels { app: "zengate", version: "0.1.0" },
        path: "zengate/main",
        requested_by: "192.0.2.1".into(),
        bundles: [("policy", zengate::record::BundleRecord { revision: "0123456789ab".into() })].into(),
        result: Some(true),
        erased: Vec::new(),
        caller: Caller {
            key: Some(KEY.into()),
            team: Some("payments".into()),
            owner: None,
            account: Some("main".into()),
            address: "127.0.0.1".into(),
            sdk: Some("go 0.2.44".into()),
            user_agent: Some("Go-http-client/1.1".into()),
            certificate: None,
            labels: Default::default(),
            gone: false,
        },
        action: ActionRecord {
            service: "vm",
            name: "CreateInstances",
            version: "2026-04-01",
            kind: "create",
        },
        body_sha256: Some("5f714687ba91c606d503467766151206392474accd137ffea6dce2420b67c29a".into()),
        sent_sha256: None,
        request: Arc::new(request),
        targets: None,
        outcome: "ok",
        policy_revision: Some("5f714687ba91".into()),
        verdict: Some("allowed"),
        findings: Written::default(),
        changes: Written::of(&[
            json!({"rule": "resource_group", "path": "/resourceGroupId", "op": "default", "after": "rg"}),
            json!({"rule": "resource_group", "path": "/resourceGroupId", "op": "default", "after": "rg"}),
        ]),
        shadow_changes: Written::default(),
        claims: Written::default(),
        joined: None,
        upstream: Some(UpstreamRecord { status: Some(200), ..UpstreamRecord::default() }),
        status: Some(200),
        refusal: None,
        timings_seconds: Timings::default(),
        dry_run: false,
        trace_id: None,
        chain: None,
    }
}

fn plan() -> Plan {
    let target = Target::File("/dev/null".into(), 0, 0);
    Plan { target, when_full: WhenFull::Drop, queue: 4096, chain_key: None, mask: Vec::new() }
}

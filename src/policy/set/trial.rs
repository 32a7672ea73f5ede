//! Trying a tree before it serves: every set of rules is asked about typical calls, in the interpreter and of the plan. What
//! fails here would fail, or worse, keep silent, on a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::api::Kind;
use crate::api::view::{Create, DataDisk};
use crate::json::{Object, Value};
use crate::policy::applying::{Applying, Specimen};
use crate::policy::check::Checked;
use crate::policy::compile::{Compiled, Entry, Scope, compile};
use crate::policy::engine::STACK_BYTES;
use crate::policy::evaluate::{Allowance, Asked, Evaluator};
use crate::policy::failure::{PolicyFailure, Reason};
use crate::policy::input::{ActionInput, CertificateInput, ClientInput, Input, PrincipalInput, TargetInput};
use crate::policy::organisation::Organisation;
use crate::policy::problem::{LoadError, Problem};

/// Generous: a trial says whether rules work, not how fast.
const ALLOWANCE: Allowance = Allowance { time: Duration::from_secs(2), instructions: 50_000_000 };

/// Compiles the sets and tries them all on a thread of its own. A rule whose plan answers differently from the interpreter is
/// left to the interpreter.
pub(super) fn tried(
    checked: &Checked,
    data: &serde_json::Value,
    sets: Vec<(Applying, Specimen)>,
    organisation: &Organisation,
) -> Result<Compiled, LoadError> {
    let mut differing = BTreeMap::new();
    loop {
        let compiled = compile(checked, data, sets.clone(), &differing)?;
        let outcome = std::thread::scope(|scope| {
            std::thread::Builder::new()
                .name("policy-trial".to_owned())
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, || all(&compiled, organisation))
                .map(|thread| thread.join())
        });
        let Outcome { problems, differ } = match outcome {
            Ok(Ok(Ok(outcome))) => outcome,
            Ok(Ok(Err(failure))) => Outcome::problem(failure.to_string()),
            Ok(Err(_)) => Outcome::problem("the rules panicked when they were tried"),
            Err(error) => Outcome::problem(format!("no thread to try them on: {error}")),
        };
        LoadError::unless_none(problems)?;
        let before = differing.len();
        let reason = "its plan answers a typical call otherwise than the interpreter";
        differing.extend(differ.into_iter().map(|rule| (rule, reason.to_owned())));
        if differing.len() == before {
            return Ok(compiled);
        }
    }
}

#[derive(Default)]
struct Outcome {
    problems: Vec<Problem>,
    /// Rules whose plan answers differently.
    differ: BTreeSet<String>,
}

impl Outcome {
    fn problem(message: impl Into<String>) -> Self {
        Self { problems: vec![Problem::of("zengate/rules", message)], differ: BTreeSet::new() }
    }
}

fn all(compiled: &Compiled, organisation: &Organisation) -> Result<Outcome, PolicyFailure> {
    let mut evaluator = Evaluator::new(compiled)?;
    let mut outcome = Outcome::default();
    for (number, group) in compiled.groups.iter().enumerate() {
        let entries = [(Entry::Amend, group.amends), (Entry::Decide, group.decides)];
        for (entry, _) in entries.into_iter().filter(|(_, used)| *used) {
            for input in samples(&group.specimen, group.create, organisation) {
                let asked = Asked { group, number, entry, input: &input, settings_last: true };
                let expected = evaluator.interpret(asked, Scope::All, ALLOWANCE);
                outcome.problems.extend(expected.as_ref().err().map(trouble));
                // what the plan does not answer here it will not answer then
                if let (Ok(expected), Ok(found)) = (expected, evaluator.planned(asked, ALLOWANCE)) {
                    outcome.differ.extend(found.differing(&expected, &group.left));
                }
            }
        }
    }
    Ok(outcome)
}

/// What is wrong with a rule that fails on a sample.
fn trouble(failure: &PolicyFailure) -> Problem {
    let rule = failure.rule.as_deref().unwrap_or("?");
    let words = match failure.reason {
        Reason::TimeLimit => "takes longer than 2 s".to_owned(),
        _ => failure.detail.clone(),
    };
    Problem::of("zengate/rules", format!("rule `{rule}` fails on a typical call: {words}"))
}

fn samples(specimen: &Specimen, creates: bool, organisation: &Organisation) -> Vec<Input> {
    let kind = if creates { Kind::Create } else { Kind::Change };
    let base = Input {
        action: ActionInput {
            service: specimen.service.clone(),
            name: specimen.action.clone(),
            version: "2023-03-13".to_owned(),
            kind,
        },
        principal: PrincipalInput {
            key: "trial".to_owned(),
            team: specimen.team.clone(),
            labels: BTreeMap::new(),
            account: "trial".to_owned(),
        },
        request: Arc::new(Object::new()),
        create: None,
        targets: None,
        settings: Arc::clone(organisation.settings(&specimen.team)),
        client: ClientInput {
            address: "192.0.2.1".to_owned(),
            sdk: None,
            user_agent: None,
            certificate: None,
        },
        now: "2026-01-01T00:00:00Z".to_owned(),
    };
    if creates {
        let create =
            |create: Create| Input { create: Some(create), request: Arc::new(request()), ..base.clone() };
        let known = Input { client: known_client(), ..create(full(1)) };
        vec![create(sparse()), known, create(full(100))]
    } else {
        let targets = |teams: &[Option<&str>]| {
            let target = |(number, team): (usize, &Option<&str>)| TargetInput {
                id: format!("instance-{number}"),
                team: team.map(str::to_owned),
            };
            Input { targets: Some(teams.iter().enumerate().map(target).collect()), ..base.clone() }
        };
        vec![targets(&[]), targets(&[Some(&specimen.team)]), targets(&[None, Some("another")])]
    }
}

/// One that says and proves everything a client can.
fn known_client() -> ClientInput {
    ClientInput {
        address: "192.0.2.1".to_owned(),
        sdk: Some("python 0.1".to_owned()),
        user_agent: Some("terraform".to_owned()),
        certificate: Some(CertificateInput {
            names: vec!["builder.example".to_owned()],
            fingerprint: "00".repeat(32),
        }),
    }
}

/// Inputs of every shape, for tests.
#[cfg(test)]
pub(in crate::policy) fn specimens() -> Vec<Input> {
    let set = crate::policy::PolicySet::load(&crate::policy::Source::Embedded, &Default::default());
    let set = set.unwrap_or_else(|error| panic!("{error}"));
    let specimen = Specimen { service: "vm".to_owned(), action: "X".to_owned(), team: "t".to_owned() };
    [true, false].iter().flat_map(|creates| samples(&specimen, *creates, set.organisation())).collect()
}

fn request() -> Object {
    [
        ("zoneId".to_owned(), Value::String("SEL-A".into())),
        ("instanceCount".to_owned(), Value::Number(1.into())),
    ]
    .into_iter()
    .collect()
}

/// As little as a create can say.
pub(super) fn sparse() -> Create {
    Create {
        count: 1,
        zone: None,
        instance_type: None,
        image: None,
        name: None,
        charge_type: None,
        prepaid_months: None,
        internet_charge_type: None,
        bandwidth_mbps: None,
        subnet: None,
        resource_group: None,
        security_group: None,
        resource_group_path: None,
        security_group_path: None,
        tags: BTreeMap::new(),
        tags_supported: false,
        tags_supported_by: None,
        key_pair: false,
        password: false,
        script: false,
        system_disk_gb: None,
        data_disks: Vec::new(),
        public_ipv4: None,
        public_ipv6: None,
        network_boot: false,
    }
}

/// As much as a create can say.
fn full(count: u32) -> Create {
    let text = |text: &str| Some(text.into());
    Create {
        count,
        zone: text("SEL-A"),
        instance_type: text("z2a.cpu.1"),
        image: text("ubuntu2204"),
        name: text("web-1"),
        charge_type: text("PREPAID"),
        prepaid_months: Some(1),
        internet_charge_type: text("ByBandwidth"),
        bandwidth_mbps: Some(10),
        subnet: text("subnet-1"),
        resource_group: text("group-1"),
        security_group: text("firewall-1"),
        resource_group_path: text("/resourceGroupId"),
        security_group_path: text("/securityGroupId"),
        tags: [("owner".into(), "web".into()), ("env".into(), "".into())].into(),
        tags_supported: true,
        tags_supported_by: None,
        key_pair: true,
        password: true,
        script: true,
        system_disk_gb: Some(40),
        data_disks: vec![
            DataDisk { size_gb: Some(100), amount: 2, category: text("SSD") },
            DataDisk { size_gb: None, amount: 1, category: None },
        ],
        public_ipv4: Some(true),
        public_ipv6: Some(false),
        network_boot: false,
    }
}

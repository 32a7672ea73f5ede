//! Trying a compiled tree before it serves: every set of rules is asked about typical calls, in the interpreter and,
//! where it has one, in its bytecode program. What fails here would fail, or worse, keep silent, on a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::api::Kind;
use crate::api::view::{Create, DataDisk};
use crate::json::{Object, Value};
use crate::policy::compile::{Compiled, Entry, Group, Machine};
use crate::policy::engine::STACK_BYTES;
use crate::policy::evaluate::{Allowance, Evaluator, Settings};
use crate::policy::failure::{PolicyFailure, Reason};
use crate::policy::input::{ActionInput, ClientInput, Input, PrincipalInput, TargetInput};
use crate::policy::organisation::Organisation;
use crate::policy::problem::Problem;
use crate::policy::{reading, value};

/// Generous: a trial says whether rules work, not how fast.
const ALLOWANCE: Allowance = Allowance { time: Duration::from_secs(2), instructions: 50_000_000 };

/// Tries all sets on a thread of its own. A set whose program answers differently from the interpreter falls back to it.
pub(super) fn try_out(compiled: &mut Compiled, organisation: &Organisation) -> Vec<Problem> {
    let outcome = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("policy-trial".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || all(compiled, organisation))
            .map(|thread| thread.join())
    });
    let (problems, differing) = match outcome {
        Ok(Ok(Ok(outcome))) => outcome,
        Ok(Ok(Err(failure))) => (vec![Problem::of("zengate/rules", failure.to_string())], Vec::new()),
        Ok(Err(_)) => {
            (vec![Problem::of("zengate/rules", "the rules panicked when they were tried")], Vec::new())
        }
        Err(error) => {
            (vec![Problem::of("zengate/rules", format!("no thread to try them on: {error}"))], Vec::new())
        }
    };
    for (number, reason) in differing {
        if let Some(group) = compiled.groups.get_mut(number) {
            group.machine = Machine::Interpreter(reason);
        }
    }
    problems
}

type Outcome = (Vec<Problem>, Vec<(usize, String)>);

fn all(compiled: &Compiled, organisation: &Organisation) -> Result<Outcome, PolicyFailure> {
    let mut evaluator = Evaluator::new(compiled, organisation)?;
    let mut problems = Vec::new();
    let mut differing = Vec::new();
    for (number, group) in compiled.groups.iter().enumerate() {
        let entries = [(Entry::Amend, group.amends), (Entry::Decide, group.decides)];
        for (entry, _) in entries.into_iter().filter(|(_, used)| *used) {
            for input in samples(group, organisation) {
                let settings = Settings::OfTeam(input.principal.team.clone());
                let plain = value::input(&input);
                let with = value::with_settings(plain.clone(), value::from_plain(&input.settings));
                let expected = evaluator.interpret(number, entry, with, ALLOWANCE);
                problems.extend(trouble(entry, expected.as_ref()));
                if let Machine::Bytecode(_) = group.machine {
                    let found = evaluator.evaluate(number, entry, plain, &settings, ALLOWANCE);
                    if expected.is_ok() && expected != found {
                        let reason =
                            "the bytecode machine answers differently from the interpreter".to_owned();
                        differing.push((number, reason));
                    }
                }
            }
        }
    }
    Ok((problems, differing))
}

/// What is wrong with an answer to a sample.
fn trouble(entry: Entry, answer: Result<&regorus::Value, &PolicyFailure>) -> Option<Problem> {
    let read = |answer| match entry {
        Entry::Amend => reading::amend(answer).map(drop),
        Entry::Decide => reading::decide(answer).map(drop),
    };
    let failure = match answer {
        Ok(answer) => read(answer).err()?,
        Err(failure) => failure.clone(),
    };
    let rule = failure.rule.as_deref().unwrap_or("?");
    let words = match failure.reason {
        Reason::TimeLimit => "takes longer than 2 s".to_owned(),
        _ => failure.detail.clone(),
    };
    Some(Problem::of("zengate/rules", format!("rule `{rule}` fails on a typical call: {words}")))
}

fn samples(group: &Group, organisation: &Organisation) -> Vec<Input> {
    let specimen = &group.specimen;
    let kind = if group.create { Kind::Create } else { Kind::Change };
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
        request: Object::new(),
        create: None,
        targets: None,
        settings: Arc::clone(organisation.settings(&specimen.team)),
        client: ClientInput { address: "192.0.2.1".to_owned(), sdk: None, user_agent: None },
        now: "2026-01-01T00:00:00Z".to_owned(),
    };
    if group.create {
        let create = |create: Create| Input { create: Some(create), request: request(), ..base.clone() };
        vec![create(sparse()), create(full(1)), create(full(100))]
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

fn request() -> Object {
    [
        ("zoneId".to_owned(), Value::String("SEL-A".to_owned())),
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
    let text = |text: &str| Some(text.to_owned());
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
        tags: [("owner".to_owned(), "web".to_owned()), ("env".to_owned(), String::new())].into(),
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

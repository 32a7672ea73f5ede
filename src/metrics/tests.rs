//! Names, types and labels are an interface: a change of one shows here.

mod table;

use super::*;
use crate::policy::{Overlays, PolicySet, Source};
use crate::replay::Difference;

/// Every metric once, with whatever labels.
fn all() -> Arc<Metrics> {
    let metrics = Metrics::new().unwrap();
    let second = Duration::from_secs(1);
    metrics.request(Some("vm"), Some(Kind::Create), Outcome::Ok, second);
    metrics.phase(Phase::Decide, second);
    metrics.in_flight(None).set(1);
    metrics.connections().started(ConnectionStart::Accepted);
    metrics.connections().cut(ConnectionEnd::Quiet);
    metrics.connections().certificate_expires("listen", 1);
    metrics.connections().admin_refused(http::StatusCode::UNAUTHORIZED);
    metrics.traces().count("exported", 1);
    metrics.upstream_open("main", false);
    metrics.sizes(Some(Kind::Read), 10, Some(20));
    metrics.verdict("a", Kind::Create, "allowed");
    metrics.finding("zones", "enforce", "a", "refused");
    metrics.patch("zones", "a", "default");
    metrics.upstream("vm", Kind::Create, 200, "none");
    metrics.upstream_failure(Kind::Create, "deadline");
    metrics.instances(InstanceCount::Asked, "a", Some("SEL-A"), 1);
    let organisation =
        "exemptions:\n- {rule: zones, team: a, until: 2030-01-01, reason: r, ticket: t, owner: o}\n";
    let data = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(data.path(), organisation).unwrap();
    let overlays = Overlays { organisation: vec![data.path().to_owned()], facts: None };
    metrics.policy(&PolicySet::load(&Source::Embedded, &overlays).unwrap(), second);
    metrics.policies().source_read(second);
    metrics.policies().judged(crate::policy::engine::Stats::default(), 0);
    metrics.policies().staged(true);
    metrics.policies().shown("same");
    metrics.policies().died();
    metrics.candidate_differs(&Difference {
        decision: "d".to_owned(),
        team: "a".to_owned(),
        zone: None,
        kind: crate::replay::Kind::OtherRules,
        rules: ["zones".to_owned()].into(),
        now: "n".to_owned(),
    });
    metrics.reload("keys", true);
    metrics.record("written");
    metrics.history().kept(1);
    let quota = metrics.quota();
    quota.reconciled("main", "vm", &[("extra", true, 1)], Some(second));
    quota.joined();
    quota.answered(true);
    quota.over_limit("quota", crate::policy::verdict::Effect::Warned);
    quota.signature_reuse("swapped");
    let ledger = crate::quota::Ledger::counting_for_tests();
    quota.read(&ledger, &crate::clock::Clock::manual(1));
    metrics.keys().show(&[ending_key()]);
    metrics
}

/// A key of a key file that ends one day.
fn ending_key() -> crate::keys::Shown {
    let place = tempfile::TempDir::new().unwrap();
    let secret = place.path().join("a.secret");
    std::fs::write(&secret, "secret").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let file = place.path().join("keys.toml");
    let text =
        "[[key]]\nid = \"ZGkey1\"\nsecrets = [{ file = \"a.secret\" }]\nteam = \"a\"\nexpires = 2030-01-01\n";
    std::fs::write(&file, text).unwrap();
    let accounts = [("main".to_owned(), BTreeSet::new())].into_iter().collect();
    let keys = crate::keys::Keys::new(Some(crate::keys::KeyFile::load(&file, accounts).unwrap()), None);
    keys.list(jiff::Timestamp::UNIX_EPOCH).remove(0)
}

/// `name type label,label` of everything but the process's own.
fn described(metrics: &Metrics) -> Vec<String> {
    let families = metrics.registry.gather();
    let described = families.iter().filter(|family| family.name().starts_with("zengate_")).map(|family| {
        let labels: Vec<&str> = family.get_metric()[0].get_label().iter().map(|label| label.name()).collect();
        assert!(!family.help().is_empty());
        format!("{} {:?} {}", family.name(), family.get_field_type(), labels.join(",")).to_lowercase()
    });
    described.collect()
}

#[test]
fn names_types_and_labels_are_an_interface() {
    assert_eq!(
        described(&all()),
        [
            "zengate_admin_refused_total counter status",
            "zengate_answers gauge ",
            "zengate_buffered_bytes gauge ",
            "zengate_build_info gauge version",
            "zengate_candidate_deaths_total counter ",
            "zengate_candidate_differences_total counter kind,rule,team",
            "zengate_candidate_records_total counter result",
            "zengate_candidate_staged gauge ",
            "zengate_certificate_expiry_timestamp_seconds gauge listener",
            "zengate_connections gauge ",
            "zengate_connections_cut_total counter reason",
            "zengate_connections_total counter result",
            "zengate_create_answers_total counter result",
            "zengate_creates_joined_total counter ",
            "zengate_decision_records_failing gauge ",
            "zengate_decision_records_total counter result",
            "zengate_exemption_ends_timestamp_seconds gauge rule,team",
            "zengate_history_decisions_total counter result",
            "zengate_history_records gauge ",
            "zengate_history_size_bytes gauge ",
            "zengate_history_up gauge ",
            "zengate_instances_total counter stage,team,zone",
            "zengate_key_expires_timestamp_seconds gauge key,team",
            "zengate_key_store_up gauge ",
            "zengate_keys gauge source,state",
            "zengate_ledger_conflicts_total counter ",
            "zengate_ledger_up gauge ",
            "zengate_log_lines_dropped gauge ",
            "zengate_panics_total counter ",
            "zengate_patches_total counter op,rule,team",
            "zengate_phase_duration_seconds histogram phase",
            "zengate_policy_comparisons_total counter result",
            "zengate_policy_evaluations_total counter machine",
            "zengate_policy_evaluations_waiting gauge ",
            "zengate_policy_info gauge revision",
            "zengate_policy_interpreted_rules gauge ",
            "zengate_policy_loaded_timestamp_seconds gauge ",
            "zengate_policy_panics_total counter ",
            "zengate_policy_source_last_success_timestamp_seconds gauge ",
            "zengate_policy_trials_total counter ",
            "zengate_quota_drift gauge account,kind,service,state",
            "zengate_quota_in_flight gauge resource,scope",
            "zengate_quota_limit gauge resource,scope",
            "zengate_quota_oldest_unknown_seconds gauge ",
            "zengate_quota_over_limit_total counter effect,rule",
            "zengate_quota_reconciled_timestamp_seconds gauge account,service",
            "zengate_quota_thresholds_crossed_total counter percent,resource,scope",
            "zengate_quota_unknown gauge resource,scope",
            "zengate_quota_unknown_creates gauge ",
            "zengate_quota_used gauge resource,scope",
            "zengate_ready gauge ",
            "zengate_reload_failed gauge what",
            "zengate_reloads_total counter result,what",
            "zengate_request_duration_seconds histogram class",
            "zengate_request_size_bytes histogram class",
            "zengate_requests_in_flight gauge class",
            "zengate_requests_total counter class,outcome,service",
            "zengate_response_size_bytes histogram class",
            "zengate_rule_findings_total counter effect,mode,rule,team",
            "zengate_signature_reuse_total counter result",
            "zengate_tasks gauge ",
            "zengate_traces_total counter result",
            "zengate_upstream_failures_total counter class,reason",
            "zengate_upstream_open gauge account",
            "zengate_upstream_responses_total counter class,code,service,status",
            "zengate_verdicts_total counter class,team,verdict",
        ]
    );
}

#[test]
fn every_metric_that_readme_and_guide_name_exists() {
    let known = described(&all());
    let readme = concat!(include_str!("../../README.md"), include_str!("../../deploy/GUIDE.md"));
    let mut named = 0;
    for word in readme.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')) {
        if word.starts_with("zengate_") {
            named += 1;
            assert!(known.iter().any(|line| line.starts_with(&format!("{word} "))), "{word}");
        }
    }
    assert!(named >= 8);
}

#[test]
fn a_million_made_up_values_add_no_series() {
    let metrics = Metrics::new().unwrap();
    metrics.know(|known| known.teams = ["web".to_owned()].into());
    let send = |number: u64| {
        // A small generator: every value is another one.
        let made_up = format!("{:x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        metrics.verdict(&made_up, Kind::Create, "refused");
        metrics.finding(&made_up, "enforce", &made_up, "refused");
        metrics.patch(&made_up, &made_up, "force");
        metrics.instances(InstanceCount::Asked, &made_up, Some(&made_up), 1);
        let status = u16::try_from(number % 65536).unwrap();
        metrics.upstream("vm", Kind::Create, status, crate::reply::code_label(Some(&made_up)));
    };
    let series = |metrics: &Metrics| {
        let families = metrics.registry.gather();
        families.iter().map(|family| family.get_metric().len()).sum::<usize>()
    };
    (0..1000).for_each(send);
    let before = series(&metrics);
    (1000..1_000_000).for_each(send);
    assert_eq!(series(&metrics), before);
}

#[test]
fn labels_outside_their_set_count_as_other() {
    let metrics = Metrics::new().unwrap();
    metrics.know(|known| {
        known.teams = ["web".to_owned()].into();
        known.zones = ["SEL-A".to_owned()].into();
    });
    for (team, zone) in [("web", "SEL-A"), ("made up", "nowhere"), ("also made up", "elsewhere")] {
        metrics.instances(InstanceCount::Asked, team, Some(zone), 1);
    }
    let text = String::from_utf8(metrics.render()).unwrap();
    assert!(text.contains(r#"zengate_instances_total{stage="asked",team="web",zone="SEL-A"} 1"#), "{text}");
    assert!(text.contains(r#"zengate_instances_total{stage="asked",team="other",zone="other"} 2"#), "{text}");
    assert!(!text.contains("made up") && !text.contains("where\""), "{text}");
}

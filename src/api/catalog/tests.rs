use std::collections::HashSet;

use super::*;

#[test]
fn the_tables_are_sorted_and_unique_whatever_the_case() {
    assert!(SERVICES.is_sorted_by(|left, right| left.0 < right.0), "services are sorted and unique");
    let mut folded = HashSet::new();
    for (service, table) in SERVICES {
        assert!(table.is_sorted_by(|left, right| left.name < right.name), "{service} is sorted and unique");
        for action in *table {
            assert_eq!(action.service, *service);
            assert!(!action.versions.is_empty(), "{} {} has versions", service, action.name);
            assert!(
                action.versions.is_sorted_by(|left, right| left < right),
                "the versions of {} {} are sorted and unique",
                service,
                action.name
            );
            assert!(
                folded.insert((service.to_lowercase(), action.name.to_lowercase())),
                "{} {} has a twin that differs only by case",
                service,
                action.name
            );
        }
    }
}

#[test]
fn every_service_has_the_actions_that_were_counted() {
    let counts: Vec<_> = SERVICES.iter().map(|(service, table)| (*service, table.len())).collect();
    assert_eq!(
        counts,
        [
            ("aigw", 21),
            ("alarm", 1),
            ("bmc", 100),
            ("ccs", 4),
            ("cdn", 4),
            ("ipt", 12),
            ("maintenance", 1),
            ("mcpgw", 1),
            ("pvtdns", 11),
            ("sdn", 65),
            ("traffic", 11),
            ("user", 21),
            ("vm", 75),
            ("zbc", 5),
            ("zdns", 11),
            ("zec", 255),
            ("zengate", 3),
            ("zga", 31),
            ("zlb", 22),
            ("zls", 1),
            ("zos", 6),
            ("zrm", 10),
            ("zsp", 4),
        ]
    );
    assert_eq!(actions().count(), 675);
    assert_eq!(services().count(), counts.len());
}

#[test]
fn the_creates_are_these() {
    let creates: Vec<_> = actions()
        .filter(|action| action.kind == Kind::Create)
        .map(|action| (action.service, action.name, action.versions))
        .collect();
    assert_eq!(
        creates,
        [
            ("bmc", "CreateInstances", &["2022-11-20", "2026-02-01"][..]),
            ("vm", "CreateInstances", &["2023-03-13", "2026-04-01"][..]),
            ("zec", "CreateInstances", &["2024-04-01"][..]),
            ("zec", "CreateZecInstances", &["2024-04-01", "2025-09-01"][..]),
        ]
    );
}

/// A read is named by a list of verbs, so an action with any other verb cannot slip in as one.
#[test]
fn only_asking_verbs_are_reads() {
    for action in actions().filter(|action| action.kind == Kind::Read) {
        let asks = action.name.starts_with("Describe")
            || action.name.starts_with("Inquiry")
            || (action.service == "sdn"
                && action.name.starts_with("Query")
                && action.name.trim_end_matches('s').ends_with("Price"))
            || (action.service, action.name) == ("zec", "AvailableLanIp");
        assert!(asks, "{} {} is a read", action.service, action.name);
    }
}

/// The verbs of the SDKs that change something, by hand: a typing mistake in a table must not turn one into a read.
#[test]
fn no_action_with_a_mutating_verb_is_a_read() {
    const VERBS: &[&str] = &[
        "Add",
        "Allocate",
        "Apply",
        "Assign",
        "Associate",
        "Attach",
        "Authorize",
        "Batch",
        "Bind",
        "Cancel",
        "Change",
        "Close",
        "Config",
        "Configure",
        "Copy",
        "Create",
        "Delete",
        "Deregister",
        "Destroy",
        "Detach",
        "Import",
        "Invite",
        "Invoke",
        "Migrate",
        "Modify",
        "Open",
        "Pause",
        "Reboot",
        "Redeploy",
        "Regenerate",
        "Register",
        "Reinstall",
        "Release",
        "Remove",
        "Renew",
        "Replace",
        "Reset",
        "Resize",
        "Restore",
        "Revoke",
        "Send",
        "Set",
        "Start",
        "Stop",
        "Tag",
        "Terminate",
        "UnAssociate",
        "Unassign",
        "Unassociate",
        "Unbind",
        "Update",
        "Verify",
    ];
    for action in actions() {
        if VERBS.iter().any(|verb| action.name.starts_with(verb)) {
            assert_ne!(action.kind, Kind::Read, "{} {}", action.service, action.name);
        }
    }
}

#[test]
fn what_hands_out_access_is_no_read() {
    for (service, name) in [
        ("vm", "DescribeVncUrl"),
        ("zec", "DescribeVncUrl"),
        ("bmc", "DescribeInstanceIpmiUrl"),
        ("ipt", "DescribeIPTransits"),
        ("sdn", "DescribeCloudRouters"),
        ("zos", "DescribeCommands"),
        ("zos", "DescribeCommandInvocations"),
    ] {
        assert_eq!(lookup(service, name).unwrap().kind, Kind::Change, "{service} {name}");
    }
}

#[test]
fn every_action_is_found_by_its_spelling_alone() {
    for action in actions() {
        assert_eq!(lookup(action.service, action.name), Some(action));
        assert_eq!(spelling(&action.service.to_uppercase(), &action.name.to_lowercase()), Some(action));
    }
    for (service, name) in [
        ("vm", "createInstances"),
        ("VM", "CreateInstances"),
        ("vm", "CreateZecInstances"),
        ("", ""),
        ("vm", ""),
    ] {
        assert_eq!(lookup(service, name), None);
    }
    assert_eq!(spelling("vm", "CREATEINSTANCES").unwrap().name, "CreateInstances");
    assert_eq!(spelling("vm", "NoSuchAction"), None);
}

#[test]
fn a_missing_version_is_the_newest() {
    let action = lookup("vm", "CreateInstances").unwrap();
    assert_eq!(Call::new(action, None).unwrap().version, "2026-04-01");
    assert_eq!(Call::new(action, Some("2023-03-13")).unwrap().version, "2023-03-13");
    for unknown in ["", "2024-04-01", "2026-04-01 ", "latest"] {
        assert_eq!(Call::new(action, Some(unknown)), None);
    }
    assert_eq!(Call::new(action, None).unwrap().to_string(), "vm CreateInstances (2026-04-01)");
}

use super::*;
use crate::json::read_object;

fn call(service: &str, name: &str, version: &str) -> Call {
    Call::new(catalog::lookup(service, name).unwrap(), Some(version)).unwrap()
}

fn view(call: &Call, text: &str) -> Create {
    let document = read_object(text.as_bytes()).unwrap();
    assert_eq!(fields::check(call, &document, &[]), [], "{call} {text}");
    normalise(call, &document).unwrap()
}

/// A create: service, name, version, and the names of count, type and bandwidth in it.
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, Option<&'static str>);

const CREATES: [Row; 7] = [
    ("vm", "CreateInstances", "2023-03-13", "instanceCount", "instanceType", Some("internetMaxBandwidthOut")),
    ("vm", "CreateInstances", "2026-04-01", "instanceCount", "instanceType", Some("internetMaxBandwidthOut")),
    ("bmc", "CreateInstances", "2022-11-20", "amount", "instanceTypeId", Some("internetMaxBandwidthOut")),
    ("bmc", "CreateInstances", "2026-02-01", "amount", "instanceTypeId", Some("internetMaxBandwidthOut")),
    ("zec", "CreateZecInstances", "2024-04-01", "instanceCount", "instanceType", Some("bandwidth")),
    ("zec", "CreateZecInstances", "2025-09-01", "instanceCount", "instanceType", Some("bandwidth")),
    ("zec", "CreateInstances", "2024-04-01", "instanceCount", "instanceType", Some("bandwidth")),
];

/// What two creates have in common when they ask for the same.
fn common(create: &Create) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        create.count,
        create.zone.clone(),
        create.instance_type.clone(),
        create.image.clone(),
        create.name.clone(),
        create.charge_type.clone(),
        create.internet_charge_type.clone(),
        create.subnet.clone(),
        create.resource_group.clone(),
        create.resource_group_path.clone(),
        (create.key_pair, create.password, create.script, create.network_boot),
    )
}

#[test]
fn the_same_order_looks_the_same_by_every_create() {
    let mut seen = Vec::new();
    for (service, name, version, count, kind, bandwidth) in CREATES {
        let mut text = format!(
            r#"{{"zoneId":"Z","{count}":3,"{kind}":"T","imageId":"I","instanceName":"N","subnetId":"S",
            "resourceGroupId":"G","password":"Abc-12345","internetChargeType":"ByBandwidth""#
        );
        if service != "zec" {
            text.push_str(r#","instanceChargeType":"POSTPAID""#);
        }
        if let Some(bandwidth) = bandwidth {
            text.push_str(&format!(r#","{bandwidth}":10"#));
        }
        text.push('}');
        let view = view(&call(service, name, version), &text);
        assert_eq!(view.bandwidth_mbps, bandwidth.map(|_| 10), "{service} {name} {version}");
        seen.push((format!("{service} {name} {version}"), view));
    }
    let first = common(&seen[0].1);
    assert_eq!(seen[0].1.count, 3);
    assert_eq!(seen[0].1.charge_type.as_deref(), Some("POSTPAID"));
    assert!(seen[0].1.password && !seen[0].1.key_pair);
    for (which, view) in &seen {
        assert_eq!(common(view), first, "{which}");
    }
}

/// The sample request on the vendor's page of the action.
#[test]
fn the_vendors_sample_is_understood() {
    let view = view(
        &call("vm", "CreateInstances", "2026-04-01"),
        r#"{"zoneId":"SEL-A","instanceType":"c.1c2g","imageId":"img-yKK4q6XybymPgfx7ynUUqC3N8",
        "instanceChargeType":"POSTPAID","internetChargeType":"ByBandwidth"}"#,
    );
    assert_eq!(view.zone.as_deref(), Some("SEL-A"));
    assert_eq!(view.instance_type.as_deref(), Some("c.1c2g"));
    assert_eq!((view.count, view.bandwidth_mbps, view.prepaid_months), (1, None, None));
}

#[test]
fn a_missing_count_is_one() {
    for (service, name, version, count, kind, _) in CREATES {
        let call = call(service, name, version);
        for text in [
            format!(r#"{{"zoneId":"Z","{kind}":"T"}}"#),
            format!(r#"{{"zoneId":"Z","{kind}":"T","{count}":null}}"#),
            format!(r#"{{"zoneId":"Z","{kind}":"T","{count}":1}}"#),
        ] {
            assert_eq!(view(&call, &text).count, 1, "{call} {text}");
        }
        assert_eq!(view(&call, &format!(r#"{{"zoneId":"Z","{kind}":"T","{count}":100}}"#)).count, 100);
    }
}

#[test]
fn each_create_says_what_it_can_carry() {
    let said: Vec<_> = CREATES
        .iter()
        .map(|(service, name, version, _, kind, _)| {
            let view = view(&call(service, name, version), &format!(r#"{{"zoneId":"Z","{kind}":"T"}}"#));
            assert_eq!(view.resource_group_path.as_deref(), Some("/resourceGroupId"));
            (view.security_group_path, view.tags_supported, view.tags_supported_by)
        })
        .collect();
    let sg = || Some("/securityGroupId".into());
    assert_eq!(
        said,
        [
            (sg(), true, None),
            (sg(), true, None),
            (None, true, None),
            (None, true, None),
            (None, false, Some("2025-09-01".into())),
            (sg(), true, None),
            (None, false, None),
        ]
    );
}

#[test]
fn empty_and_null_count_as_absent() {
    let view = view(
        &call("vm", "CreateInstances", "2026-04-01"),
        r#"{"zoneId":"Z","instanceType":"T","resourceGroupId":"","securityGroupId":"","imageId":null,"keyId":"","password":"",
        "initScript":"","systemDisk":null,"dataDisks":null,"tags":{"tags":null},"enableIpv4":null}"#,
    );
    assert_eq!(view.resource_group, None);
    assert_eq!(view.security_group, None);
    assert_eq!(view.image, None);
    assert!(!view.key_pair && !view.password && !view.script);
    assert_eq!(view.system_disk_gb, None);
    assert_eq!(view.data_disks, []);
    assert!(view.tags.is_empty());
    assert_eq!((view.public_ipv4, view.public_ipv6), (None, None));
}

#[test]
fn disks_and_tags_and_terms_are_read() {
    let view = view(
        &call("vm", "CreateInstances", "2026-04-01"),
        r#"{"zoneId":"Z","instanceType":"T","instanceChargeType":"PREPAID","instanceChargePrepaid":{"period":12},
        "systemDisk":{"diskSize":40},"dataDisks":[{"diskSize":100,"diskAmount":4,"diskCategory":"SSD"},{"diskSize":50}],
        "keyId":"key-1","initScript":"x","tags":{"tags":[{"key":"b","value":"2"},{"key":"a"}]},"securityGroupId":"sg"}"#,
    );
    assert_eq!(view.prepaid_months, Some(12));
    assert_eq!(view.system_disk_gb, Some(40));
    let disk = |size, amount, category: Option<&str>| DataDisk {
        size_gb: Some(size),
        amount,
        category: category.map(Into::into),
    };
    assert_eq!(view.data_disks, [disk(100, 4, Some("SSD")), disk(50, 1, None)]);
    assert!(view.key_pair && view.script && !view.password);
    let tags: Vec<_> = view.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("a", ""), ("b", "2")]);
    assert_eq!(view.security_group.as_deref(), Some("sg"));
}

#[test]
fn bmc_has_its_own_names() {
    let old = call("bmc", "CreateInstances", "2022-11-20");
    let of = |members: &str| view(&old, &format!(r#"{{"zoneId":"Z","instanceTypeId":"T",{members}}}"#));
    assert_eq!(of(r#""hostname":"h""#).name.as_deref(), Some("h"));
    assert_eq!(of(r#""hostname":"h","instanceName":"n""#).name.as_deref(), Some("n"));
    assert!(of(r#""sshKeys":["ssh-ed25519 AAAA"]"#).key_pair);
    assert!(!of(r#""sshKeys":[]"#).key_pair);
    assert!(of(r#""userData":"x""#).script);
    assert!(of(r#""ipxeUrl":"https://boot.example""#).network_boot);
    assert!(!of(r#""ipxeUrl":"""#).network_boot);
}

#[test]
fn public_addresses_mean_what_each_product_means() {
    for (service, name, members, ipv4, ipv6) in [
        ("vm", "CreateInstances", r#""enableIpv4":true,"enableIpv6":false"#, Some(true), Some(false)),
        ("vm", "CreateInstances", r#""enableIpv4":false"#, Some(false), None),
        ("vm", "CreateInstances", r#""enableIpv4":false,"cidrBlockId":"c""#, Some(true), None),
        ("vm", "CreateInstances", r#""internetChargeType":"ByBandwidth""#, None, None),
        ("bmc", "CreateInstances", r#""enablePrimaryIPv6":true"#, Some(true), Some(true)),
        ("bmc", "CreateInstances", r#""hostname":"h""#, Some(true), None),
        ("zec", "CreateZecInstances", r#""nicNetworkType":"Auto""#, Some(false), None),
        ("zec", "CreateZecInstances", r#""eipV4Type":"BGPLine""#, Some(true), None),
        ("zec", "CreateZecInstances", r#""networkLineType":"PremiumBGP""#, Some(true), None),
        ("zec", "CreateZecInstances", r#""eipIds":["e"]"#, Some(true), None),
        ("zec", "CreateZecInstances", r#""eipIds":[]"#, Some(false), None),
        ("zec", "CreateZecInstances", r#""bandwidth":10"#, Some(true), None),
        ("zec", "CreateZecInstances", r#""bandwidth":10,"ipStackType":"IPv4""#, Some(true), Some(false)),
        ("zec", "CreateZecInstances", r#""bandwidth":10,"ipStackType":"IPv6""#, Some(false), Some(true)),
        (
            "zec",
            "CreateZecInstances",
            r#""eipV4Type":"BGPLine","ipStackType":"IPv6""#,
            Some(true),
            Some(true),
        ),
        ("zec", "CreateZecInstances", r#""ipStackType":"IPv4_IPv6""#, Some(false), Some(true)),
        ("zec", "CreateZecInstances", r#""ipv6ClusterId":"c""#, Some(false), Some(true)),
        ("zec", "CreateInstances", r#""eipV4Type":"BGPLine""#, Some(true), None),
    ] {
        let call = Call::new(catalog::lookup(service, name).unwrap(), None).unwrap();
        let kind = if service == "bmc" { "instanceTypeId" } else { "instanceType" };
        let view = view(&call, &format!(r#"{{"zoneId":"Z","{kind}":"T",{members}}}"#));
        assert_eq!((view.public_ipv4, view.public_ipv6), (ipv4, ipv6), "{call} {members}");
    }
}

/// The view does not rely on the field tables: a wrong value is never taken for an absent one.
#[test]
fn wrong_values_are_mistakes_and_never_absent() {
    let vm = call("vm", "CreateInstances", "2026-04-01");
    for (members, pointer, code) in [
        (r#""instanceCount":"2""#, "/instanceCount", MistakeCode::Type),
        (r#""instanceCount":2.0"#, "/instanceCount", MistakeCode::Type),
        (r#""instanceCount":0"#, "/instanceCount", MistakeCode::LessMinimum),
        (r#""instanceCount":-1"#, "/instanceCount", MistakeCode::LessMinimum),
        (r#""instanceCount":4294967296"#, "/instanceCount", MistakeCode::ExceedMaximum),
        (r#""zoneId":7"#, "/zoneId", MistakeCode::Type),
        (r#""enableIpv4":"no""#, "/enableIpv4", MistakeCode::Type),
        (r#""systemDisk":[]"#, "/systemDisk", MistakeCode::Type),
        (r#""systemDisk":{"diskSize":"9"}"#, "/systemDisk/diskSize", MistakeCode::Type),
        (r#""dataDisks":{}"#, "/dataDisks", MistakeCode::Type),
        (r#""dataDisks":[{},1]"#, "/dataDisks/1", MistakeCode::Type),
        (r#""tags":[]"#, "/tags", MistakeCode::Type),
        (r#""tags":{"tags":[{"key":"a"},{"key":"a"}]}"#, "/tags/tags/1/key", MistakeCode::Value),
    ] {
        let document = read_object(format!("{{{members}}}").as_bytes()).unwrap();
        let mistakes = normalise(&vm, &document).unwrap_err();
        let found: Vec<_> =
            mistakes.iter().map(|mistake| (mistake.pointer.to_string(), mistake.code)).collect();
        assert_eq!(found, [(pointer.to_owned(), code)], "{members}");
    }
}

#[test]
fn what_makes_no_machines_has_no_view() {
    let stop = Call::new(catalog::lookup("vm", "StopInstances").unwrap(), None).unwrap();
    let mistakes = normalise(&stop, &Object::new()).unwrap_err();
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].message.contains("vm StopInstances"));
}

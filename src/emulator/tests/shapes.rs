//! The members of every answer of vm, user, zrm and ccs, name by name and type by type.
//!
//! The Go models are strict: an integer with a decimal point or a number for a string is an error there, and a
//! misspelt member is a silent zero. The lists are those of the Go SDK's models and, for `isDefault`, `priority` and
//! `networkLineType`, of the newer ones.

use serde_json::{Map, Value};

/// `s` string, `i` integer, `f` number, `b` boolean, `[]` list of anything, `[s]` of strings, `{}` object; `?` may be
/// null.
fn fits(value: &Value, kind: &str) -> bool {
    match kind.strip_suffix('?') {
        Some(kind) => value.is_null() || fits(value, kind),
        None => match kind {
            "s" => value.is_string(),
            "i" => value.is_i64() || value.is_u64(),
            "f" => value.is_number(),
            "b" => value.is_boolean(),
            "[]" => value.is_array(),
            "[s]" => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            "{}" => value.is_object(),
            other => panic!("no such kind: {other}"),
        },
    }
}

#[track_caller]
fn check(members: &Map<String, Value>, shape: &str) {
    let wanted: Vec<(&str, &str)> =
        shape.split_whitespace().map(|item| item.split_once(':').unwrap()).collect();
    let mut names: Vec<&str> =
        members.keys().map(String::as_str).filter(|name| *name != "requestId").collect();
    let mut listed: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    listed.sort_unstable();
    assert_eq!(names, listed);
    for (name, kind) in wanted {
        assert!(fits(&members[name], kind), "{name} is {}, not {kind}", members[name]);
    }
}

/// `response` has exactly these members.
#[track_caller]
pub(super) fn has(response: &Map<String, Value>, shape: &str) {
    check(response, shape);
}

/// `response` is a page of at least one item with exactly these members; gives the first.
#[track_caller]
pub(super) fn page(response: &Map<String, Value>, shape: &str) -> Value {
    check(response, "totalCount:i dataSet:[]");
    items(response, "dataSet", shape)
}

/// `response` has a list of at least one item with exactly these members; gives the first.
#[track_caller]
pub(super) fn items(response: &Map<String, Value>, list: &str, shape: &str) -> Value {
    let items = response[list].as_array().unwrap();
    assert!(!items.is_empty(), "{list} is empty");
    for item in items {
        check(item.as_object().unwrap(), shape);
    }
    items[0].clone()
}

pub(super) const INSTANCE: &str = "instanceId:s zoneId:s instanceName:s instanceType:s cpuCount:i memory:i imageId:s \
    imageName:s instanceChargeType:s internetMaxBandwidthOut:i internetChargeType:s period:i? publicIpAddresses:[s] \
    publicIpv6Addresses:[s] privateIpAddresses:[s] subnetId:s createTime:s expiredTime:s? resourceGroupId:s \
    resourceGroupName:s instanceStatus:s trafficPackageSize:f? securityGroupIds:[s] systemDisk:{} dataDisks:[] \
    autoRenew:b keyId:s? nic:{} tags:{}";
pub(super) const SYSTEM_DISK: &str = "diskId:s diskSize:i diskCategory:s";
pub(super) const DATA_DISK: &str = "diskId:s diskName:s diskSize:i portable:b diskCategory:s";
pub(super) const DISK: &str = "diskId:s diskName:s zoneId:s diskType:s portable:b diskCategory:s diskSize:i \
    diskStatus:s instanceId:s? instanceName:s? chargeType:s createTime:s expiredTime:s? period:i? autoRenew:b tags:{}";
pub(super) const SUBNET: &str = "subnetId:s zoneId:s subnetName:s subnetDescription:s subnetStatus:s cidrBlock:s \
    cidrBlockList:[s] usageIpCount:i totalIpCount:i createTime:s instanceIdList:[s] isDefault:b";
pub(super) const GROUP: &str = "securityGroupId:s securityGroupName:s securityGroupStatus:s createTime:s description:s \
    instanceIds:[s] ruleInfos:[] isDefault:b";
pub(super) const RULE: &str =
    "direction:s policy:s priority:i ipProtocol:s portRange:s cidrIp:s description:s";
pub(super) const INTERNET: &str = "instanceId:s instanceName:s internetMaxBandwidthOut:i \
    modifiedInternetMaxBandwidthOut:i modifiedBandwidthStatus:s trafficPackageSize:f? modifiedTrafficPackageSize:f? \
    modifiedTrafficPackageStatus:s";
pub(super) const MODEL_STATUS: &str =
    "instanceId:s instanceName:s instanceType:s modifiedInstanceType:s modifiedInstanceTypeStatus:s";
pub(super) const ZONE: &str = "zoneId:s zoneName:s supportSecurityGroup:b supportNetworkType:s supportIpv6:b \
    supportCpuPassThrough:b networkLineType:s";
pub(super) const CONFIG: &str = "zoneId:s instanceType:s cpuCount:i memory:i frequency:s \
    internetMaxBandwidthOutLimit:i instanceTypeName:s internetChargeTypes:[s]";
pub(super) const IMAGE: &str = "imageId:s imageName:s imageType:s imageSize:s imageDescription:s imageVersion:s \
    imageStatus:s category:s osType:s";
pub(super) const RESOURCE_GROUP: &str = "resourceGroupId:s name:s createTime:s";
pub(super) const KEY_PAIR: &str = "keyId:s keyName:s publicKey:s keyDescription:s createTime:s";

//! The resources that are machines, and how their attributes become a request.

use serde_json::{Map, Value, json};

use super::unknown::{Attributes, Known};
use crate::api::{Call, catalog};

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    Vm,
    Zec,
    Bmc,
}

/// How an attribute becomes a member of the request.
#[derive(Clone, Copy)]
struct Mapped {
    attribute: &'static str,
    /// Where it stands in the request, members separated by `/`.
    member: &'static str,
    form: Form,
    /// Whether the cloud chooses a value where the attribute is not set.
    computed: bool,
}

/// How a value is written.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// As it is; left out when empty or zero, as the provider's `GetOk` does.
    Plain,
    /// As it is, but only for prepaid machines.
    PrepaidOnly,
    /// As it is, but only for prepaid machines with a traffic package.
    PackageOnly,
    /// `{"key": "value"}` as `[{"key": ..., "value": ...}]`.
    Tags,
    /// The opposite.
    Not,
    /// A number in a text.
    NumberInText,
    /// A secret: rules see that it is set, and an unknown one is set.
    Secret,
}

const fn plain(attribute: &'static str, member: &'static str) -> Mapped {
    Mapped { attribute, member, form: Form::Plain, computed: false }
}

const fn computed(attribute: &'static str, member: &'static str) -> Mapped {
    Mapped { attribute, member, form: Form::Plain, computed: true }
}

const fn formed(attribute: &'static str, member: &'static str, form: Form) -> Mapped {
    Mapped { attribute, member, form, computed: false }
}

const VM: &[Mapped] = &[
    plain("availability_zone", "zoneId"),
    plain("instance_charge_type", "instanceChargeType"),
    formed("instance_charge_prepaid_period", "instanceChargePrepaid/period", Form::PrepaidOnly),
    plain("instance_type", "instanceType"),
    plain("image_id", "imageId"),
    plain("instance_name", "instanceName"),
    formed("password", "password", Form::Secret),
    plain("key_id", "keyId"),
    plain("internet_charge_type", "internetChargeType"),
    computed("internet_max_bandwidth_out", "internetMaxBandwidthOut"),
    formed("traffic_package_size", "trafficPackageSize", Form::PackageOnly),
    plain("subnet_id", "subnetId"),
    computed("resource_group_id", "resourceGroupId"),
    plain("system_disk_size", "systemDisk/diskSize"),
    formed("tags", "tags/tags", Form::Tags),
];

const ZEC: &[Mapped] = &[
    plain("availability_zone", "zoneId"),
    plain("instance_type", "instanceType"),
    plain("image_id", "imageId"),
    plain("instance_name", "instanceName"),
    formed("password", "password", Form::Secret),
    plain("key_id", "keyId"),
    plain("subnet_id", "subnetId"),
    computed("security_group_id", "securityGroupId"),
    computed("resource_group_id", "resourceGroupId"),
    plain("system_disk_size", "systemDisk/diskSize"),
    computed("system_disk_category", "systemDisk/diskCategory"),
    computed("time_zone", "timeZone"),
    Mapped { attribute: "disable_qga_agent", member: "enableAgent", form: Form::Not, computed: true },
    computed("enable_ip_forwarding", "enableIpForward"),
    formed("tags", "tags/tags", Form::Tags),
];

const BMC: &[Mapped] = &[
    plain("availability_zone", "zoneId"),
    plain("instance_type_id", "instanceTypeId"),
    plain("instance_charge_type", "instanceChargeType"),
    formed("instance_charge_prepaid_period", "instanceChargePrepaid/period", Form::PrepaidOnly),
    plain("instance_name", "instanceName"),
    plain("hostname", "hostname"),
    plain("image_id", "imageId"),
    computed("resource_group_id", "resourceGroupId"),
    formed("password", "password", Form::Secret),
    plain("ssh_keys", "sshKeys"),
    plain("internet_charge_type", "internetChargeType"),
    computed("internet_max_bandwidth_out", "internetMaxBandwidthOut"),
    formed("traffic_package_size", "trafficPackageSize", Form::PackageOnly),
    plain("subnet_id", "subnetId"),
    formed("raid_config_type", "raidConfig/raidType", Form::NumberInText),
    computed("nic_wan_name", "nic/wanName"),
    computed("nic_lan_name", "nic/lanName"),
];

type Request = (Call, Map<String, Value>, Vec<String>);

impl Resource {
    /// The machine behind a type of resource; none for anything else.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "zenlayercloud_instance" | "zenlayercloud_zvm_instance" => Some(Self::Vm),
            "zenlayercloud_zec_instance" => Some(Self::Zec),
            "zenlayercloud_bmc_instance" => Some(Self::Bmc),
            _ => None,
        }
    }

    fn call(self) -> Result<Call, String> {
        let (service, action, version) = match self {
            Self::Vm => ("vm", "CreateInstances", "2023-03-13"),
            Self::Zec => ("zec", "CreateZecInstances", "2025-09-01"),
            Self::Bmc => ("bmc", "CreateInstances", "2022-11-20"),
        };
        let action = catalog::lookup(service, action);
        action.and_then(|action| Call::new(action, Some(version))).ok_or_else(|| "no such action".to_owned())
    }

    fn table(self) -> &'static [Mapped] {
        match self {
            Self::Vm => VM,
            Self::Zec => ZEC,
            Self::Bmc => BMC,
        }
    }

    /// What the provider would send, and what of it nobody knows yet.
    pub(super) fn request(self, plan: &Attributes<'_>) -> Result<Request, String> {
        let mut members = Map::new();
        let mut unknown = Vec::new();
        if self != Self::Bmc {
            members.insert("instanceCount".to_owned(), json!(1));
        }
        let says = |attribute: &str, word: &str| matches!(plan.get(attribute, false), Known::Value(value) if value == word);
        let prepaid = says("instance_charge_type", "PREPAID");
        let package = prepaid && says("internet_charge_type", "ByTrafficPackage");
        for mapped in self.table() {
            let sent = match mapped.form {
                Form::PrepaidOnly => prepaid,
                Form::PackageOnly => package,
                _ => true,
            };
            if !sent {
                continue;
            }
            let value = match plan.get(mapped.attribute, mapped.computed) {
                Known::Unset => continue,
                Known::Unknown => {
                    if mapped.form != Form::Secret {
                        unknown.push(format!("/{}", mapped.member));
                    }
                    stand_in(mapped)
                }
                Known::Value(value) => written(mapped, value)?,
            };
            if let Some(value) = value {
                put(&mut members, mapped.member, value);
            }
        }
        if self == Self::Bmc {
            partitions(plan, &mut members, &mut unknown);
            raids(plan, &mut members, &mut unknown)?;
        }
        Ok((self.call()?, members, unknown))
    }
}

/// A value as it is sent; none for what is left out.
fn written(mapped: &Mapped, value: &Value) -> Result<Option<Value>, String> {
    let empty = match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
    };
    match mapped.form {
        Form::Not => Ok(value.as_bool().map(|value| Value::Bool(!value))),
        _ if empty => Ok(None),
        Form::Tags => {
            let tags = value.as_object().ok_or_else(|| format!("{} is no map", mapped.attribute))?;
            let tag = |(key, value): (&String, &Value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                json!({ "key": key, "value": value })
            };
            Ok(Some(tags.iter().map(tag).collect()))
        }
        Form::NumberInText => {
            let number = value.as_str().and_then(|text| text.parse::<i64>().ok());
            number
                .map(|number| Some(json!(number)))
                .ok_or_else(|| format!("{} is no number", mapped.attribute))
        }
        Form::Plain | Form::PrepaidOnly | Form::PackageOnly | Form::Secret => Ok(Some(value.clone())),
    }
}

/// What stands for a value that is not known yet, where the request cannot be without it.
fn stand_in(mapped: &Mapped) -> Option<Value> {
    match mapped.form {
        Form::Secret => Some(json!("not-known-yet")),
        Form::Plain | Form::PrepaidOnly if is_number(mapped.member) => Some(json!(1)),
        Form::Plain if mapped.member != "sshKeys" => Some(json!("not-known-yet")),
        _ => None,
    }
}

fn is_number(member: &str) -> bool {
    member.ends_with("diskSize") || member.ends_with("period") || member.ends_with("BandwidthOut")
}

fn put(members: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('/') {
        None => {
            members.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = members.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn partitions(plan: &Attributes<'_>, members: &mut Map<String, Value>, unknown: &mut Vec<String>) {
    match plan.get("partitions", false) {
        Known::Unset => {}
        Known::Unknown => unknown.push("/partitions".to_owned()),
        Known::Value(value) => {
            let partition = |partition: &Value| json!({ "fsType": partition["fs_type"], "fsPath": partition["fs_path"], "size": partition["size"] });
            let partitions: Vec<Value> = value.as_array().into_iter().flatten().map(partition).collect();
            if !partitions.is_empty() {
                members.insert("partitions".to_owned(), Value::Array(partitions));
            }
        }
    }
}

fn raids(
    plan: &Attributes<'_>,
    members: &mut Map<String, Value>,
    unknown: &mut Vec<String>,
) -> Result<(), String> {
    match plan.get("raid_config_custom", false) {
        Known::Unset => Ok(()),
        Known::Unknown => {
            unknown.push("/raidConfig".to_owned());
            Ok(())
        }
        Known::Value(value) => {
            let mut raids = Vec::new();
            for raid in value.as_array().into_iter().flatten() {
                let number = raid["raid_type"].as_str().and_then(|text| text.parse::<i64>().ok());
                let number = number.ok_or("raid_config_custom.raid_type is no number")?;
                raids.push(json!({ "raidType": number, "diskSequence": raid["disk_sequence"] }));
            }
            if !raids.is_empty() {
                members.insert("raidConfig".to_owned(), json!({ "customRaids": raids }));
            }
            Ok(())
        }
    }
}

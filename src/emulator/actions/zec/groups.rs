//! Security groups of zec. A group is bound to VPCs, whose new interfaces get it, and to single interfaces.

use serde_json::{Map, Value, json};

use super::{Edition, vpcs};
use crate::emulator::actions::paging::{among, page};
use crate::emulator::actions::shape::time;
use crate::emulator::actions::simple;
use crate::emulator::actions::vm_create::name;
use crate::emulator::call::{Call, Reply, no_security_group};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::world::World;
use crate::emulator::world::vm::security_group::Rule;
use crate::emulator::world::zec::Zec;
use crate::emulator::world::zec::network::{DEFAULT_GROUP, Group};

/// Whether there is such a group.
pub(super) fn known(world: &World, id: &str) -> Result<(), Problem> {
    if world.zec.groups.iter().any(|group| group.id == id) { Ok(()) } else { Err(no_security_group(id)) }
}

fn find<'a>(call: &'a mut Call<'_>, id: &str) -> Result<&'a mut Group, Problem> {
    call.world.zec.groups.iter_mut().find(|group| group.id == id).ok_or_else(|| no_security_group(id))
}

/// RuleInfo, SecurityGroupRuleInfo.
fn read_rules(fields: Fields<'_>) -> Result<Vec<Rule>, Problem> {
    fields.objects("ruleInfos")?.into_iter().map(rule).collect()
}

fn rule(fields: Fields<'_>) -> Result<Rule, Problem> {
    let choice = |field: &str, allowed: &[&str]| -> Result<String, Problem> {
        let chosen = fields.one_of(field, allowed)?.ok_or_else(|| Problem::missing(field))?;
        Ok(chosen.to_owned())
    };
    let text = fields.text("desc")?.unwrap_or_default();
    if text.chars().count() > 255 {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_EXCEED_LENGTH",
            "A desc has at most 255 characters.",
        ));
    }
    let cidr = fields.text("cidrIp")?.unwrap_or("0.0.0.0/0");
    if cidr.parse::<ipnet::IpNet>().is_err() && cidr.parse::<std::net::IpAddr>().is_err() {
        return Err(Problem::value("cidrIp", "must be an address or a network range"));
    }
    let protocol = choice("ipProtocol", &["tcp", "udp", "icmp", "icmpv6", "gre", "all"])?;
    let ports = fields.required("portRange")?;
    let needs_ports = matches!(protocol.as_str(), "tcp" | "udp");
    if (needs_ports && !good_ports(ports)) || (!needs_ports && ports != "-1") {
        return Err(Problem::value("portRange", "must be ports from 1 to 65535 with tcp and udp, else -1"));
    }
    Ok(Rule {
        direction: choice("direction", &["ingress", "egress"])?,
        policy: choice("policy", &["accept", "deny"])?,
        priority: fields.bounded("priority", 1, 100)?.unwrap_or(1),
        protocol,
        ports: ports.to_owned(),
        cidr: cidr.to_owned(),
        description: text.to_owned(),
    })
}

/// `80`, `80,90`, `80-90`, `80/90`, or `-1` for all.
fn good_ports(text: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    text == "-1" || text.split([',', '-', '/']).all(port)
}

pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let name = name::plain(fields.required("securityGroupName")?)?;
    let rules = read_rules(fields)?;
    fields.one_of("scope", &["Global"])?;
    let id = call.world.number();
    call.world.zec.groups.push(Group { id: id.clone(), name, rules, created: call.now });
    Ok(simple::made("securityGroupId", id))
}

pub(super) fn list(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("securityGroupIds", 100)?;
    let name = fields.text("securityGroupName")?;
    let zec = &call.world.zec;
    let groups = zec.groups.iter().rev();
    let groups = groups.filter(|group| among(&ids, &[group.id.as_str()]) && simple::holds(name, &group.name));
    let edition = Edition::of(call.version);
    let items: Vec<Value> = groups.map(|group| show(zec, group, edition)).collect();
    page(fields, items)
}

/// SecurityGroupInfo.
fn show(zec: &Zec, group: &Group, edition: Edition) -> Value {
    let vpcs = zec.vpcs.iter().filter(|vpc| vpc.group == group.id).map(|vpc| vpc.id.as_str());
    let mut info = json!({
        "securityGroupId": group.id,
        "securityGroupName": group.name,
        "scope": "Global",
        "createTime": time(group.created),
        "vpcIds": vpcs.collect::<Vec<_>>(),
        "isDefault": group.id == DEFAULT_GROUP,
    });
    if let (Edition::Y2025, Some(members)) = (edition, info.as_object_mut()) {
        let nics = zec.nics.values().filter(|nic| nic.group == group.id).map(|nic| nic.id.as_str());
        members.insert("nicIdList".to_owned(), json!(nics.collect::<Vec<_>>()));
        for none in ["natIdList", "loadBalancerIdList", "haVipIdList"] {
            members.insert(none.to_owned(), json!([]));
        }
    }
    info
}

/// DescribeSecurityGroupRule.
pub(super) fn rules(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("securityGroupId")?;
    let group = find(call, id)?;
    let of = |direction: &str| -> Value {
        let rules = group.rules.iter().filter(|rule| rule.direction == direction).map(|rule| {
            json!({
                "direction": rule.direction,
                "policy": rule.policy,
                "priority": rule.priority,
                "ipProtocol": rule.protocol,
                "portRange": rule.ports,
                "cidrIp": rule.cidr,
                "desc": rule.description,
            })
        });
        rules.collect()
    };
    let mut result = Map::new();
    result.insert("ingressRuleList".to_owned(), of("ingress"));
    result.insert("egressRuleList".to_owned(), of("egress"));
    Ok(result)
}

/// ConfigureSecurityGroupRules: the list replaces all rules; no list, no rules.
pub(super) fn configure(call: &mut Call<'_>) -> Reply {
    let rules = read_rules(call.fields)?;
    let id = call.fields.required("securityGroupId")?;
    find(call, id)?.rules = rules;
    Ok(Map::new())
}

/// ModifySecurityGroupsAttribute.
pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("securityGroupIds", 100)?;
    let name = name::plain(call.fields.required("securityGroupName")?)?;
    ids.iter().try_for_each(|id| known(call.world, id))?;
    for id in ids {
        find(call, id)?.name.clone_from(&name);
    }
    Ok(Map::new())
}

/// AssignSecurityGroupVpc: interfaces made from now on get it.
pub(super) fn assign(call: &mut Call<'_>) -> Reply {
    let (id, vpc) = (call.fields.required("securityGroupId")?, call.fields.required("vpcId")?);
    known(call.world, id)?;
    id.clone_into(&mut vpcs::find(call.world, vpc)?.group);
    Ok(Map::new())
}

/// UnAssignSecurityGroupVpc: back to the default group.
pub(super) fn unassign(call: &mut Call<'_>) -> Reply {
    let vpc = call.fields.required("vpcId")?;
    DEFAULT_GROUP.clone_into(&mut vpcs::find(call.world, vpc)?.group);
    Ok(Map::new())
}

/// DeleteSecurityGroup: not the default one, and none that guards something.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("securityGroupId")?;
    known(call.world, id)?;
    let zec = &mut call.world.zec;
    let used = zec.vpcs.iter().any(|vpc| vpc.group == id) || zec.nics.values().any(|nic| nic.group == id);
    if used || id == DEFAULT_GROUP {
        return Err(Problem::denied(
            "OPERATION_DENIED_SECURITY_GROUP_IN_USE",
            "The security group guards a VPC or an interface, or is the default one.",
        ));
    }
    zec.groups.retain(|group| group.id != id);
    Ok(Map::new())
}

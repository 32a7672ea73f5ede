//! The rules of a security group: RuleInfo of the models, 20 each way at most.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::emulator::call::{Call, Reply, no_resource, no_security_group};
use crate::emulator::fields::Fields;
use crate::emulator::problem::Problem;
use crate::emulator::world::vm::security_group::{Rule, SecurityGroup};

/// Rules of a group in one direction.
const RULES: usize = 20;
/// What a priority may be; the vendor names no bounds.
const PRIORITIES: std::ops::RangeInclusive<i64> = 1..=100;

/// RuleInfo.
pub(super) fn show(rule: &Rule) -> Value {
    json!({
        "direction": rule.direction,
        "policy": rule.policy,
        "priority": rule.priority,
        "ipProtocol": rule.protocol,
        "portRange": rule.ports,
        "cidrIp": rule.cidr,
        "description": rule.description,
    })
}

/// `ruleInfos` of a request.
pub(super) fn list(fields: Fields<'_>) -> Result<Vec<Rule>, Problem> {
    fields.objects("ruleInfos")?.into_iter().map(read).collect()
}

fn read(fields: Fields<'_>) -> Result<Rule, Problem> {
    if fields.text("ruleId")?.is_some() {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_SECURITY_GROUP_RULE_ID_NOT_ALLOW",
            "The id of a rule cannot be chosen.",
        ));
    }
    let direction =
        fields.one_of("direction", &["ingress", "egress"])?.ok_or_else(|| Problem::missing("direction"))?;
    let policy = fields.text("policy")?.unwrap_or("accept");
    if policy != "accept" {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_SECURITY_GROUP_POLICY",
            "The policy can only be accept.",
        ));
    }
    let priority = fields.integer("priority")?.unwrap_or(1);
    if !PRIORITIES.contains(&priority) {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_SECURITY_GROUP_PRIORITY",
            "The priority must be 1 to 100.",
        ));
    }
    let protocol = fields
        .one_of("ipProtocol", &["tcp", "udp", "icmp", "all"])?
        .ok_or_else(|| Problem::missing("ipProtocol"))?;
    let ports = ports(protocol, fields.text("portRange")?).ok_or_else(|| {
        Problem::invalid(
            "INVALID_PARAMETER_SECURITY_GROUP_PORT_RANGE",
            "The portRange must be from/to within 1 and 65535, and -1/-1 for icmp and all.",
        )
    })?;
    let cidr = fields.text("cidrIp")?.unwrap_or("0.0.0.0/0");
    if cidr.parse::<IpNet>().is_err() && cidr.parse::<std::net::IpAddr>().is_err() {
        return Err(Problem::invalid(
            "INVALID_PARAMETER_SECURITY_GROUP_SOURCE_CIDR_IP",
            "The cidrIp must be an address or a block of addresses.",
        ));
    }
    Ok(Rule {
        direction: direction.to_owned(),
        policy: policy.to_owned(),
        priority,
        protocol: protocol.to_owned(),
        ports,
        cidr: cidr.to_owned(),
        description: fields.text("description")?.unwrap_or_default().to_owned(),
    })
}

/// `from/to`. A single port becomes a range of one, as the Terraform provider expects to read it back.
fn ports(protocol: &str, given: Option<&str>) -> Option<String> {
    if matches!(protocol, "icmp" | "all") {
        return given.is_none_or(|given| given == "-1/-1").then(|| "-1/-1".to_owned());
    }
    let given = given?;
    let (from, to) = given.split_once('/').unwrap_or((given, given));
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let (from, to) = (port(from)?, port(to)?);
    (from <= to).then(|| format!("{from}/{to}"))
}

/// Refuses doubles and too many.
pub(super) fn check(rules: &[Rule]) -> Result<(), Problem> {
    let doubled =
        rules.iter().enumerate().any(|(index, rule)| rules.iter().take(index).any(|other| other.is(rule)));
    if doubled {
        return Err(Problem::denied(
            "OPERATION_DENIED_SECURITY_GROUP_EXIST_REPEAT_RULE",
            "Two rules of the security group are the same.",
        ));
    }
    let count = |direction: &str| rules.iter().filter(|rule| rule.direction == direction).count();
    if count("ingress") > RULES || count("egress") > RULES {
        return Err(Problem::denied(
            "OPERATION_DENIED_SECURITY_GROUP_RULE_EXCEED_LIMIT",
            format!("A security group has at most {RULES} rules in each direction."),
        ));
    }
    Ok(())
}

/// AuthorizeSecurityGroupRule: one rule, its fields beside the id of the group.
pub(super) fn authorize_one(call: &mut Call<'_>) -> Reply {
    let rule = read(call.fields)?;
    replace(call, |rules| Ok([rules, &[rule]].concat()))
}

/// AuthorizeSecurityGroupRules: all or none.
pub(super) fn authorize(call: &mut Call<'_>) -> Reply {
    let added = required(call.fields)?;
    replace(call, |rules| Ok([rules, &added].concat()))
}

/// RevokeSecurityGroupRules: all or none. That a rule is not there counts as success for the Terraform provider
/// only with this code.
pub(super) fn revoke(call: &mut Call<'_>) -> Reply {
    let revoked = required(call.fields)?;
    replace(call, |rules| {
        if let Some(rule) = revoked.iter().find(|rule| !rules.iter().any(|known| known.is(rule))) {
            return Err(no_resource("rule", &format!("{} {}", rule.protocol, rule.ports)));
        }
        Ok(rules.iter().filter(|known| !revoked.iter().any(|rule| rule.is(known))).cloned().collect())
    })
}

/// ConfigureSecurityGroupRules: these instead of all there were; none at all is allowed.
pub(super) fn configure(call: &mut Call<'_>) -> Reply {
    let rules = list(call.fields)?;
    replace(call, |_| Ok(rules))
}

fn required(fields: Fields<'_>) -> Result<Vec<Rule>, Problem> {
    let rules = list(fields)?;
    if rules.is_empty() { Err(Problem::missing("ruleInfos")) } else { Ok(rules) }
}

fn replace(call: &mut Call<'_>, change: impl FnOnce(&[Rule]) -> Result<Vec<Rule>, Problem>) -> Reply {
    let id = call.fields.required("securityGroupId")?;
    let groups = &mut call.world.vm.security_groups;
    let group: &mut SecurityGroup =
        groups.iter_mut().find(|group| group.id == id).ok_or_else(|| no_security_group(id))?;
    if !group.available {
        return Err(Problem::denied(
            "OPERATION_DENIED_SECURITY_GROUP_STATUS_NOT_AVAILABLE",
            format!("The security group {id} is not available."),
        ));
    }
    let rules = change(&group.rules)?;
    check(&rules)?;
    group.rules = rules;
    Ok(Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_ranges_and_only_where_there_are_ports() {
        let table = [
            ("tcp", Some("80"), Some("80/80")),
            ("udp", Some("1/200"), Some("1/200")),
            ("tcp", Some("200/1"), None),
            ("tcp", Some("0/1"), None),
            ("tcp", Some("1/65536"), None),
            ("tcp", Some("-1/-1"), None),
            ("tcp", None, None),
            ("icmp", None, Some("-1/-1")),
            ("all", Some("-1/-1"), Some("-1/-1")),
            ("all", Some("1/2"), None),
        ];
        for (protocol, given, read) in table {
            assert_eq!(ports(protocol, given).as_deref(), read, "{protocol} {given:?}");
        }
    }
}

//! Actions of `zlb`: load balancers.
//!
//! From the Python SDK, `zenlayercloud/zlb/v20250401/zlb_client.py`; the Go SDK has the package `zlb20250401`.

use super::{Action, change, read};

const SERVICE: &str = "zlb";
const V2025: &[&str] = &["2025-04-01"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "AddLoadBalancersPrivateIps", V2025),
    change(SERVICE, "AssignLoadBalancerIpv6", V2025),
    change(SERVICE, "CreateListener", V2025),
    change(SERVICE, "CreateLoadBalancer", V2025),
    change(SERVICE, "DeleteListener", V2025),
    change(SERVICE, "DeleteLoadBalancersPrivateIps", V2025),
    change(SERVICE, "DeregisterBackend", V2025),
    read(SERVICE, "DescribeBackendHealth", V2025),
    read(SERVICE, "DescribeBackends", V2025),
    read(SERVICE, "DescribeListeners", V2025),
    read(SERVICE, "DescribeLoadBalancerMonitorData", V2025),
    read(SERVICE, "DescribeLoadBalancerRegions", V2025),
    read(SERVICE, "DescribeLoadBalancers", V2025),
    read(SERVICE, "InquiryPriceCreateLoadBalancer", V2025),
    change(SERVICE, "ModifyBackend", V2025),
    change(SERVICE, "ModifyListener", V2025),
    change(SERVICE, "ModifyLoadBalancersAttribute", V2025),
    change(SERVICE, "RegisterBackend", V2025),
    change(SERVICE, "RestoreLoadBalancer", V2025),
    change(SERVICE, "SetSecurityGroupForLoadBalancers", V2025),
    change(SERVICE, "TerminateLoadBalancer", V2025),
    change(SERVICE, "UnbindSecurityGroupFromLoadBalancers", V2025),
];

//! Actions of `zsp`: support tickets.
//!
//! From the Python SDK, `zenlayercloud/zsp/v20260801/zsp_client.py`; the Go SDK has the package `zsp20260801`.

use super::{Action, change, read};

const SERVICE: &str = "zsp";
const V2026: &[&str] = &["2026-08-01"];

/// Sorted by name.
pub(super) static ACTIONS: &[Action] = &[
    change(SERVICE, "CreateTicket", V2026),
    read(SERVICE, "DescribeTicketCreationQuota", V2026),
    read(SERVICE, "DescribeTicketDetail", V2026),
    read(SERVICE, "DescribeTickets", V2026),
];

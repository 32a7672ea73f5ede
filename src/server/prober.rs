//! Asks a cloud that has not answered whether it is back, with a read of its own: where nobody reads, nobody else would.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
use crate::clock::Clock;
use crate::metrics::Metrics;

/// How often it looks whether a try is due; the pause between tries is `upstream.breaker_pause`.
const LOOKS: Duration = Duration::from_millis(250);
/// The cheapest question there is: it needs no argument, and every account may ask it.
const QUESTION: (&str, &str) = ("vm", "DescribeZones");

/// Works until aborted.
pub(super) async fn work(accounts: Arc<BTreeMap<String, Arc<Account>>>, clock: Clock, metrics: Arc<Metrics>) {
    let mut looks = tokio::time::interval(LOOKS);
    loop {
        looks.tick().await;
        for account in accounts.values() {
            metrics.upstream_open(&account.name, account.upstream.is_open());
            if account.upstream.wants_try() {
                let (account, now) = (Arc::clone(account), clock.unix_seconds());
                tokio::spawn(async move {
                    let (service, action) = QUESTION;
                    // What it answers does not matter, only that it does; the breaker has seen it.
                    let _ = account.ask(service, action, &serde_json::json!({}), now).await;
                });
            }
        }
    }
}

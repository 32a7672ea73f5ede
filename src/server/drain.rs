//! The end: connections first, the work below them second, the records last. Each has an end of its own within
//! `drain.deadline`, so that one that does not come to an end takes nothing from the next.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::gateway::Parts;
use crate::history;
use crate::record::{Records, Writer};

/// For records that wait at the end to be written.
pub(super) const LAST_RECORDS: Duration = Duration::from_secs(5);

/// Readiness is off; balancers get time to notice, then connections end, then the work below them. True if all work came to
/// its end.
pub(super) async fn drain(
    config: &Config,
    parts: &Parts,
    stop_accepting: &CancellationToken,
    serving: tokio::task::JoinHandle<()>,
) -> bool {
    tokio::time::sleep(config.drain.lame_duck).await;
    stop_accepting.cancel();
    parts.work.close();
    let ending = async {
        let _ = serving.await;
        parts.work.wait().await;
    };
    let ended = tokio::time::timeout(config.drain.deadline, async {
        tokio::pin!(ending);
        if tokio::time::timeout(config.drain.last_start(config.upstream.create_timeout), &mut ending)
            .await
            .is_err()
        {
            tracing::info!("nothing new is begun any more");
            parts.closing.cancel();
            ending.await;
        }
    })
    .await;
    parts.closing.cancel();
    if ended.is_err() {
        tracing::error!(
            left = parts.work.len(),
            "work was left at the end of the drain; its outcomes are unknown"
        );
    }
    ended.is_ok()
}

/// Writes what waits of the decisions; false if some of it was left.
pub(super) async fn write_records(records: &Records, writer: Writer, history: history::Writer) -> bool {
    records.close();
    let finish = move || {
        let written = writer.finish(LAST_RECORDS);
        history.finish();
        written
    };
    let finishing = tokio::time::timeout(LAST_RECORDS * 2, tokio::task::spawn_blocking(finish)).await;
    let written = matches!(finishing, Ok(Ok(true)));
    if !written {
        tracing::error!("decision records were left unwritten");
    }
    written
}

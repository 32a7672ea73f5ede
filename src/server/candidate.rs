//! A candidate in shadow: a whole second set of policies that judges what was decided, in a process of its own. The live path hands
//! over records it makes anyway, through a bounded queue, and waits for nothing; whatever the candidate's rules do, they do it
//! to a process that serves nobody.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::gateway::Parts;
use crate::metrics::Metrics;
use crate::policy::child;
use crate::policy::source::Material;
use crate::replay::Summary;
use crate::replay::shadow::{Answer, Order};

/// Records that wait for the candidate; more are dropped and counted.
const QUEUE: usize = 1024;
/// How long it may sit over one record. A hundred times what the gateway gives to both evaluations.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to begin.
const START: Duration = Duration::from_secs(60);
/// Between a death and the next try; doubled each time up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Decisions shown of each kind of difference.
const SAMPLES: usize = 20;

/// A candidate that runs. Dropping it ends its process.
pub(super) struct Candidate {
    pub(super) material: Material,
    pub(super) revision: String,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
    parts: Parts,
}

struct Seen {
    summary: Summary,
    deaths: u64,
    last_death: Option<String>,
}

impl Candidate {
    /// Starts the process and has the records told to it. The material has been tried.
    pub(super) fn start(material: Material, revision: String, admitted: Vec<String>, parts: &Parts) -> Self {
        let summary = Summary::new(&revision, SAMPLES);
        let seen = Arc::new(Mutex::new(Seen { summary, deaths: 0, last_death: None }));
        let (sender, records) = mpsc::channel(QUEUE);
        parts.records.follow(Some(sender));
        parts.metrics.policies().staged(true);
        let order = Order { material: material.clone(), admitted };
        let task = tokio::spawn(live(order, records, Arc::clone(&seen), Arc::clone(&parts.metrics)));
        Self { material, revision, seen, task, parts: parts.clone() }
    }

    /// What it would have decided differently so far.
    pub(super) fn status(&self) -> serde_json::Value {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::json!({
            "revision": self.revision,
            "deaths": seen.deaths,
            "last_death": seen.last_death,
            "compared": seen.summary,
        })
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        self.parts.records.follow(None);
        self.parts.metrics.policies().staged(false);
        self.task.abort();
    }
}

/// Keeps a process running until there are no more records.
async fn live(
    order: Order,
    mut records: mpsc::Receiver<String>,
    seen: Arc<Mutex<Seen>>,
    metrics: Arc<Metrics>,
) {
    let Ok(order) = serde_json::to_string(&order) else { return };
    let mut pause = PAUSES.0;
    loop {
        let before = records_seen(&seen);
        let Err(why) = one_life(&order, &mut records, &seen, &metrics).await else { return };
        metrics.policies().died();
        tracing::warn!(why, "the candidate's process ended; no request feels it");
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.deaths = seen.deaths.saturating_add(1);
            seen.last_death = Some(why);
        }
        // One that got on before it died is started again soon.
        pause = if records_seen(&seen) > before { PAUSES.0 } else { pause.saturating_mul(2).min(PAUSES.1) };
        tokio::time::sleep(pause).await;
    }
}

fn records_seen(seen: &Mutex<Seen>) -> u64 {
    seen.lock().unwrap_or_else(PoisonError::into_inner).summary.judged
}

/// Ends well when there are no more records; otherwise says what happened to the process.
async fn one_life(
    order: &str,
    records: &mut mpsc::Receiver<String>,
    seen: &Mutex<Seen>,
    metrics: &Metrics,
) -> Result<(), String> {
    let mut process = child::spawn(child::SHADOW).map_err(|error| error.to_string())?;
    let (Some(mut to), Some(from)) = (process.stdin.take(), process.stdout.take()) else {
        return Err("its pipes are gone".to_owned());
    };
    let mut from = BufReader::new(from).lines();
    let mut text = order.to_owned();
    text.push('\n');
    let mut limit = START;
    let sent = tokio::time::timeout(limit, to.write_all(text.as_bytes())).await;
    if !matches!(sent, Ok(Ok(()))) {
        return Err("it did not take its policies".to_owned());
    }
    while let Some(mut record) = records.recv().await {
        record.push('\n');
        let exchange = async {
            to.write_all(record.as_bytes()).await.and(to.flush().await)?;
            from.next_line().await
        };
        let answer = match tokio::time::timeout(limit, exchange).await {
            Err(_) => Err(format!("it sat over one decision for {} s and was ended", limit.as_secs())),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(None)) => Err("its process ended".to_owned()),
            Ok(Ok(Some(line))) => Ok(line),
        };
        let answer = match answer {
            Ok(line) => line,
            Err(why) => {
                metrics.policies().shown("dropped");
                let status = process.try_wait().ok().flatten();
                return Err(status.map_or(why.clone(), |status| format!("{why} ({status})")));
            }
        };
        limit = PATIENCE;
        match serde_json::from_str::<Answer>(&answer) {
            Ok(answer) => count(&answer, seen, metrics),
            Err(error) => return Err(format!("its answer cannot be read: {error}")),
        }
    }
    Ok(())
}

fn count(answer: &Answer, seen: &Mutex<Seen>, metrics: &Metrics) {
    let result = match (answer.judged, answer.differences.is_empty()) {
        (false, _) => "skipped",
        (true, true) => "same",
        (true, false) => "different",
    };
    metrics.policies().shown(result);
    for difference in &answer.differences {
        metrics.candidate_differs(difference);
        tracing::info!(
            target: "zengate::candidate",
            decision = difference.decision,
            team = difference.team,
            kind = difference.kind.as_str(),
            rules = ?difference.rules,
            now = difference.now,
            "the candidate would decide differently"
        );
    }
    if answer.judged {
        seen.lock().unwrap_or_else(PoisonError::into_inner).summary.add(&answer.differences);
    }
}

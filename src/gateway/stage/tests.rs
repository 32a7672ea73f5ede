//! The line below which a hang-up cancels nothing, without HTTP.

use std::sync::Mutex;

use tokio::sync::Notify;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use super::*;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<&'static str>>>);

impl Seen {
    fn note(&self, what: &'static str) {
        self.0.lock().unwrap().push(what);
    }

    fn all(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

struct Work(Seen);

impl Detachable for Work {
    fn begin(&self) -> Box<dyn Ended> {
        self.0.note("begun");
        Box::new(self.0.clone())
    }
}

impl Ended for Seen {
    fn broke(&self) -> Refusal {
        Refusal::OutcomeUnknown { what: "broke", decision: "T".into() }
    }

    fn work_done(&self) {
        self.note("done");
    }

    fn nobody_waits(&self, refusal: Option<&Refusal>) {
        self.note(if refusal.is_some() { "unheard refusal" } else { "unheard" });
    }
}

#[tokio::test]
async fn work_below_the_line_goes_on_when_its_caller_has_left() {
    let (seen, started, gate) = (Seen::default(), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let tracker = TaskTracker::new();
    let (signal, wait, noted) = (Arc::clone(&started), Arc::clone(&gate), seen.clone());
    let path =
        ServiceBuilder::new().layer(Detach(tracker.clone())).service(service_fn(move |_work: Work| {
            let (signal, wait, noted) = (Arc::clone(&signal), Arc::clone(&wait), noted.clone());
            async move {
                signal.notify_one();
                wait.notified().await;
                noted.note("sent");
                Ok::<_, Refusal>(())
            }
        }));
    let caller = tokio::spawn(path.oneshot(Work(seen.clone())));
    started.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    gate.notify_one();
    tracker.close();
    tracker.wait().await;
    assert_eq!(seen.all(), ["begun", "sent", "done", "unheard"]);
}

#[tokio::test]
async fn a_panic_below_the_line_is_an_unknown_outcome() {
    let seen = Seen::default();
    async fn broken(_: Work) -> Result<(), Refusal> {
        panic!("a bug")
    }
    let path = ServiceBuilder::new().layer(Detach(TaskTracker::new())).service(service_fn(broken));
    let refusal = path.oneshot(Work(seen.clone())).await.unwrap_err();
    assert!(matches!(refusal, Refusal::OutcomeUnknown { what: "broke", .. }), "{refusal:?}");
    assert_eq!(seen.all(), ["begun", "done"]);
}

struct Double;

impl Stage for Double {
    type In = u32;
    type Out = Way<u32, String>;

    async fn apply(&self, input: u32) -> Result<Self::Out, Refusal> {
        match input {
            0 => Err(Refusal::Busy),
            1..10 => Ok(Way::Aside(input * 2)),
            _ => Ok(Way::On(format!("{input}"))),
        }
    }
}

#[tokio::test]
async fn stages_mint_forks_part_and_refusals_end_the_path() {
    let path = ServiceBuilder::new()
        .layer(stage(Double))
        .layer(fork(service_fn(|left: u32| async move { Ok::<_, Refusal>(format!("aside {left}")) })))
        .service(service_fn(|right: String| async move { Ok::<_, Refusal>(format!("on {right}")) }));
    assert_eq!(path.clone().oneshot(4).await.unwrap(), "aside 8");
    assert_eq!(path.clone().oneshot(12).await.unwrap(), "on 12");
    assert!(matches!(path.oneshot(0).await, Err(Refusal::Busy)));
}

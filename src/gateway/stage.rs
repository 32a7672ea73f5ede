//! The only generic tower code: stages, the fork for reads, and the line below which a hang-up cancels nothing.
//!
//! A [`Stage`] consumes one type and mints the next; the fields of what it mints are its own, so nobody else can make
//! one. [`stage`] turns it into a tower layer. Two stages in the wrong order do not compile.

use std::future::Future;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use futures_util::future::Either;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tower::{Layer, Service};

use crate::refusal::Refusal;

/// What every service of the path gives back.
pub(super) type Answering<T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send>>;

/// One step of the path.
pub(super) trait Stage: Send + Sync + 'static {
    /// What it consumes.
    type In: Send + 'static;
    /// What it mints.
    type Out: Send + 'static;

    /// Does the step or refuses the request.
    fn apply(&self, input: Self::In) -> impl Future<Output = Result<Self::Out, Refusal>> + Send;
}

/// A stage as a layer.
pub(super) fn stage<S: Stage>(stage: S) -> StageLayer<S> {
    StageLayer(Arc::new(stage))
}

/// See [`stage`].
pub(super) struct StageLayer<S>(Arc<S>);

impl<S, Inner> Layer<Inner> for StageLayer<S> {
    type Service = StageService<S, Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        StageService(Arc::new((Arc::clone(&self.0), inner)))
    }
}

/// A stage in front of the rest of the path. Behind one pointer: every request clones every rest of the path, and a count
/// that two threads raise and lower for each of the stages below would cost more than the stages.
pub(super) struct StageService<S, Inner>(Arc<(Arc<S>, Inner)>);

impl<S, Inner> Clone for StageService<S, Inner> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The rest of the path: every service below is always ready, so a clone of it is as good as itself.
pub(super) trait Rest<In>:
    Service<In, Response: Send, Error = Refusal, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<In, S> Rest<In> for S where
    S: Service<In, Response: Send, Error = Refusal, Future: Send> + Clone + Send + Sync + 'static
{
}

/// Goes on down the path. Nobody waits for a service that is always ready: the way through `oneshot` would move what a request
/// is made of twice more.
pub(super) fn on<In, S: Rest<In>>(rest: &S, input: In) -> S::Future {
    rest.clone().call(input)
}

impl<S, Inner> Service<S::In> for StageService<S, Inner>
where
    S: Stage,
    Inner: Rest<S::Out>,
{
    type Response = Inner::Response;
    type Error = Refusal;
    type Future = Answering<Inner::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, input: S::In) -> Self::Future {
        let here = self.clone();
        Box::pin(async move {
            let (stage, inner) = &*here.0;
            let output = stage.apply(input).await?;
            on(inner, output).await
        })
    }
}

/// One of two ways on.
pub(super) enum Way<L, R> {
    /// Leaves the path here, by the service given to [`fork`].
    Aside(L),
    /// Goes on down the path.
    On(R),
}

/// Sends [`Way::Aside`] to `aside` and everything else on down the path.
pub(super) fn fork<A, L, R>(aside: A) -> ForkLayer<A, L, R> {
    ForkLayer(aside, PhantomData)
}

/// See [`fork`].
pub(super) struct ForkLayer<A, L, R>(A, PhantomData<fn(L, R)>);

impl<A: Clone, L, R, Inner> Layer<Inner> for ForkLayer<A, L, R> {
    type Service = ForkService<A, L, R, Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        ForkService { aside: self.0.clone(), inner, ways: PhantomData }
    }
}

/// See [`fork`].
pub(super) struct ForkService<A, L, R, Inner> {
    aside: A,
    inner: Inner,
    ways: PhantomData<fn(L, R)>,
}

impl<A: Clone, L, R, Inner: Clone> Clone for ForkService<A, L, R, Inner> {
    fn clone(&self) -> Self {
        Self { aside: self.aside.clone(), inner: self.inner.clone(), ways: PhantomData }
    }
}

impl<A, L, R, Inner> Service<Way<L, R>> for ForkService<A, L, R, Inner>
where
    A: Rest<L>,
    Inner: Rest<R, Response = A::Response>,
    L: Send + 'static,
    R: Send + 'static,
{
    type Response = A::Response;
    type Error = Refusal;
    type Future = Either<A::Future, Inner::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, way: Way<L, R>) -> Self::Future {
        match way {
            Way::Aside(left) => Either::Left(on(&self.aside, left)),
            Way::On(right) => Either::Right(on(&self.inner, right)),
        }
    }
}

/// What a detached task needs to know of the request whose work it does.
pub(super) trait Detachable {
    /// Called on the task when the work has begun, ...
    fn begin(&self) -> Box<dyn Ended>;
}

/// The other half of [`Detachable`].
pub(super) trait Ended: Send {
    /// The work has panicked: what is said then.
    fn broke(&self) -> Refusal;
    /// The work has ended and its result is about to be handed over.
    fn work_done(&self);
    /// Nobody was left to take the result; `refusal` is its error, if it was one.
    fn nobody_waits(&self, refusal: Option<&Refusal>);
}

/// Runs the rest of the path on a task of its own, which shutdown waits for. A caller that hangs up loses its answer,
/// not its booking. A panic below this line is an unknown outcome, because something may have been sent.
#[derive(Clone)]
pub(super) struct Detach(pub(super) TaskTracker);

impl<Inner> Layer<Inner> for Detach {
    type Service = DetachService<Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        DetachService { tracker: self.0.clone(), inner }
    }
}

/// See [`Detach`].
#[derive(Clone)]
pub(super) struct DetachService<Inner> {
    tracker: TaskTracker,
    inner: Inner,
}

impl<In, Inner> Service<In> for DetachService<Inner>
where
    In: Detachable + Send + 'static,
    Inner: Rest<In>,
    Inner::Response: 'static,
    Inner::Future: 'static,
{
    type Response = Inner::Response;
    type Error = Refusal;
    type Future = Answering<Inner::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, input: In) -> Self::Future {
        let (hand_over, result) = oneshot::channel();
        let inner = self.inner.clone();
        let tracker = self.tracker.clone();
        Box::pin(async move {
            let ended = input.begin();
            tracker.spawn(async move {
                let work = AssertUnwindSafe(async { on(&inner, input).await }).catch_unwind();
                let outcome = work.await.unwrap_or_else(|_| Err(ended.broke()));
                ended.work_done();
                if let Err(unheard) = hand_over.send(outcome) {
                    ended.nobody_waits(unheard.as_ref().err());
                }
            });
            result.await.unwrap_or(Err(Refusal::Panic))
        })
    }
}

#[cfg(test)]
mod tests;

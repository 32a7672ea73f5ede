//! The interpreter's engines. An evaluation has one to itself: what two threads share would make them no faster than one. Where
//! plans answer, they are needed for a comparison now and then, so they are made when none is free, and one may do for all threads.

use std::sync::{Arc, Mutex, PoisonError};

use regorus::Engine;

use super::failure::{PolicyFailure, Reason};
use super::value;

/// The engines of one compiled tree.
pub(super) struct Interpreters {
    /// All rules and entries, without data.
    bare: Engine,
    data: Arc<serde_json::Value>,
    free: Mutex<Vec<Engine>>,
}

impl Interpreters {
    pub(super) fn new(bare: Engine, data: &Arc<serde_json::Value>) -> Self {
        Self { bare, data: Arc::clone(data), free: Mutex::default() }
    }

    /// One that nobody else uses. It is given back afterwards, but for one that panicked.
    pub(super) fn take(&self) -> Result<Engine, PolicyFailure> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        free.map_or_else(|| self.make(), Ok)
    }

    pub(super) fn give_back(&self, engine: Engine) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(engine);
    }

    /// A new one, with a copy of the data that shares nothing.
    pub(super) fn make(&self) -> Result<Engine, PolicyFailure> {
        let mut engine = self.bare.clone();
        let data = value::from_plain(&self.data);
        engine.add_data(data).map_err(|error| PolicyFailure::new(Reason::Error, error.to_string()))?;
        Ok(engine)
    }
}

//! Time as an argument: the only file that asks the operating system what time it is.
//!
//! Everything that compares times takes a [`Clock`], so a test can stand at the edge of a window and step over it.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where the time comes from. Cloning is cheap; clones of a manual clock share its hands.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<Mutex<Hands>>),
}

/// What a manual clock shows.
#[derive(Clone, Copy)]
struct Hands {
    wall: Duration,
    steady: Duration,
}

/// Where [`Clock::steady`] of the machine begins.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `seconds` after the Unix epoch until it is moved.
    pub fn manual(seconds: u64) -> Self {
        let hands = Hands { wall: Duration::from_secs(seconds), steady: Duration::ZERO };
        Self(Source::Manual(Arc::new(Mutex::new(hands))))
    }

    /// Lets time pass on a manual clock; nothing happens to the machine's.
    pub fn advance(&self, by: Duration) {
        self.turn(|hands| Hands {
            wall: hands.wall.saturating_add(by),
            steady: hands.steady.saturating_add(by),
        });
    }

    /// Sets a manual clock right, or wrong, by so many seconds, as an operator or a time service does: the wall clock jumps, and
    /// no time passes.
    pub fn step(&self, seconds: i64) {
        let by = Duration::from_secs(seconds.unsigned_abs());
        self.turn(|hands| Hands {
            wall: if seconds < 0 { hands.wall.saturating_sub(by) } else { hands.wall.saturating_add(by) },
            ..hands
        });
    }

    fn turn(&self, to: impl FnOnce(Hands) -> Hands) {
        if let Source::Manual(hands) = &self.0 {
            let mut hands = hands.lock().unwrap_or_else(PoisonError::into_inner);
            *hands = to(*hands);
        }
    }

    /// The time since the Unix epoch; zero before it.
    pub fn since_epoch(&self) -> Duration {
        match &self.0 {
            Source::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Source::Manual(hands) => hands.lock().unwrap_or_else(PoisonError::into_inner).wall,
        }
    }

    /// The time since some moment in this process, by a clock that never jumps.
    pub fn steady(&self) -> Duration {
        match &self.0 {
            Source::System => ORIGIN.elapsed(),
            Source::Manual(hands) => hands.lock().unwrap_or_else(PoisonError::into_inner).steady,
        }
    }

    /// Whole seconds since the Unix epoch, as the cloud's timestamps count.
    pub fn unix_seconds(&self) -> i64 {
        i64::try_from(self.since_epoch().as_secs()).unwrap_or(i64::MAX)
    }

    /// The time as a [`jiff::Timestamp`].
    pub fn timestamp(&self) -> jiff::Timestamp {
        let now = self.since_epoch();
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let nanos = i32::try_from(now.subsec_nanos()).unwrap_or(0);
        jiff::Timestamp::new(seconds, nanos).unwrap_or(jiff::Timestamp::MAX)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Manual(_) => "Clock(manual)",
        })
    }
}

/// Measures how long something takes, by the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

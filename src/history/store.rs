//! What a history's store must do: one end writes, another one reads, each on a thread of its own.

use super::row::Row;
use super::{Ask, Found, HistoryAway, Size};

/// Decisions that are deleted at once: a batch between two batches of writing.
pub(super) const SWEPT_AT_ONCE: i64 = 500;

/// The writing end. After an error it is opened again before anything else is asked.
pub(super) trait Keep: Send {
    /// Opens or makes it, and says how much it holds.
    fn open(&mut self) -> Result<Size, HistoryAway>;

    /// Keeps these; what is there already stays as it is.
    fn write(&mut self, rows: &[Row]) -> Result<(), HistoryAway>;

    /// What a create has made, as it became known.
    fn settled(&mut self, decision: &str, ids: &[String]) -> Result<(), HistoryAway>;

    /// How much it holds.
    fn size(&mut self) -> Result<Size, HistoryAway>;

    /// Deletes up to [`SWEPT_AT_ONCE`] of the oldest: those whose id is less than `before`, or any where there are more than `most` bytes.
    /// The answer is how many.
    fn sweep(&mut self, before: &str, most: u64) -> Result<u64, HistoryAway>;
}

/// The reading end.
pub(super) trait Find: Send {
    /// Answers a question; opens what has to be opened.
    fn find(&mut self, ask: &Ask) -> Result<Vec<Found>, HistoryAway>;
}

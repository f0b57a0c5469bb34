//! What the writer says of rows that change, until what was found out of them is asked for again.

use std::sync::{Mutex, PoisonError};

use crate::model::span::Nanos;

/// From one start to another, the last included.
pub(super) type Times = (Nanos, Nanos);

/// Nothing is sure to be as it was.
pub(super) const EVER: Times = (Nanos::MIN, Nanos::MAX);

/// So many changes are told apart while nobody asks.
const APART: usize = 256;

/// Times in which rows that begin then may not be as they were.
#[derive(Default)]
pub(super) struct Changes(Mutex<Vec<Times>>);

impl Changes {
    /// Rows that begin in these times are about to change, or have changed just now: said before the commit and after it, so that whatever a
    /// question saw of the commit is asked for again by the one that the commit brings about.
    pub(super) fn add(&self, times: &[Times]) {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for times in times {
            let full = changes.len() >= APART;
            match changes.last_mut() {
                Some(last) if full || (last.0 <= times.1 && times.0 <= last.1) => *last = (last.0.min(times.0), last.1.max(times.1)),
                _ => changes.push(*times),
            }
        }
    }

    /// All of them.
    pub(super) fn take(&self) -> Vec<Times> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

//! Cost by feature, live.

use crate::model::query::CostRow;
use crate::model::span::Nanos;
use crate::model::usage::Cost;

/// Asked for at most four times a second.
const PACE: Nanos = 250_000_000;

/// The panel.
#[derive(Debug, Default)]
pub struct Costs {
    rows: Vec<CostRow>,
    loaded: bool,
    error: Option<String>,
    at: usize,
    top: usize,
    /// When it was asked for last.
    asked: Option<Nanos>,
}

/// The sum of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// What is known of it; `None` when nothing has a cost.
    pub cost: Option<Cost>,
    /// It is at least this much: some call's cost is unknown or a lower bound.
    pub at_least: bool,
    /// Interactions.
    pub interactions: u64,
}

impl Costs {
    /// The rows, dearest first.
    #[must_use]
    pub fn rows(&self) -> &[CostRow] {
        &self.rows
    }

    /// The first answer has come.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Why there is nothing to show.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The row of the cursor.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The first row on the screen.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// The sum.
    #[must_use]
    pub fn total(&self) -> Total {
        let mut total = Total::default();
        for row in &self.rows {
            if let Some(cost) = row.cost {
                total.cost = Some(Cost(total.cost.map_or(0, |sum| sum.0).saturating_add(cost.0)));
            }
            total.at_least |= row.lower_bound || row.unpriced_calls > 0;
            total.interactions += row.interactions;
        }
        total
    }

    pub(super) fn arrived(&mut self, answer: Result<Vec<CostRow>, String>) {
        self.loaded = true;
        match answer {
            Ok(rows) => {
                // The cursor stays on its feature while rows change places.
                let key = self.rows.get(self.at).map(|row| row.key.clone());
                self.error = None;
                self.rows = rows;
                let found = key.and_then(|key| self.rows.iter().position(|row| row.key == key));
                self.at = found.unwrap_or(self.at).min(self.rows.len().saturating_sub(1));
            }
            Err(message) => self.error = Some(message),
        }
    }

    /// When it may be asked for again.
    pub(super) fn next(&self, now: Nanos) -> Nanos {
        self.asked.map_or(now, |asked| asked.saturating_add(PACE))
    }

    pub(super) fn asked(&mut self, now: Nanos) {
        self.asked = Some(now);
    }

    /// Another filter: what is shown no longer holds.
    pub(super) fn restart(&mut self) {
        *self = Self {
            asked: None,
            ..Self::default()
        };
    }

    pub(super) fn stand_on(&mut self, row: usize, height: usize) {
        self.at = row.min(self.rows.len().saturating_sub(1));
        let lowest = (self.at + 1).saturating_sub(height.max(1));
        self.top = self.top.clamp(lowest, self.at.max(lowest));
        self.top = self.top.min(self.rows.len().saturating_sub(height.max(1)));
    }
}

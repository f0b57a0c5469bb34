//! Spend by feature, model, user, session or service, over a time of one's choice, live.

use crate::model::query::{CostKey, CostRow, Window};
use crate::model::span::Nanos;
use crate::model::usage::Cost;

/// Asked for at most four times a second.
const PACE: Nanos = 250_000_000;

/// Judging every interaction takes a look at all of them: done while there are at most so many.
const JUDGED: u64 = 20_000;

/// The time that spend is summed over, within the time shown in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Span {
    /// All of it.
    #[default]
    All,
    /// The last five minutes.
    FiveMinutes,
    /// The last hour.
    Hour,
    /// Since midnight.
    Today,
    /// The last seven days.
    Week,
}

impl Span {
    /// The next one, round the end.
    const fn next(self) -> Self {
        match self {
            Self::All => Self::FiveMinutes,
            Self::FiveMinutes => Self::Hour,
            Self::Hour => Self::Today,
            Self::Today => Self::Week,
            Self::Week => Self::All,
        }
    }

    /// What it is called in the title; nothing for all.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::All => "",
            Self::FiveMinutes => ", 5 m",
            Self::Hour => ", 1 h",
            Self::Today => ", today",
            Self::Week => ", 7 d",
        }
    }

    /// How long it is; `None` for all, and for today, whose length changes.
    #[must_use]
    pub const fn length(self) -> Option<Nanos> {
        const MINUTE: Nanos = 60_000_000_000;
        match self {
            Self::All | Self::Today => None,
            Self::FiveMinutes => Some(5 * MINUTE),
            Self::Hour => Some(60 * MINUTE),
            Self::Week => Some(7 * 24 * 60 * MINUTE),
        }
    }

    /// When it began.
    fn since(self, now: Nanos, zone: &jiff::tz::TimeZone) -> Option<Nanos> {
        if let Some(length) = self.length() {
            return Some(now.saturating_sub(length));
        }
        if self == Self::All {
            return None;
        }
        let moment = jiff::Timestamp::from_nanosecond(i128::from(now))
            .ok()?
            .to_zoned_datetime(zone.clone());
        let midnight = moment.start_of_day().ok()?.timestamp();
        Nanos::try_from(midnight.as_nanosecond()).ok()
    }
}

/// The panel.
#[derive(Debug, Default)]
pub struct Costs {
    rows: Vec<CostRow>,
    by: CostKey,
    span: Span,
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

    /// What spend is grouped by.
    #[must_use]
    pub const fn by(&self) -> CostKey {
        self.by
    }

    /// The time it is summed over.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Groups by the next key.
    pub(super) fn turn_key(&mut self) {
        let at = CostKey::ALL.iter().position(|key| *key == self.by).unwrap_or(0);
        self.by = CostKey::ALL[(at + 1) % CostKey::ALL.len()];
        self.restart();
    }

    /// Sums over the next time.
    pub(super) fn turn_span(&mut self) {
        self.span = self.span.next();
        self.restart();
    }

    /// The time shown in the list, cut to the panel's own.
    pub(super) fn window(&self, shown: Window, now: Nanos, zone: &jiff::tz::TimeZone) -> Window {
        Window {
            since: shown.since.max(self.span.since(now, zone)),
            ..shown
        }
    }

    /// Whether interactions are judged beside the usual of their feature.
    pub(super) fn judges(&self, interactions: u64) -> bool {
        self.by == CostKey::Feature && interactions <= JUDGED
    }

    /// When sums over a time that moves are out of date though nothing was written: after a sixtieth of it.
    pub(super) fn moves_on(&self) -> Option<Nanos> {
        let length = match self.span {
            Span::All => return None,
            Span::Today => 3_600_000_000_000,
            other => other.length()?,
        };
        Some(self.asked?.saturating_add(length / 60))
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
            by: self.by,
            span: self.span,
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

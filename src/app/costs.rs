//! Spend by feature, model, user, session or service, over a time of one's choice, live.

use crate::model::filter::{Comparison, Field, Filter, Had, Pattern};
use crate::model::query::{CostKey, CostRow, Query, Trend, Window};
use crate::model::span::Nanos;
use crate::model::spend::{Spend, SpendTotal};

use super::layout::Focus;
use super::{App, Effect, Pane};

/// Asked for at most four times a second.
const PACE: Nanos = 250_000_000;

/// The trend looks at every interaction: of ten seconds it may take one.
const REST: Nanos = 10;
/// So many of the dearest are shown; of the others there may be hundreds of thousands, and the total has them.
const ROWS: usize = 1_000;
/// Steps of time that spend is cut into.
pub const STEPS: u32 = 24;

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
    spend: Spend,
    by: CostKey,
    span: Span,
    loaded: bool,
    error: Option<String>,
    at: usize,
    top: usize,
    /// When it was asked for last.
    asked: Option<Nanos>,
    /// Spend over time, and what is out of the ordinary; it may be a little older than the rows.
    trend: Option<Box<Trend>>,
    /// When the trend was asked for last.
    trend_asked: Option<Nanos>,
    /// How long its last answer took.
    trend_took: Nanos,
}

impl Costs {
    /// The dearest rows, dearest first, without what the trend says of them.
    #[must_use]
    pub fn rows(&self) -> &[CostRow] {
        &self.spend.rows
    }

    /// A row with its trend.
    #[must_use]
    pub fn row(&self, at: usize) -> Option<CostRow> {
        let mut row = self.spend.rows.get(at)?.clone();
        if let Some(trend) = &self.trend {
            trend.tell(&mut row);
        }
        Some(row)
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

    /// When the trend may be asked for again.
    pub(super) fn next_trend(&self, now: Nanos) -> Nanos {
        let rest = self.trend_took.saturating_mul(REST).max(PACE);
        self.trend_asked.map_or(now, |asked| asked.saturating_add(rest))
    }

    pub(super) fn asked_trend(&mut self, now: Nanos) {
        self.trend_asked = Some(now);
    }

    pub(super) fn trend_arrived(&mut self, trend: Box<Trend>, now: Nanos) {
        self.trend_took = self.trend_asked.map_or(0, |asked| now.saturating_sub(asked));
        self.trend = Some(trend);
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

    /// What all rows come to, also those that are not among the dearest.
    #[must_use]
    pub const fn total(&self) -> SpendTotal {
        self.spend.total
    }

    pub(super) fn arrived(&mut self, answer: Result<Spend, String>) {
        self.loaded = true;
        match answer {
            Ok(spend) => {
                // The cursor stays on its feature while rows change places.
                let key = self.rows().get(self.at).map(|row| row.key.clone());
                self.error = None;
                self.spend = spend;
                let found = key.and_then(|key| self.rows().iter().position(|row| row.key == key));
                self.at = found.unwrap_or(self.at).min(self.rows().len().saturating_sub(1));
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
        self.at = row.min(self.rows().len().saturating_sub(1));
        let lowest = (self.at + 1).saturating_sub(height.max(1));
        self.top = self.top.clamp(lowest, self.at.max(lowest));
        self.top = self.top.min(self.rows().len().saturating_sub(height.max(1)));
    }
}

impl App {
    /// Asks for the sums, and for the trend, when they are out of date and the pace is kept.
    pub(super) fn ask_due_costs(&mut self, effects: &mut Vec<Effect>) {
        if self.screen.costs.is_some() && self.asks.due(Pane::Costs) && self.costs.next(self.now) <= self.now {
            self.costs.asked(self.now);
            let query = Query::Costs {
                by: self.costs.by(),
                filter: self.filter.clone(),
                window: self.costs.window(self.window, self.now, &self.timezone),
                limit: ROWS,
            };
            effects.push(self.asks.ask(Pane::Costs, query));
        }
        if self.screen.costs.is_some() && self.asks.due(Pane::Trend) && self.costs.next_trend(self.now) <= self.now {
            self.costs.asked_trend(self.now);
            let query = Query::Trend {
                by: self.costs.by(),
                filter: self.filter.clone(),
                window: self.costs.window(self.window, self.now, &self.timezone),
                steps: STEPS,
                limit: ROWS,
            };
            effects.push(self.asks.ask(Pane::Trend, query));
        }
    }

    /// Asks for the sums of the panel as if nothing were known of them.
    pub(super) fn sum_anew(&mut self) {
        for pane in [Pane::Costs, Pane::Trend] {
            self.asks.forget(pane);
            self.asks.soil(pane);
        }
    }

    pub(super) fn toggle_costs(&mut self) {
        let shown = self.screen.costs.is_some();
        self.wish.costs = Some(!shown);
        if shown && self.wish.focus == Focus::Costs {
            self.wish.focus = Focus::List;
        } else if !shown && self.size.0 < 100 {
            // Too narrow for both: the panel takes the screen.
            self.wish.focus = Focus::Costs;
        }
        self.asks.soil(Pane::Costs);
        self.asks.soil(Pane::Trend);
    }

    /// The interactions behind the row under the cursor, as rows of the list.
    pub(super) fn filter_by_feature(&mut self) {
        let Some(row) = self.costs.rows().get(self.costs.at()) else {
            return;
        };
        let field = match self.costs.by() {
            CostKey::Feature => Field::Feature,
            CostKey::Model => Field::Model,
            CostKey::User => Field::User,
            CostKey::Session => Field::Session,
            CostKey::Service => Field::Service,
        };
        let own = row.key.as_ref().map_or_else(
            || Filter::Not(Box::new(Filter::Has(Had::Field(field)))),
            |key| Filter::Is(field, Pattern(key.clone())),
        );
        let mut filter = self.filter.clone().and(own);
        // What the panel sums is what the list then shows.
        let since = self.costs.window(Window::default(), self.now, &self.timezone).since;
        if let Some(since) = since {
            filter = filter.and(Filter::Compare(Field::At, Comparison::GreaterOrEqual, i128::from(since)));
        }
        let text = filter.to_string();
        self.wish.focus = Focus::List;
        self.wish.zoom = false;
        self.set_filter(filter, text);
    }
}

//! The strip above the list: how many interactions, how dear, how many failed, over the time they span; a way to any of them.

use crate::model::query::Query;
use crate::model::span::Nanos;
use crate::model::timeline::{Bar, Timeline as Line};

use super::layout::Focus;
use super::moves::scrolled;
use super::{Action, App, Effect, Pane};

/// Asked for at most once a second: it is a pass over all interactions.
const PACE: Nanos = 1_000_000_000;

/// What the bars show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// How many began.
    #[default]
    Interactions,
    /// What they cost.
    Cost,
    /// How many failed.
    Errors,
}

impl Measure {
    const fn next(self) -> Self {
        match self {
            Self::Interactions => Self::Cost,
            Self::Cost => Self::Errors,
            Self::Errors => Self::Interactions,
        }
    }

    /// What it is called.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Interactions => "interactions",
            Self::Cost => "cost",
            Self::Errors => "failed",
        }
    }

    /// The figure a bar shows; `None` where something happened and it is not known.
    #[must_use]
    pub fn of(self, bar: &Bar) -> Option<u128> {
        match self {
            Self::Interactions => Some(u128::from(bar.interactions)),
            Self::Cost if bar.interactions == 0 => Some(0),
            Self::Cost => bar.cost.map(|cost| u128::try_from(cost.0).unwrap_or(0)),
            Self::Errors => Some(u128::from(bar.errors)),
        }
    }
}

/// The strip.
#[derive(Debug, Default)]
pub struct Timeline {
    line: Option<Line>,
    error: Option<String>,
    measure: Measure,
    /// When the bar under the cursor begins; `None` is the last one.
    at: Option<Nanos>,
    /// When it was asked for last, and how many bars there was room for.
    asked: Option<(Nanos, u16)>,
}

impl Timeline {
    /// What was counted; `None` until the first answer.
    #[must_use]
    pub const fn line(&self) -> Option<&Line> {
        self.line.as_ref()
    }

    /// Why there is nothing to show.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// What the bars show.
    #[must_use]
    pub const fn measure(&self) -> Measure {
        self.measure
    }

    /// The bar under the cursor.
    #[must_use]
    pub fn at(&self) -> Option<usize> {
        let line = self.line.as_ref()?;
        let last = line.bars.len().checked_sub(1)?;
        Some(
            self.at
                .map_or(last, |at| line.bar_of(at).unwrap_or(if at < line.from { 0 } else { last })),
        )
    }

    /// Columns a bar takes where there are so many for all.
    #[must_use]
    pub fn bar_width(&self, columns: u16) -> u16 {
        let bars = self.line.as_ref().map_or(0, |line| line.bars.len());
        u16::try_from(bars).map_or(1, |bars| columns / bars.max(1)).max(1)
    }

    fn stand_on(&mut self, bar: usize) {
        self.at = self
            .line
            .as_ref()
            .filter(|line| bar + 1 < line.bars.len())
            .map(|line| line.start_of(bar));
    }

    pub(super) fn arrived(&mut self, answer: Result<Line, String>) {
        match answer {
            Ok(line) => {
                self.error = None;
                self.line = Some(line);
            }
            Err(message) => self.error = Some(message),
        }
    }

    /// Another filter: what is shown no longer holds.
    pub(super) fn restart(&mut self) {
        *self = Self {
            measure: self.measure,
            ..Self::default()
        };
    }

    /// When it may be asked for again.
    pub(super) fn next(&self, now: Nanos) -> Nanos {
        self.asked.map_or(now, |(asked, _)| asked.saturating_add(PACE))
    }
}

impl App {
    /// The strip above the list.
    #[must_use]
    pub const fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    pub(super) fn ask_due_timeline(&mut self, effects: &mut Vec<Effect>) {
        let columns = self.screen.timeline_columns();
        if columns == 0 {
            return;
        }
        let other = self.timeline.asked.is_none_or(|(_, asked)| asked != columns);
        if other || (self.asks.due(Pane::Timeline) && self.timeline.next(self.now) <= self.now) {
            self.timeline.asked = Some((self.now, columns));
            let query = Query::Timeline {
                filter: self.filter.clone(),
                window: self.window,
                most: u32::from(columns),
            };
            effects.push(self.asks.ask(Pane::Timeline, query));
        }
    }

    /// Goes to the strip, at the time of the list's cursor; on it, shows the next of its measures.
    pub(super) fn to_timeline(&mut self) {
        if self.wish.focus == Focus::Timeline {
            self.timeline.measure = self.timeline.measure.next();
            return;
        }
        self.wish.zoom = false;
        self.wish.focus = Focus::Timeline;
        self.timeline.at = self.list.row().map(|row| row.start);
    }

    /// What an action means on the strip; false when it means what it does everywhere.
    pub(super) fn act_on_timeline(&mut self, action: Action, effects: &mut Vec<Effect>) -> bool {
        let Some(at) = self.timeline.at() else { return false };
        let page = usize::from(self.screen.timeline_columns() / self.timeline.bar_width(self.screen.timeline_columns()));
        let to = match action {
            Action::EarlierBar => at.saturating_sub(1),
            Action::LaterBar => at + 1,
            Action::Top => 0,
            Action::Bottom => usize::MAX - 1,
            Action::Open => {
                self.open_bar(at, effects);
                return true;
            }
            other => match scrolled(other, page / 4) {
                Some(step) => at.saturating_add_signed(step),
                None => return false,
            },
        };
        self.timeline.stand_on(to);
        true
    }

    /// The list, at the newest interaction of a bar.
    fn open_bar(&mut self, bar: usize, effects: &mut Vec<Effect>) {
        let Some(line) = self.timeline.line() else { return };
        let last = line.start_of(bar).saturating_add(line.step).saturating_sub(1);
        self.wish.focus = Focus::List;
        self.go_to(last, effects);
    }

    /// A click on the strip, so many columns from its left.
    pub(super) fn click_timeline(&mut self, x: u16, effects: &mut Vec<Effect>) {
        let bar = usize::from(x.saturating_sub(1) / self.timeline.bar_width(self.screen.timeline_columns()));
        let again = self.wish.focus == Focus::Timeline && self.timeline.at() == Some(bar);
        self.wish.focus = Focus::Timeline;
        if again {
            self.open_bar(bar, effects);
        } else {
            self.timeline.stand_on(bar);
        }
    }
}

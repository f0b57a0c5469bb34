//! Interactions set aside with a mark: gone back to, and looked at alone.

use std::collections::BTreeMap;

use crate::model::filter::{Field, Filter, Pattern};
use crate::model::query::{Cursor, Page, Sort};
use crate::model::span::TraceKey;
use crate::model::trace::Interaction;

use super::list::Land;
use super::{App, Effect, Notice};

/// Interactions with a mark, as they were when they got it.
#[derive(Debug, Default)]
pub struct Marks(BTreeMap<TraceKey, Interaction>);

impl Marks {
    /// Whether this one has a mark.
    #[must_use]
    pub fn contains(&self, trace: TraceKey) -> bool {
        self.0.contains_key(&trace)
    }

    /// The next one in the order of the list, round its end; from the first where the list is empty.
    fn next(&self, from: Option<&Interaction>, sort: Sort, forward: bool) -> Option<&Interaction> {
        let mut sorted: Vec<(Cursor, &Interaction)> = self.0.values().map(|row| (Cursor::at(row, sort), row)).collect();
        sorted.sort_by(|(a, _), (b, _)| a.compare(b, sort));
        let Some(here) = from.map(|row| Cursor::at(row, sort)) else {
            return sorted.first().map(|(_, row)| *row);
        };
        let beyond = if forward {
            sorted.iter().find(|(at, _)| at.compare(&here, sort).is_gt())
        } else {
            sorted.iter().rev().find(|(at, _)| at.compare(&here, sort).is_lt())
        };
        let around = if forward { sorted.first() } else { sorted.last() };
        beyond.or(around).map(|(_, row)| *row)
    }
}

impl App {
    /// The interactions with a mark.
    #[must_use]
    pub const fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Gives the interaction of the cursor a mark, or takes it away.
    pub(super) fn set_aside(&mut self) {
        let Some(row) = self.list.row().cloned() else { return };
        if self.marks.0.remove(&row.trace).is_none() {
            self.marks.0.insert(row.trace, row);
        }
        let words = match self.marks.0.len() {
            0 => "no interaction is set aside".to_owned(),
            1 => "1 interaction is set aside".to_owned(),
            count => format!("{count} interactions are set aside"),
        };
        self.notices.say(Notice::info(words));
    }

    /// To the next interaction with a mark, wherever in the list it is.
    pub(super) fn to_mark(&mut self, forward: bool, effects: &mut Vec<Effect>) {
        let sort = self.list.sort();
        let Some(row) = self.marks.next(self.list.row(), sort, forward).cloned() else {
            self.notices.say(Notice::info("no interaction is set aside yet"));
            return;
        };
        self.pause();
        self.entering = None;
        if self.list.rows().iter().any(|held| held.trace == row.trace) {
            self.list.select(row.trace, None);
        } else {
            self.list.land = Some(Land::On(row.trace));
            self.list.expect_above();
            self.ask_page(Page::From(Cursor::at(&row, sort)), effects);
        }
    }

    /// Only the interactions with a mark.
    pub(super) fn only_marked(&mut self) {
        let mut ids: Vec<Filter> = self
            .marks
            .0
            .values()
            .map(|row| Filter::Is(Field::Trace, Pattern(row.trace_id.clone())))
            .collect();
        let filter = match ids.len() {
            0 => {
                self.notices.say(Notice::info("no interaction is set aside yet"));
                return;
            }
            1 => ids.remove(0),
            _ => Filter::Or(ids),
        };
        let text = filter.to_string();
        self.set_filter(filter, text);
    }
}

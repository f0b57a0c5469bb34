//! Where nothing matches the filter: how many interactions would without each of its terms, and with how many it was logged at all what they ask
//! for. Enter leaves out the term without which most match.

use crate::model::filter::{Field, Filter, Had};
use crate::model::query::{Query, Window};
use crate::model::span::Nanos;

use super::{App, Effect, Pane};

/// Terms tried one by one.
const TERMS: usize = 5;
/// Fields of which it is told how often they were logged.
const FIELDS: usize = 3;
/// While lines arrive they are counted anew at most so often.
const PACE: Nanos = 2_000_000_000;

/// What is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// The filter without this term.
    Without(Filter),
    /// Nothing but that this was logged.
    Logged(Field),
}

/// A filter that is tried in place of the one that nothing matches.
#[derive(Clone, Debug)]
struct Try {
    trial: Trial,
    filter: Filter,
    count: Option<u64>,
}

/// All that is tried in place of a filter.
#[derive(Debug)]
pub(super) struct Widened {
    of: (Filter, Window),
    all: Vec<Try>,
    /// Which is asked for next.
    next: usize,
    /// When the first was asked for.
    asked: Nanos,
}

impl Widened {
    fn new(filter: &Filter, window: Window, now: Nanos) -> Self {
        let mut all = Vec::new();
        if let Filter::And(terms) = filter {
            for (at, term) in terms.iter().enumerate().take(TERMS) {
                let mut rest = terms.clone();
                rest.remove(at);
                let rest = rest.into_iter().fold(Filter::All, Filter::and);
                all.push((Trial::Without(term.clone()), rest));
            }
        }
        let mut fields = Vec::new();
        fields_of(filter, &mut fields);
        for field in fields.into_iter().take(FIELDS) {
            all.push((Trial::Logged(field), Filter::Has(Had::Field(field))));
        }
        let all = all.into_iter().map(|(trial, filter)| Try {
            trial,
            filter,
            count: None,
        });
        Self {
            of: (filter.clone(), window),
            all: all.collect(),
            next: 0,
            asked: now,
        }
    }

    /// The one that most would match, if any would.
    fn best(&self) -> Option<&Try> {
        let without = self.all.iter().filter(|one| matches!(one.trial, Trial::Without(_)));
        let counted = without.filter(|one| one.count.is_some_and(|count| count > 0));
        // Of equal ones the first.
        counted.rev().max_by_key(|one| one.count)
    }
}

/// The fields asked for that not everything has, each once.
fn fields_of(filter: &Filter, fields: &mut Vec<Field>) {
    match filter {
        Filter::And(list) | Filter::Or(list) => list.iter().for_each(|one| fields_of(one, fields)),
        Filter::Is(field, _) | Filter::Compare(field, ..) | Filter::Between(field, ..)
            if !fields.contains(field) && Had::all().any(|had| had == Had::Field(*field)) =>
        {
            fields.push(*field);
        }
        _ => {}
    }
}

impl App {
    /// Whether nothing matches the filter.
    fn nothing_matches(&self) -> bool {
        !self.filter.is_all() && self.list.is_loaded() && self.list.rows().is_empty() && self.list.error().is_none()
    }

    /// Asks what would match in place of the filter, one question after the other.
    pub(super) fn ask_due_widened(&mut self, effects: &mut Vec<Effect>) {
        if !self.nothing_matches() {
            self.widened = None;
            return;
        }
        if self
            .widened
            .as_ref()
            .is_none_or(|known| known.of != (self.filter.clone(), self.window))
        {
            self.widened = Some(Widened::new(&self.filter, self.window, self.now));
            self.asks.forget(Pane::Widened);
        }
        let Some(widened) = self.widened.as_mut().filter(|_| self.asks.under_way(Pane::Widened).is_none()) else {
            return;
        };
        if widened.next >= widened.all.len() {
            if !self.asks.due(Pane::Widened) || widened.asked.saturating_add(PACE) > self.now {
                return;
            }
            (widened.next, widened.asked) = (0, self.now);
        }
        if let Some(one) = widened.all.get(widened.next) {
            widened.next += 1;
            let query = Query::Count {
                filter: one.filter.clone(),
                window: self.window,
            };
            effects.push(self.asks.ask(Pane::Widened, query));
        }
    }

    pub(super) fn widened_arrived(&mut self, filter: &Filter, count: u64) {
        let tried = self.widened.iter_mut().flat_map(|widened| &mut widened.all);
        for one in tried.filter(|one| one.filter == *filter) {
            one.count = Some(count);
        }
    }

    /// What was tried in place of a filter that nothing matches, with how many would; and whether Enter does it.
    pub fn widened(&self) -> impl Iterator<Item = (&Trial, u64, bool)> {
        let best = self.widened.as_ref().and_then(Widened::best);
        let all = self.widened.iter().flat_map(|widened| &widened.all);
        all.filter_map(move |one| Some((&one.trial, one.count?, best.is_some_and(|best| std::ptr::eq(best, one)))))
    }

    /// Leaves out the term without which most match; false where there is none.
    pub(super) fn widen(&mut self) -> bool {
        let Some(filter) = self.widened.as_ref().and_then(Widened::best).map(|best| best.filter.clone()) else {
            return false;
        };
        let text = filter.to_string();
        self.set_filter(filter, text);
        true
    }
}

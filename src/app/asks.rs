//! Questions under way: at most one a pane, and an answer counts only if it is to the newest question of its pane.

use crate::model::query::{Query, Ticket, Window};
use crate::model::span::Nanos;

use super::layout::Focus;
use super::{App, Effect, Notice};

/// Statistics are asked for at most once a second.
pub(super) const STATS_PACE: Nanos = 1_000_000_000;

/// What a question is for. Each is answered on its own; a newer question of the same one takes the older one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// The rows of the list.
    List,
    /// The spans of an interaction.
    Trace,
    /// Prompt, answer and documents of the span inspected.
    Contents,
    /// Cost by feature.
    Costs,
    /// Interactions over time.
    Timeline,
    /// How many interactions match.
    Count,
    /// How many are newer than those shown.
    Newer,
    /// The next interaction that matches the search.
    Search,
    /// Contents to copy.
    Copy,
    /// What was read.
    Stats,
    /// The rejected lines of a source.
    Rejects,
    /// One rejected line.
    Reject,
    /// All contents of an interaction that is diagnosed, or of the first of two that are compared.
    Evidence,
    /// All contents of the second of two that are compared.
    Other,
    /// What came before an interaction in its feature.
    Peers,
    /// Values seen of a field, while a filter is typed.
    Values,
    /// What the log lacks.
    Health,
    /// Spend over time, and what is out of the ordinary.
    Trend,
    /// What a page explains.
    Sheet,
    /// The list grouped by session.
    Sessions,
    /// Medians to save.
    Baselines,
    /// What the interaction inspected goes on from.
    Earlier,
    /// What would match in place of a filter that nothing matches.
    Widened,
}

impl Pane {
    /// How many there are.
    pub const COUNT: usize = 23;

    /// Its place in tables, from 0.
    #[must_use]
    pub const fn slot(self) -> u8 {
        self as u8
    }
}

/// The questions under way.
#[derive(Debug, Default)]
pub(super) struct Asks {
    last: u64,
    open: [Option<(Ticket, Query)>; Pane::COUNT],
    /// Something changed while the question was under way: it is asked again.
    dirty: [bool; Pane::COUNT],
}

impl Asks {
    /// Asks now; an older question of the pane is forgotten.
    pub(super) fn ask(&mut self, pane: Pane, query: Query) -> Effect {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.open[pane as usize] = Some((ticket, query.clone()));
        self.dirty[pane as usize] = false;
        Effect::Ask(pane, ticket, query)
    }

    /// The question this ticket belongs to, if it is still the newest of its pane. It is then no longer under way.
    pub(super) fn answered(&mut self, ticket: Ticket) -> Option<(Pane, Query)> {
        const PANES: [Pane; Pane::COUNT] = [
            Pane::List,
            Pane::Trace,
            Pane::Contents,
            Pane::Costs,
            Pane::Timeline,
            Pane::Count,
            Pane::Newer,
            Pane::Search,
            Pane::Copy,
            Pane::Stats,
            Pane::Rejects,
            Pane::Reject,
            Pane::Evidence,
            Pane::Other,
            Pane::Peers,
            Pane::Values,
            Pane::Health,
            Pane::Trend,
            Pane::Sheet,
            Pane::Sessions,
            Pane::Baselines,
            Pane::Earlier,
            Pane::Widened,
        ];
        let pane = PANES
            .into_iter()
            .find(|pane| self.open[*pane as usize].as_ref().is_some_and(|(open, _)| *open == ticket))?;
        self.open[pane as usize].take().map(|(_, query)| (pane, query))
    }

    /// Forgets the question of a pane: its answer no longer counts.
    pub(super) fn forget(&mut self, pane: Pane) {
        self.open[pane as usize] = None;
    }

    /// The question under way.
    pub(super) fn under_way(&self, pane: Pane) -> Option<&Query> {
        self.open[pane as usize].as_ref().map(|(_, query)| query)
    }

    /// Notes that the pane's answer will be out of date.
    pub(super) fn soil(&mut self, pane: Pane) {
        self.dirty[pane as usize] = true;
    }

    /// Whether the pane is out of date and nothing is under way for it.
    pub(super) fn due(&self, pane: Pane) -> bool {
        self.dirty[pane as usize] && self.open[pane as usize].is_none()
    }

    /// Takes the mark away.
    pub(super) fn clean(&mut self, pane: Pane) {
        self.dirty[pane as usize] = false;
    }
}

impl App {
    /// The first rows do not wait for panels that say nothing without them.
    pub(super) fn rows_first(&self) -> bool {
        let none_yet = self.list.rows().is_empty() && self.list.error().is_none();
        none_yet && !self.status.is_listed() && (self.asks.under_way(Pane::List).is_some() || self.status.awaits_history())
    }

    /// Asks whatever is out of date, each pane at its own pace.
    pub(super) fn ask_what_is_due(&mut self, effects: &mut Vec<Effect>) {
        let (filter, window) = (&self.filter, self.window);
        if self.asks.due(Pane::List) {
            let (page, limit) = self.list.refresh_page();
            let query = Query::Interactions {
                filter: filter.clone(),
                window,
                sort: self.list.sort(),
                page,
                limit,
            };
            effects.push(self.asks.ask(Pane::List, query));
        } else if self.asks.under_way(Pane::List).is_none()
            && self.list.error().is_none()
            && let Some(page) = self.list.wants_page()
        {
            let query = Query::Interactions {
                filter: filter.clone(),
                window,
                sort: self.list.sort(),
                page,
                limit: super::window::PAGE,
            };
            effects.push(self.asks.ask(Pane::List, query));
        }
        if self.rows_first() {
            return;
        }
        if self.asks.under_way(Pane::Trace).is_none()
            && let Some(trace) = self.trees.take_stale()
        {
            effects.push(self.asks.ask(Pane::Trace, Query::Trace(trace)));
        }
        if self.asks.due(Pane::Count) {
            if filter.is_all() && window == Window::default() {
                self.asks.clean(Pane::Count);
            } else {
                effects.push(self.asks.ask(
                    Pane::Count,
                    Query::Count {
                        filter: filter.clone(),
                        window,
                    },
                ));
            }
        }
        if self.asks.due(Pane::Newer) {
            match self.list.paused_at.filter(|_| self.list.is_live() && !self.list.follows()) {
                Some(newest) => {
                    let window = Window {
                        since: Some(newest.saturating_add(1)),
                        ..window
                    };
                    effects.push(self.asks.ask(
                        Pane::Newer,
                        Query::Count {
                            filter: filter.clone(),
                            window,
                        },
                    ));
                }
                None => self.asks.clean(Pane::Newer),
            }
        }
        self.ask_due_costs(effects);
        if self.asks.due(Pane::Stats) && self.stats_asked.is_none_or(|asked| asked.saturating_add(STATS_PACE) <= self.now) {
            self.stats_asked = Some(self.now);
            if self.wish.focus == Focus::Sources {
                self.sources.asking(self.now, self.status.progress());
            }
            effects.push(self.asks.ask(Pane::Stats, Query::Stats));
        }
        self.ask_due_timeline(effects);
        self.ask_due_rejects(effects);
        self.ask_values(effects);
        self.ask_due_health(effects);
        self.ask_due_sessions(effects);
        self.ask_due_earlier(effects);
        self.ask_due_widened(effects);
    }

    /// A question could not be answered: its pane says why.
    pub(super) fn failed(&mut self, pane: Pane, query: &Query, message: String) {
        match pane {
            Pane::List => {
                self.list.loaded = true;
                self.list.land = None;
                self.meant = None;
                self.list.error = Some(message);
            }
            Pane::Trace => {
                if let Query::Trace(key) = query {
                    self.trees.arrived(*key, Err(message));
                }
            }
            Pane::Contents => self.inspector.failed(message),
            Pane::Evidence | Pane::Other | Pane::Peers => self.evidence_failed(message),
            Pane::Costs => self.costs.arrived(Err(message)),
            Pane::Timeline => self.timeline.arrived(Err(message)),
            Pane::Copy => self.copy_failed(&message),
            Pane::Rejects => self.rejects_failed(message),
            Pane::Health => self.health_arrived(Err(message)),
            Pane::Sessions => self.sessions_failed(message),
            Pane::Reject => {
                if let Query::Reject(origin) = query {
                    self.reject_failed(*origin, &message);
                }
            }
            Pane::Sheet => self.sheet_failed(&message),
            Pane::Count
            | Pane::Newer
            | Pane::Search
            | Pane::Stats
            | Pane::Trend
            | Pane::Values
            | Pane::Baselines
            | Pane::Earlier
            | Pane::Widened => {
                self.notices.say(Notice::error(message));
            }
        }
    }
}

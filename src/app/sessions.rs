//! The list grouped by session: a conversation is one row, and opens into its interactions. It lies over the sources and has their place
//! on the screen. While a conversation is open the pane waits behind the list, and `Back` leads to it again.

use crate::model::column::Column;
use crate::model::filter::{Field, Filter, Pattern};
use crate::model::query::{Page, Query, SessionCursor, SessionRow, Sort};
use crate::model::span::Nanos;

use super::layout::Focus;
use super::window::{PAGE, Paged};
use super::{Action, App, Effect, Pane};

/// While lines arrive they are asked for at most so often: they are summed over every interaction.
const PACE: Nanos = 2_000_000_000;

/// The pane.
#[derive(Debug, Default)]
pub struct Sessions {
    list: Paged<SessionRow>,
    asked: Option<Nanos>,
    /// A conversation is open in the list.
    pub(super) behind: Option<Behind>,
}

/// What the list showed before a conversation was opened in it, and what it shows of that.
#[derive(Debug)]
pub(super) struct Behind {
    filter: Filter,
    text: String,
    sort: Sort,
    opened: Filter,
}

impl Sessions {
    /// The rows, the conversation with the newest interaction first.
    #[must_use]
    pub const fn list(&self) -> &Paged<SessionRow> {
        &self.list
    }

    /// When they may be asked for again.
    pub(super) fn next(&self, now: Nanos) -> Nanos {
        self.asked.map_or(now, |asked| asked.saturating_add(PACE))
    }

    pub(super) fn resize(&mut self, height: u16) {
        self.list.resize(height);
    }
}

impl App {
    /// The sessions, while they are open.
    #[must_use]
    pub fn sessions(&self) -> Option<&Sessions> {
        self.sessions.as_ref().filter(|sessions| sessions.behind.is_none())
    }

    pub(super) fn toggle_sessions(&mut self) {
        if self.sessions().is_some() {
            return self.leave_sessions();
        }
        while self.wish.focus == Focus::Sources {
            self.back_from_sources();
        }
        self.sessions = Some(Sessions::default());
        self.wish.focus = Focus::Sources;
        self.wish.zoom = false;
        self.asks.soil(Pane::Sessions);
    }

    pub(super) fn leave_sessions(&mut self) {
        self.sessions = None;
        self.asks.forget(Pane::Sessions);
        self.wish.focus = Focus::List;
    }

    /// From an open conversation back to where it was opened, with what was filtered and sorted by then. False when the list shows something else.
    pub(super) fn back_to_sessions(&mut self) -> bool {
        let Some(sessions) = &mut self.sessions else { return false };
        let Some(behind) = sessions.behind.take_if(|behind| behind.opened == self.filter) else {
            return false;
        };
        self.set_filter(behind.filter, behind.text);
        self.list.sort = behind.sort;
        self.wish.focus = Focus::Sources;
        true
    }

    /// The conversation under the cursor as rows of the list, the oldest first.
    fn open_session(&mut self) {
        let Some(session) = self.sessions.as_ref().and_then(|sessions| sessions.list.selected.clone()) else {
            return;
        };
        let own = Filter::Is(Field::Session, Pattern(session));
        let opened = self.filter.clone().and(own);
        let behind = Behind {
            filter: self.filter.clone(),
            text: self.filter_text.clone(),
            sort: self.list.sort,
            opened: opened.clone(),
        };
        if let Some(sessions) = &mut self.sessions {
            sessions.behind = Some(behind);
        }
        self.asks.forget(Pane::Sessions);
        self.wish.focus = Focus::List;
        self.list.sort = Sort {
            key: Column::Time,
            descending: false,
        };
        let text = opened.to_string();
        self.set_filter(opened, text);
        self.list.follow = false;
    }

    fn ask_sessions(&mut self, page: Page<SessionCursor>, effects: &mut Vec<Effect>) {
        let query = Query::Sessions {
            filter: self.filter.clone(),
            window: self.window,
            page,
            limit: PAGE,
        };
        if let Some(sessions) = &mut self.sessions {
            sessions.asked = Some(self.now);
        }
        effects.push(self.asks.ask(Pane::Sessions, query));
    }

    /// Asks for the rows that are due. While the cursor is further down nothing moves under it.
    pub(super) fn ask_due_sessions(&mut self, effects: &mut Vec<Effect>) {
        let Some(sessions) = self.sessions() else { return };
        if self.asks.under_way(Pane::Sessions).is_some() {
            return;
        }
        let next = sessions
            .list
            .window
            .wants(sessions.list.at(), SessionCursor::at)
            .filter(|_| sessions.list.error.is_none());
        match (self.asks.due(Pane::Sessions), sessions.list.at_newest()) {
            (true, true) if sessions.next(self.now) <= self.now => self.ask_sessions(Page::First, effects),
            (true, true) => {}
            (due, _) => {
                if due {
                    self.asks.clean(Pane::Sessions);
                }
                if let Some(page) = next {
                    self.ask_sessions(page, effects);
                }
            }
        }
    }

    pub(super) fn sessions_arrived(&mut self, page: &Page<SessionCursor>, rows: Vec<SessionRow>, more: bool) {
        if let Some(sessions) = &mut self.sessions {
            let keep = !sessions.list.at_newest();
            sessions.list.arrived(page, rows, more, keep);
        }
    }

    pub(super) fn sessions_failed(&mut self, why: String) {
        if let Some(sessions) = &mut self.sessions {
            sessions.list.failed(why);
        }
    }

    /// What an action does while the sessions have the keys; false when it does there what it does everywhere.
    pub(super) fn act_on_sessions(&mut self, action: Action, effects: &mut Vec<Effect>) -> bool {
        let Some(sessions) = &mut self.sessions else { return false };
        match action {
            Action::ToggleSessions | Action::Back | Action::Leave | Action::Help | Action::Palette => return false,
            Action::ToggleSources | Action::ToggleHealth | Action::TogglePrompts | Action::ToggleCosts | Action::Filter => {
                self.leave_sessions();
                return false;
            }
            Action::NextPane | Action::PreviousPane => self.leave_sessions(),
            Action::Open if sessions.list.error.is_some() => self.ask_sessions(Page::First, effects),
            Action::Open => self.open_session(),
            Action::Top | Action::Refresh => {
                sessions.list.stand_on(0);
                self.ask_sessions(Page::First, effects);
            }
            Action::Bottom => {
                sessions.list.stand_on(usize::MAX);
                if sessions.list.window.below {
                    sessions.list.land_last = true;
                    self.ask_sessions(Page::Last, effects);
                }
            }
            _ => sessions.list.step(action),
        }
        true
    }
}

//! A window of rows around the cursor of a long list, and the list itself where it is no more than that. The store holds the rest; pages
//! come by key, both ways.

use super::Action;
use super::moves::scrolled;
use crate::model::query::{Page, RejectRow, SessionRow};
use crate::model::span::Origin;

/// Rows asked for at a time.
pub(super) const PAGE: u32 = 100;
/// Rows held; those farthest from the cursor go first.
const HELD: usize = 300;
/// A page is asked for when the cursor is nearer than this to the last row held.
const MARGIN: usize = 40;

/// The rows held, and whether there are others.
#[derive(Clone, Debug)]
pub(super) struct Window<T> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// There are rows before the first one held.
    pub above: bool,
    /// There are rows after the last one held.
    pub below: bool,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            above: false,
            below: false,
        }
    }
}

impl<T> Window<T> {
    /// The page that must be fetched for a cursor on this row to go on, if any.
    pub fn wants<C>(&self, row: usize, cursor: impl Fn(&T) -> C) -> Option<Page<C>> {
        if self.below && row + MARGIN >= self.rows.len() {
            return self.rows.last().map(|last| Page::After(cursor(last)));
        }
        if self.above && row < MARGIN {
            return self.rows.first().map(|first| Page::Before(cursor(first)));
        }
        None
    }

    /// Rows arrived. One that is held already is not held twice.
    pub fn arrived<C, K: PartialEq>(&mut self, page: &Page<C>, mut rows: Vec<T>, more: bool, key: impl Fn(&T) -> K) {
        match page {
            Page::First => {
                self.rows = rows;
                self.above = false;
                self.below = more;
            }
            Page::Last => {
                self.rows = rows;
                self.above = more;
                self.below = false;
            }
            Page::From(_) => {
                self.rows = rows;
                self.below = more;
            }
            Page::After(_) => {
                rows.retain(|row| !self.rows.iter().any(|held| key(held) == key(row)));
                self.rows.append(&mut rows);
                self.below = more;
                let surplus = self.rows.len().saturating_sub(HELD);
                if surplus > 0 {
                    self.rows.drain(..surplus);
                    self.above = true;
                }
            }
            Page::Before(_) => {
                rows.retain(|row| !self.rows.iter().any(|held| key(held) == key(row)));
                rows.append(&mut self.rows);
                self.rows = rows;
                self.above = more;
                if self.rows.len() > HELD {
                    self.rows.truncate(HELD);
                    self.below = true;
                }
            }
        }
    }
}

/// A row that is told from others by a key, wherever it stands.
pub trait Keyed {
    /// The key.
    type Key: Clone + PartialEq + std::fmt::Debug;

    /// That of this row.
    fn key(&self) -> Self::Key;
}

impl Keyed for SessionRow {
    type Key = String;

    fn key(&self) -> String {
        self.session.clone()
    }
}

impl Keyed for RejectRow {
    type Key = Origin;

    fn key(&self) -> Origin {
        self.origin
    }
}

/// A long list with a cursor that stays on what it stands on.
#[derive(Debug)]
pub struct Paged<T: Keyed> {
    pub(super) window: Window<T>,
    loaded: bool,
    pub(super) error: Option<String>,
    /// The cursor goes to the last row when it arrives.
    pub(super) land_last: bool,
    pub(super) selected: Option<T::Key>,
    at: usize,
    top: usize,
    height: usize,
}

impl<T: Keyed> Default for Paged<T> {
    fn default() -> Self {
        Self {
            window: Window::default(),
            loaded: false,
            error: None,
            land_last: false,
            selected: None,
            at: 0,
            top: 0,
            height: 1,
        }
    }
}

impl<T: Keyed> Paged<T> {
    /// The rows held.
    #[must_use]
    pub fn rows(&self) -> &[T] {
        &self.window.rows
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

    /// Rows on the screen.
    pub(super) fn resize(&mut self, height: u16) {
        self.height = usize::from(height).max(1);
        self.stand_on(self.at);
    }

    pub(super) fn stand_on(&mut self, row: usize) {
        self.at = row.min(self.window.rows.len().saturating_sub(1));
        let lowest = (self.at + 1).saturating_sub(self.height);
        self.top = self.top.clamp(lowest, self.at.max(lowest));
        self.top = self.top.min(self.window.rows.len().saturating_sub(self.height));
        self.selected = self.window.rows.get(self.at).map(Keyed::key);
    }

    /// Moves the cursor as far as an action of moving means.
    pub(super) fn step(&mut self, action: Action) {
        if let Some(step) = scrolled(action, self.height) {
            self.stand_on(self.at.saturating_add_signed(step));
        }
    }

    /// Nothing newer is above the cursor: what comes next belongs on the screen.
    pub(super) const fn at_newest(&self) -> bool {
        self.at == 0 && !self.window.above
    }

    /// Rows arrived; `keep` says whether the cursor stays on its row or goes to the first.
    pub(super) fn arrived<C>(&mut self, page: &Page<C>, rows: Vec<T>, more: bool, keep: bool) {
        (self.loaded, self.error) = (true, None);
        self.window.arrived(page, rows, more, Keyed::key);
        let found = if std::mem::take(&mut self.land_last) {
            Some(self.window.rows.len().saturating_sub(1))
        } else {
            let selected = self.selected.as_ref().filter(|_| keep);
            selected.and_then(|key| self.window.rows.iter().position(|row| row.key() == *key))
        };
        // The row keeps its height on the screen while others come before it.
        let on_screen = self.at.saturating_sub(self.top);
        let at = found.unwrap_or(0);
        self.top = at.saturating_sub(on_screen);
        self.stand_on(at);
    }

    /// The rows cannot be had.
    pub(super) fn failed(&mut self, why: String) {
        (self.loaded, self.land_last, self.error) = (true, false, Some(why));
    }
}

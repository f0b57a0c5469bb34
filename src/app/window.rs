//! A window of rows around the cursor of a long list. The store holds the rest; pages come by key, both ways.

use crate::model::query::Page;

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

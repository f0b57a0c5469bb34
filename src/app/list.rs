//! The list of interactions: rows, the spans of open ones between them, and a cursor that stays on what it stands on.

use crate::model::column::Column;
use crate::model::query::{Cursor, Page, Sort};
use crate::model::span::{Nanos, SpanKey, TraceKey};
use crate::model::trace::Interaction;

use super::tree::{Spans, Trees};
use super::window::{PAGE, Window};

/// What the cursor stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selected {
    /// The interaction.
    pub trace: TraceKey,
    /// One of its spans.
    pub span: Option<SpanKey>,
}

/// One line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListLine {
    /// An interaction: its index in `rows`.
    Interaction(usize),
    /// A span: the index of its interaction, and its own in the trace.
    Span(usize, usize),
    /// The spans of this interaction are not here: loading, gone or failed.
    Note(usize),
}

/// Where the cursor goes when the rows asked for arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Land {
    First,
    Last,
    On(TraceKey),
}

/// The list.
#[derive(Debug)]
pub struct List {
    window: Window<Interaction>,
    lines: Vec<ListLine>,
    /// What the trees were like when the lines were built; `None` where the rows are others since.
    built: Option<u64>,
    /// The first answer has come.
    pub(super) loaded: bool,
    pub(super) error: Option<String>,
    pub(super) sort: Sort,
    /// The cursor stays on the newest row.
    pub(super) follow: bool,
    /// When the newest row began as the list was paused.
    pub(super) paused_at: Option<Nanos>,
    /// Interactions newer than that.
    pub(super) newer: u64,
    pub(super) land: Option<Land>,
    selected: Option<Selected>,
    /// The cursor stands on the line that says why the spans of its interaction are not here.
    on_note: bool,
    /// The cursor was put on something by key; its line is found when the lines are built next.
    jumped: bool,
    /// Line of the cursor, for when what it stood on is gone.
    at: usize,
    /// First line on the screen.
    top: usize,
    height: usize,
}

impl Default for List {
    fn default() -> Self {
        Self {
            window: Window::default(),
            lines: Vec::new(),
            built: None,
            loaded: false,
            error: None,
            sort: Sort::default(),
            follow: true,
            paused_at: None,
            newer: 0,
            land: None,
            selected: None,
            on_note: false,
            jumped: false,
            at: 0,
            top: 0,
            height: 0,
        }
    }
}

impl List {
    /// The rows held.
    #[must_use]
    pub fn rows(&self) -> &[Interaction] {
        &self.window.rows
    }

    /// Every line, in order.
    #[must_use]
    pub fn lines(&self) -> &[ListLine] {
        &self.lines
    }

    /// The first line on the screen.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// The line of the cursor.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What the cursor stands on.
    #[must_use]
    pub const fn selected(&self) -> Option<Selected> {
        self.selected
    }

    /// The interaction of a line.
    #[must_use]
    pub fn row_of(&self, line: ListLine) -> Option<&Interaction> {
        match line {
            ListLine::Interaction(row) | ListLine::Span(row, _) | ListLine::Note(row) => self.window.rows.get(row),
        }
    }

    /// The interaction the cursor is in.
    #[must_use]
    pub fn row(&self) -> Option<&Interaction> {
        let trace = self.selected?.trace;
        self.window.rows.iter().find(|row| row.trace == trace)
    }

    /// Its index.
    pub(super) fn row_index(&self) -> Option<usize> {
        let trace = self.selected?.trace;
        self.window.rows.iter().position(|row| row.trace == trace)
    }

    /// Whether the first answer has come.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Why the list could not be read.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The order.
    #[must_use]
    pub const fn sort(&self) -> Sort {
        self.sort
    }

    /// New interactions appear at the top, and the cursor with them.
    #[must_use]
    pub const fn follows(&self) -> bool {
        self.follow
    }

    /// Interactions that came since the list was paused.
    #[must_use]
    pub const fn newer(&self) -> u64 {
        self.newer
    }

    /// Rows exist beyond the last one held.
    #[must_use]
    pub const fn more_below(&self) -> bool {
        self.window.below
    }

    /// Rows exist before the first one held.
    #[must_use]
    pub const fn more_above(&self) -> bool {
        self.window.above
    }

    pub(super) fn expect_above(&mut self) {
        self.window.above = true;
    }

    /// Newest first: the order in which the list can be followed.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.sort
            == Sort {
                key: Column::Time,
                descending: true,
            }
    }

    /// Forgets all rows, for another filter or order.
    pub(super) fn restart(&mut self) {
        let (sort, height) = (self.sort, self.height);
        *self = Self {
            sort,
            height,
            ..Self::default()
        };
    }

    /// The page that brings the rows shown up to date.
    pub(super) fn refresh_page(&self) -> (Page, u32) {
        match self.window.rows.first() {
            Some(first) if !self.follow => (Page::From(Cursor::at(first, self.sort)), PAGE.max(self.window.rows.len() as u32)),
            Some(_) | None => (Page::First, PAGE),
        }
    }

    /// The page that must be fetched for the cursor to go on, if any.
    pub(super) fn wants_page(&self) -> Option<Page> {
        let page = self.window.wants(self.row_index()?, |row| Cursor::at(row, self.sort))?;
        // Who follows is at the top.
        Some(page).filter(|page| !self.follow || !matches!(page, Page::Before(_)))
    }

    /// Rows arrived.
    pub(super) fn arrived(&mut self, page: Page, rows: Vec<Interaction>, more: bool) {
        self.loaded = true;
        self.error = None;
        self.built = None;
        self.window.arrived(&page, rows, more, |row| row.trace);
        let target = match self.land.take() {
            Some(Land::First) => self.window.rows.first(),
            Some(Land::Last) => self.window.rows.last(),
            Some(Land::On(trace)) => self.window.rows.iter().find(|row| row.trace == trace),
            None if self.follow => self.window.rows.first(),
            None => return,
        };
        if let Some(row) = target {
            self.selected = Some(Selected {
                trace: row.trace,
                span: None,
            });
        }
    }

    /// Builds the lines anew where rows or trees have changed, and keeps the cursor on what it stood on, at the same height of the screen.
    /// Where it jumped, or the screen has another height, its interaction's own line stays in sight with it. A tree of a hundred thousand
    /// spans has as many lines: a key that only moves must not build them.
    pub(super) fn relay(&mut self, trees: &Trees, height: usize) {
        let anew = std::mem::take(&mut self.jumped) || height != self.height;
        let same = self.built.replace(trees.changes()) == Some(trees.changes());
        if same && !anew {
            return;
        }
        let on_screen = self.at.saturating_sub(self.top);
        self.height = height;
        if !same {
            self.build(trees);
        }
        match self.find(trees) {
            // Below its interaction: on the note, or where it was on its first span.
            Some(at) if self.on_note && self.lines.get(at + 1).is_some_and(|line| !matches!(line, ListLine::Interaction(_))) => {
                self.stand_on(at + 1, trees);
            }
            Some(at) => {
                self.on_note = false;
                self.at = at;
            }
            None => self.stand_on(self.at, trees),
        }
        if !anew {
            self.top = self.at.saturating_sub(on_screen);
        }
        self.show();
        if anew && let Some(head) = self.head().filter(|head| *head < self.top && self.at - head < height) {
            self.top = head;
        }
    }

    fn build(&mut self, trees: &Trees) {
        self.lines.clear();
        for (index, row) in self.window.rows.iter().enumerate() {
            self.lines.push(ListLine::Interaction(index));
            if let Some(open) = trees.expanded(row.trace) {
                match &open.spans {
                    Spans::Loaded(_) => self.lines.extend(open.visible().map(|span| ListLine::Span(index, span))),
                    Spans::Loading | Spans::Gone | Spans::Failed(_) => self.lines.push(ListLine::Note(index)),
                }
            }
        }
    }

    /// The line of the interaction that the cursor is in.
    fn head(&self) -> Option<usize> {
        let lines = self.lines.get(..=self.at)?;
        lines.iter().rposition(|line| matches!(line, ListLine::Interaction(_)))
    }

    /// The line of what is selected, else that of its interaction.
    fn find(&self, trees: &Trees) -> Option<usize> {
        let selected = self.selected?;
        let row = self.row_index()?;
        let base = self.lines.iter().position(|line| *line == ListLine::Interaction(row))?;
        let Some(span) = selected.span else { return Some(base) };
        let open = trees.expanded(selected.trace).and_then(super::tree::Open::loaded)?;
        let line = self.lines[base..].iter().position(
            |line| matches!(line, ListLine::Span(of, index) if *of == row && open.spans.get(*index).is_some_and(|s| s.key == span)),
        );
        line.map(|line| base + line)
    }

    /// Puts the cursor on a line.
    pub(super) fn stand_on(&mut self, line: usize, trees: &Trees) {
        self.at = line.min(self.lines.len().saturating_sub(1));
        self.on_note = matches!(self.lines.get(self.at), Some(ListLine::Note(_)));
        self.selected = self.lines.get(self.at).and_then(|line| {
            let trace = self.row_of(*line)?.trace;
            let span = match line {
                ListLine::Span(_, index) => trees
                    .get(trace)
                    .and_then(|open| open.loaded()?.spans.get(*index))
                    .map(|span| span.key),
                ListLine::Interaction(_) | ListLine::Note(_) => None,
            };
            Some(Selected { trace, span })
        });
        self.show();
    }

    /// Puts the cursor on an interaction or a span; the line is found when the lines are built next.
    pub(super) fn select(&mut self, trace: TraceKey, span: Option<SpanKey>) {
        self.jumped = true;
        self.on_note = false;
        self.selected = Some(Selected { trace, span });
    }

    /// Scrolls until the cursor is on the screen.
    fn show(&mut self) {
        let height = self.height.max(1);
        let lowest = (self.at + 1).saturating_sub(height);
        self.top = self.top.clamp(lowest, self.at.max(lowest));
        self.top = self.top.min(self.lines.len().saturating_sub(height).max(lowest));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::span::Part;
    use crate::pricing::Prices;

    #[test]
    fn lines_are_built_where_rows_or_trees_have_changed_and_only_there() {
        let part = |n: u64| Part {
            trace: TraceKey(1),
            trace_id: "t".into(),
            span_id: format!("s{n}"),
            parent_id: (n > 0).then(|| "s0".to_owned()),
            ended: true,
            ..Part::default()
        };
        let trace = crate::derive::derive((0..4).map(part).collect(), &Prices::default());
        let (mut trees, mut list) = (Trees::default(), List::default());
        let lines = |list: &mut List, trees: &Trees| {
            list.relay(trees, 40);
            list.lines().len()
        };
        list.arrived(Page::First, vec![trace.row.clone()], false);
        assert_eq!(lines(&mut list, &trees), 1);
        trees.hold_anew(TraceKey(1)).expanded = true;
        assert_eq!(lines(&mut list, &trees), 2, "a note");
        let root = trace.spans[0].key;
        trees.arrived(TraceKey(1), Ok(Some(Box::new(trace.clone()))));
        assert_eq!(lines(&mut list, &trees), 5);
        trees.fold(TraceKey(1), root, true);
        assert_eq!(lines(&mut list, &trees), 2);
        trees.collapse(TraceKey(1));
        assert_eq!(lines(&mut list, &trees), 1);
        list.stand_on(0, &trees);
        // What nobody changed is not built again.
        list.lines.clear();
        assert_eq!(lines(&mut list, &trees), 0);
        list.arrived(Page::First, vec![trace.row], false);
        assert_eq!(lines(&mut list, &trees), 1);
    }
}

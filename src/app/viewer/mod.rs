//! A text on the screen: wrapped or not, scrolled, searched. The inspector's tabs and rejected lines are read in one.
//!
//! It holds one `Page` of raw text and knows which rows of it are visible. Only those are made safe and handed to `ui`; a prompt
//! of 10 MB costs no more a frame than one of 10 lines.

mod find;
pub(in crate::app) mod layout;
mod page;

use std::ops::Range;

use crate::model::text::{self, Safe, Unit};

use super::Action;

use find::Found;
use layout::{Layout, Place};
use page::Cut;
pub use page::Tone;
pub(in crate::app) use page::{Inside, Page};

/// A movement through the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scroll {
    /// Rows, down when positive.
    Lines(i64),
    /// Half screens.
    HalfPage(i64),
    /// Whole screens, two rows kept.
    Page(i64),
    /// To the beginning.
    Top,
    /// To the end.
    Bottom,
    /// Columns, right when positive; only while long lines are not wrapped.
    Columns(i64),
}

impl Scroll {
    /// The movement an action of the cursor means in a text.
    pub(super) const fn of(action: Action) -> Option<Self> {
        Some(match action {
            Action::Down => Self::Lines(1),
            Action::Up => Self::Lines(-1),
            Action::HalfDown => Self::HalfPage(1),
            Action::HalfUp => Self::HalfPage(-1),
            Action::PageDown => Self::Page(1),
            Action::PageUp => Self::Page(-1),
            _ => return None,
        })
    }
}

/// How a piece of a row relates to the search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hit {
    /// Not found.
    #[default]
    None,
    /// A match.
    Match,
    /// The match the reader is at.
    Current,
}

/// A piece of a visible row: text, what it means, whether it was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What to show.
    pub text: Safe,
    /// What it means.
    pub tone: Tone,
    /// Whether it was searched for.
    pub hit: Hit,
}

/// A way to fold the JSON of a text, or to open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folding {
    /// The deepest open level is folded.
    Less,
    /// One more level is open.
    More,
    /// Only the outermost members are told.
    Outline,
    /// Everything is open.
    All,
}

/// What was folded of a text.
#[derive(Debug)]
struct Folded {
    /// The text with nothing folded.
    whole: Page,
    /// Levels of its JSON that are open, and all of them.
    open: usize,
    levels: usize,
    cuts: Vec<Cut>,
}

/// A text and the part of it that is on the screen.
#[derive(Debug)]
pub struct Viewer {
    /// What is shown.
    pub(super) page: Page,
    folded: Option<Folded>,
    pub(super) layout: Layout,
    wrap: bool,
    /// Spaces, tabs and line ends are shown.
    blanks: bool,
    width: usize,
    pub(super) height: usize,
    /// The first visible row.
    pub(super) top: Place,
    /// Columns scrolled to the right.
    left: usize,
    /// Bytes of `page.text` on each visible row.
    rows: Vec<Range<usize>>,
    needle: String,
    found: Found,
}

impl Default for Viewer {
    fn default() -> Self {
        Self {
            page: Page::default(),
            folded: None,
            layout: Layout::default(),
            wrap: true,
            blanks: false,
            width: 80,
            height: 20,
            top: Place::default(),
            left: 0,
            rows: Vec::new(),
            needle: String::new(),
            found: Found::default(),
        }
    }
}

impl Viewer {
    /// Shows another text, at its top; or the same one written anew, at the same place.
    pub(super) fn write(&mut self, page: Page, keep: bool) {
        let here = if keep { self.here() } else { 0 };
        let here = if here > 0 { self.whole().moved(&page, here) } else { 0 };
        let open = self.folded.take().filter(|_| keep).map(|folded| folded.open);
        if !keep {
            self.left = 0;
        }
        let current = self.found.current().filter(|_| keep);
        self.lay(page, open, here);
        self.found.select(current);
    }

    /// Shows a text with so many levels of its JSON open, from this byte of it on.
    fn lay(&mut self, whole: Page, open: Option<usize>, here: usize) {
        let (mut page, mut top) = (whole, here);
        self.folded = None;
        let levels = page.levels();
        if let Some(open) = open.filter(|open| *open < levels) {
            let (shown, cuts) = page.folded(open);
            top = page::shown(&cuts, here);
            let whole = std::mem::replace(&mut page, shown);
            self.folded = Some(Folded { whole, open, levels, cuts });
        }
        self.page = page;
        self.layout = Layout::new(&self.page.text, self.wrap.then_some(self.width), self.page.hanging());
        self.top = self.layout.place(&self.page.text, top);
        self.found = Found::search(&self.page.text, &self.needle);
        self.settle();
    }

    /// The text with nothing folded.
    fn whole(&self) -> &Page {
        self.folded.as_ref().map_or(&self.page, |folded| &folded.whole)
    }

    /// The byte of the whole text that the screen begins with.
    fn here(&mut self) -> usize {
        let here = self.layout.offset(&self.page.text, self.top);
        self.folded.as_ref().map_or(here, |folded| page::whole(&folded.cuts, here))
    }

    /// Folds the JSON of the text, or opens it; false when there is none, or nothing more of it.
    pub(super) fn fold(&mut self, folding: Folding) -> bool {
        let (open, levels) = self.levels().unwrap_or_else(|| {
            let levels = self.page.levels();
            (levels, levels)
        });
        let wanted = match folding {
            Folding::Less => open.saturating_sub(1),
            Folding::More => (open + 1).min(levels),
            Folding::Outline => levels.min(1),
            Folding::All => levels,
        };
        if wanted == open {
            return false;
        }
        let here = self.here();
        let whole = match self.folded.take() {
            Some(folded) => folded.whole,
            None => std::mem::take(&mut self.page),
        };
        self.lay(whole, Some(wanted), here);
        true
    }

    /// Levels of the text's JSON that are open, and how many it has; `None` while nothing is folded.
    #[must_use]
    pub fn levels(&self) -> Option<(usize, usize)> {
        self.folded.as_ref().map(|folded| (folded.open, folded.levels))
    }

    /// Whether there is JSON in the text that can be folded.
    #[must_use]
    pub fn has_json(&self) -> bool {
        !self.whole().insides.is_empty()
    }

    /// Moves through the text; never beyond its ends.
    pub fn scroll(&mut self, scroll: Scroll) {
        let height = self.height.max(1) as i64;
        match scroll {
            Scroll::Lines(rows) => self.move_by(rows),
            Scroll::HalfPage(pages) => self.move_by(pages.saturating_mul((height / 2).max(1))),
            Scroll::Page(pages) => self.move_by(pages.saturating_mul((height - 2).max(1))),
            Scroll::Top => self.top = Place::default(),
            Scroll::Bottom => self.top = self.last_top(),
            Scroll::Columns(columns) if !self.wrap => self.left = self.left.saturating_add_signed(columns as isize).min(layout::BLOCK),
            Scroll::Columns(_) => {}
        }
        self.settle();
    }

    /// Wraps long lines, or shows them as they are with sideways scrolling.
    pub fn toggle_wrap(&mut self) {
        self.wrap = !self.wrap;
        self.left = 0;
        self.relayout();
    }

    /// Shows spaces, tabs and the ends of lines, or hides them again.
    pub(super) fn toggle_blanks(&mut self) {
        self.blanks = !self.blanks;
    }

    /// Whether spaces, tabs and the ends of lines are shown.
    #[must_use]
    pub const fn shows_blanks(&self) -> bool {
        self.blanks
    }

    /// The whole text, made safe line by line.
    pub(super) fn safe_text(&self) -> String {
        self.whole().safe_text()
    }

    /// Whether long lines are wrapped.
    #[must_use]
    pub const fn wraps(&self) -> bool {
        self.wrap
    }

    /// The size of the text area, borders not counted. The first visible row stays on the screen.
    pub fn resize(&mut self, width: u16, height: u16) {
        let (width, height) = (usize::from(width), usize::from(height));
        if (width, height) == (self.width, self.height) {
            return;
        }
        let rewrap = self.wrap && width != self.width;
        (self.width, self.height) = (width, height);
        if rewrap { self.relayout() } else { self.settle() }
    }

    /// Looks for a text, whatever its case, and goes to the first match at or below the top; what is folded is opened for it. An empty one ends the
    /// search. Returns the number of matches.
    pub fn search(&mut self, text: &str) -> usize {
        if !text.is_empty() {
            self.fold(Folding::All);
        }
        text.clone_into(&mut self.needle);
        self.found = Found::search(&self.page.text, text);
        let here = self.layout.offset(&self.page.text, self.top);
        if let Some(at) = self.found.start_from(here) {
            self.reveal(at);
        }
        self.found.len()
    }

    /// Goes to the next or the previous match, round the ends.
    pub fn search_step(&mut self, forward: bool) {
        if let Some(at) = self.found.step(forward) {
            self.reveal(at);
        }
    }

    /// Whether something is searched for.
    pub(super) fn searches(&self) -> bool {
        !self.needle.is_empty()
    }

    /// The match the reader is at (from 1) and how many there are; `None` without a search.
    #[must_use]
    pub fn search_position(&self) -> Option<(usize, usize)> {
        (!self.needle.is_empty()).then(|| (self.found.current().map_or(0, |current| current + 1), self.found.len()))
    }

    /// The search gave up counting: there are more matches.
    #[must_use]
    pub const fn search_capped(&self) -> bool {
        self.found.capped()
    }

    /// How far the end of the screen is through the text, in percent.
    #[must_use]
    pub fn percent(&self) -> usize {
        let end = self.rows.last().map_or(0, |row| row.end);
        if self.page.text.is_empty() {
            100
        } else {
            (end as u128 * 100 / self.page.text.len() as u128) as usize
        }
    }

    /// All rows of the text, and whether that is counted (`true`) or estimated.
    #[must_use]
    pub fn total_rows(&self) -> (u64, bool) {
        self.layout.total()
    }

    /// Whether everything fits on the screen.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.top == Place::default() && self.rows.last().is_none_or(|row| row.end == self.page.text.len())
    }

    /// The visible rows, safe to draw.
    pub fn rows(&self) -> impl Iterator<Item = Vec<Piece>> {
        self.rows.iter().map(|row| self.pieces(row.clone()))
    }

    /// How many places on the visible rows would have acted on the terminal or stayed invisible.
    #[must_use]
    pub fn hidden(&self) -> usize {
        self.rows().flatten().map(|piece| piece.text.hidden()).sum()
    }

    fn pieces(&self, row: Range<usize>) -> Vec<Piece> {
        let (line, next) = text::split_line(&self.page.text[row.clone()]);
        let mut tones = self.page.tones_from(row.start);
        let mut hits = self.found.hits_from(row.start);
        let (mut pieces, mut at, mut column) = (Vec::<Piece>::new(), row.start, 0);
        let right = self.left + self.width;
        // Where a row goes on to the left, a mark takes its first column.
        let cut = !self.wrap && self.left > 0 && !line.is_empty();
        let left = self.left + usize::from(cut);
        let mark = || Piece {
            text: Safe::from_static("…"),
            tone: Tone::Dim,
            hit: Hit::None,
        };
        pieces.extend(cut.then(mark));
        let indent = self.layout.indent(&self.page.text, row.start);
        if indent > 0 {
            column = indent;
            pieces.push(Piece {
                text: Safe::line(&" ".repeat(indent)),
                tone: Tone::Text,
                hit: Hit::None,
            });
        }
        // What ends the line, where it is asked for.
        let end = if self.blanks {
            &self.page.text[row.start + line.len()..row.start + next]
        } else {
            ""
        };
        let ends = end.char_indices().map(|(at, end_of_line)| Unit {
            raw: &end[at..at + end_of_line.len_utf8()],
            shown: "".into(),
            width: 1,
            hidden: false,
        });
        let mut units = text::units(line).chain(ends).peekable();
        while let Some(mut unit) = units.next() {
            if column >= right {
                break;
            }
            let end = column + unit.width;
            if !self.wrap && (end > right || end == right && units.peek().is_some()) {
                // It goes on to the right.
                pieces.push(mark());
                break;
            }
            unit.hidden |= self.page.is_byte(at);
            let hit = hits.at(at..at + unit.raw.len());
            let blank = self.blanks.then(|| blank(&unit)).flatten();
            let tone = if unit.hidden {
                Tone::Hidden
            } else if blank.is_some() {
                // There are many, and what hides or acts is to be found among them.
                Tone::Dim
            } else {
                match tones.at(at) {
                    // A line under the blank that a row ends with would seem to mean something.
                    Tone::Quoted if unit.raw == " " && units.peek().is_none() => Tone::Text,
                    tone => tone,
                }
            };
            let unit = blank.unwrap_or(unit);
            at += unit.raw.len();
            let from = column;
            column += unit.width;
            if column <= left {
                continue;
            }
            if pieces.last().is_none_or(|last| (last.tone, last.hit) != (tone, hit)) {
                pieces.push(Piece {
                    text: Safe::default(),
                    tone,
                    hit,
                });
            }
            let Some(piece) = pieces.last_mut() else { break };
            if from < left {
                // The left edge cuts through a wide character or a tab.
                for _ in left..column {
                    piece.text.append(&Safe::from_static(" "));
                }
            } else {
                piece.text.push(&unit);
            }
        }
        pieces
    }

    fn relayout(&mut self) {
        let here = self.layout.offset(&self.page.text, self.top);
        self.layout = Layout::new(&self.page.text, self.wrap.then_some(self.width), self.page.hanging());
        self.top = self.layout.place(&self.page.text, here);
        self.settle();
    }

    fn move_by(&mut self, rows: i64) {
        self.top = self.layout.step(&self.page.text, self.top, rows);
    }

    /// Where the top is when the last row stands at the bottom.
    fn last_top(&mut self) -> Place {
        let end = self.layout.end(&self.page.text);
        self.layout.step(&self.page.text, end, -(self.height.max(1) as i64 - 1))
    }

    /// Brings a stretch of the text onto the screen: its beginning, and as much of the rest as there is room for.
    pub(super) fn bring(&mut self, stretch: &Range<usize>) {
        let seen = |at: usize| self.rows.iter().any(|row| row.contains(&at));
        if seen(stretch.start) && (seen(stretch.end.saturating_sub(1)) || self.rows.first().is_some_and(|row| row.contains(&stretch.start)))
        {
            return;
        }
        let above = self.rows.first().is_some_and(|row| stretch.start < row.start);
        let place = self.layout.place(&self.page.text, stretch.start);
        let last = self.layout.place(&self.page.text, stretch.end.saturating_sub(1).max(stretch.start));
        let lowest = self.layout.step(&self.page.text, last, -(self.height.max(1) as i64 - 1));
        self.top = if above { place } else { lowest.min(place) };
        self.settle();
    }

    /// Which of the visible rows, from 0, show some of a stretch of the text.
    pub fn rows_of(&self, stretch: &Range<usize>) -> impl Iterator<Item = usize> {
        let stretch = stretch.clone();
        let rows = self.rows.iter().enumerate();
        rows.filter(move |(_, row)| row.start < stretch.end && stretch.start < row.end)
            .map(|(nth, _)| nth)
    }

    /// Brings a match onto the screen, with some rows above it, and into the columns shown.
    fn reveal(&mut self, at: Range<usize>) {
        let visible = self.rows.iter().any(|row| row.contains(&at.start));
        if !visible {
            let place = self.layout.place(&self.page.text, at.start);
            self.top = self.layout.step(&self.page.text, place, -(self.height as i64 / 3));
        }
        if !self.wrap {
            let place = self.layout.place(&self.page.text, at.start);
            let from = self.layout.offset(&self.page.text, place);
            let columns = |to: usize| text::units(&self.page.text[from..to]).map(|unit| unit.width).sum::<usize>();
            let (start, end) = (columns(at.start), columns(at.end.min(self.page.text.len())));
            // The marks of what goes on take a column.
            if start < self.left + usize::from(self.left > 0) || end >= self.left + self.width {
                self.left = start.saturating_sub(self.width / 3);
            }
        }
        self.settle();
    }

    /// Keeps the top within the text and finds the visible rows.
    fn settle(&mut self) {
        let last = self.last_top();
        self.top = self.top.min(last);
        self.rows = self.layout.rows(&self.page.text, self.top, self.height);
    }
}

/// A space, a tab or the end of a line as something one sees, as wide as it is.
fn blank<'a>(unit: &Unit<'a>) -> Option<Unit<'a>> {
    let shown = match (unit.raw, unit.width) {
        (" ", _) => "␣",
        ("\t", 1) => "→",
        ("\t", 2) => "→ ",
        ("\t", 3) => "→  ",
        ("\t", _) => "→   ",
        ("\r", _) => "␍",
        ("\n", _) => "␊",
        _ => return None,
    };
    Some(Unit {
        shown: shown.into(),
        ..unit.clone()
    })
}

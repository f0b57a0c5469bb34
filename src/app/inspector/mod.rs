//! The inspector: the exact prompt, answer, documents, payloads and figures of one span.
//!
//! It holds one span and its contents, writes the open tab as one `Page` of raw text, and knows which rows of it are visible.
//! Only those are made safe and handed to `ui`; a prompt of 10 MB costs no more a frame than one of 10 lines.
//! It asks nobody for anything: what it lacks it says as `InspectorNeeds`, and the caller fetches.

mod conversation;
mod facts;
mod find;
mod json;
#[cfg(test)]
mod laws;
mod layout;
mod page;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::insight::ledger;
use crate::model::content::Contents;
use crate::model::span::{Origin, SpanKey};
use crate::model::text::{self, Safe};
use crate::model::trace::{Span, Trace};
use crate::model::usage::LedgerLine;
use crate::pricing::Prices;

use find::Found;
use layout::{Layout, Place};
use page::Page;
pub use page::Tone;

/// Raw lines shown of one span; one that came in more records is cut there, and says so.
const RAW_LINES: usize = 16;

/// What the inspector can show of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tab {
    /// What the model was told.
    #[default]
    Prompt,
    /// What it answered.
    Response,
    /// What was retrieved.
    Documents,
    /// Tools called and offered, or a tool's payloads.
    Tools,
    /// Model, parameters, ids, times, findings.
    Parameters,
    /// The bill.
    Cost,
    /// The line as it was logged.
    Raw,
}

impl Tab {
    /// All tabs from left to right.
    pub const ALL: [Self; 7] = [
        Self::Prompt,
        Self::Response,
        Self::Documents,
        Self::Tools,
        Self::Parameters,
        Self::Cost,
        Self::Raw,
    ];

    /// The word on the tab.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Response => "response",
            Self::Documents => "documents",
            Self::Tools => "tools",
            Self::Parameters => "parameters",
            Self::Cost => "cost",
            Self::Raw => "raw",
        }
    }
}

/// What the inspector lacks to show its span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InspectorNeeds {
    /// The contents of the span.
    pub contents: bool,
    /// A raw line; asked one at a time.
    pub raw: Option<Origin>,
}

/// A movement through the open tab.
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

/// The span on show, with what was computed from it.
#[derive(Debug)]
struct Subject {
    span: Span,
    /// The bill; `None` when the model has no price.
    bill: Option<Vec<LedgerLine>>,
    contents: Option<Contents>,
    /// The span has grown since the contents came.
    stale: bool,
    /// Why the contents could not be fetched.
    failure: Option<String>,
    raw: Vec<(Origin, Result<Vec<u8>, String>)>,
}

/// The state of the pane.
#[derive(Debug)]
pub struct Inspector {
    subject: Option<Subject>,
    tab: Tab,
    page: Page,
    layout: Layout,
    wrap: bool,
    width: usize,
    height: usize,
    /// The first visible row.
    top: Place,
    /// Columns scrolled to the right.
    left: usize,
    /// Bytes of `page.text` on each visible row.
    rows: Vec<Range<usize>>,
    needle: String,
    found: Found,
}

impl Default for Inspector {
    fn default() -> Self {
        Self::new()
    }
}

impl Inspector {
    /// Nothing to show yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            subject: None,
            tab: Tab::default(),
            page: Page::default(),
            layout: Layout::default(),
            wrap: true,
            width: 80,
            height: 20,
            top: Place::default(),
            left: 0,
            rows: Vec::new(),
            needle: String::new(),
            found: Found::default(),
        }
    }

    /// Shows a span of a trace. The same span again (it may have grown) keeps tab, place and contents; another one begins at its top.
    pub fn show(&mut self, trace: &Trace, span: SpanKey, prices: &Prices) -> InspectorNeeds {
        let Some(found) = trace.spans.iter().find(|candidate| candidate.key == span) else {
            self.clear();
            return InspectorNeeds::default();
        };
        let bill = bill(found, prices);
        match &mut self.subject {
            Some(subject) if subject.span.key == span => {
                if subject.span == *found && subject.bill == bill {
                    return self.needs();
                }
                // An unchanged set of records has unchanged contents.
                subject.stale |= subject.span.origins != found.origins;
                subject.raw.retain(|(origin, _)| found.origins.contains(origin));
                subject.span = found.clone();
                subject.bill = bill;
                self.rewrite(true);
            }
            _ => {
                let subject = Subject {
                    span: found.clone(),
                    bill,
                    contents: None,
                    stale: false,
                    failure: None,
                    raw: Vec::new(),
                };
                self.subject = Some(subject);
                self.rewrite(false);
            }
        }
        self.needs()
    }

    /// The contents of a span have come. Those of a span no longer on show are ignored.
    pub fn contents(&mut self, span: SpanKey, contents: Contents) {
        if let Some(subject) = self.subject.as_mut().filter(|subject| subject.span.key == span) {
            let first = subject.contents.is_none();
            subject.contents = Some(contents);
            subject.stale = false;
            subject.failure = None;
            self.rewrite(!first);
        }
    }

    /// A raw line has come, or why it cannot be had.
    pub fn raw(&mut self, origin: Origin, result: Result<Vec<u8>, String>) {
        if let Some(subject) = self.subject.as_mut().filter(|subject| subject.span.origins.contains(&origin)) {
            subject.raw.retain(|(known, _)| *known != origin);
            subject.raw.push((origin, result));
            subject.raw.sort_by_key(|(origin, _)| *origin);
            if self.tab == Tab::Raw {
                self.rewrite(true);
            }
        }
    }

    /// The contents cannot be had; the message is shown in their place.
    pub fn failed(&mut self, message: String) {
        if let Some(subject) = &mut self.subject {
            subject.failure = Some(message);
            subject.stale = false;
            self.rewrite(true);
        }
    }

    /// Shows nothing.
    pub fn clear(&mut self) {
        self.subject = None;
        self.rewrite(false);
    }

    /// The span on show.
    #[must_use]
    pub fn span(&self) -> Option<SpanKey> {
        self.subject.as_ref().map(|subject| subject.span.key)
    }

    /// The open tab.
    #[must_use]
    pub const fn tab(&self) -> Tab {
        self.tab
    }

    /// Opens a tab at its top.
    pub fn set_tab(&mut self, tab: Tab) -> InspectorNeeds {
        if tab != self.tab {
            self.tab = tab;
            self.rewrite(false);
        }
        self.needs()
    }

    /// Opens the tab to the right, round the end.
    pub fn next_tab(&mut self) -> InspectorNeeds {
        self.set_tab(Tab::ALL[(self.tab as usize + 1) % Tab::ALL.len()])
    }

    /// Opens the tab to the left, round the end.
    pub fn prev_tab(&mut self) -> InspectorNeeds {
        self.set_tab(Tab::ALL[(self.tab as usize + Tab::ALL.len() - 1) % Tab::ALL.len()])
    }

    /// What is lacking to show the span.
    #[must_use]
    pub fn needs(&self) -> InspectorNeeds {
        let Some(subject) = &self.subject else {
            return InspectorNeeds::default();
        };
        let contents = subject.span.part.slots != 0 && subject.failure.is_none() && (subject.contents.is_none() || subject.stale);
        let missing = |origin: &&Origin| !subject.raw.iter().any(|(known, _)| known == *origin);
        let raw = subject.span.origins.iter().take(RAW_LINES).find(missing).copied();
        InspectorNeeds {
            contents,
            raw: raw.filter(|_| self.tab == Tab::Raw),
        }
    }

    /// Moves through the tab; never beyond its ends.
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

    /// Looks for a text, whatever its case, and goes to the first match at or below the top. An empty one ends the search. Returns the number of matches.
    pub fn search(&mut self, text: &str) -> usize {
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

    /// The contents on show.
    #[must_use]
    pub fn loaded(&self) -> Option<&Contents> {
        self.subject.as_ref()?.contents.as_ref()
    }

    /// The first raw line, byte for byte, once it has come.
    #[must_use]
    pub fn raw_bytes(&self) -> Option<&[u8]> {
        self.subject.as_ref()?.raw.iter().find_map(|(_, result)| result.as_deref().ok())
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

    /// All rows of the tab, and whether that is counted (`true`) or estimated.
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
        let (line, _) = text::split_line(&self.page.text[row.clone()]);
        let mut tones = self.page.tones_from(row.start);
        let mut hits = self.found.hits_from(row.start);
        let (mut pieces, mut at, mut column) = (Vec::<Piece>::new(), row.start, 0);
        let right = self.left + self.width;
        for unit in text::units(line) {
            if column >= right {
                break;
            }
            let hit = hits.at(at..at + unit.raw.len());
            let tone = if unit.hidden { Tone::Hidden } else { tones.at(at) };
            at += unit.raw.len();
            let from = column;
            column += unit.width;
            if column <= self.left {
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
            if from < self.left {
                // The left edge cuts through a wide character or a tab.
                for _ in self.left..column {
                    piece.text.append(&Safe::from_static(" "));
                }
            } else {
                piece.text.push(&unit);
            }
        }
        pieces
    }

    /// Writes the open tab anew, at the same place or at the top.
    fn rewrite(&mut self, keep: bool) {
        let here = if keep { self.layout.offset(&self.page.text, self.top) } else { 0 };
        self.page = match &self.subject {
            None => Page::default(),
            Some(subject) => subject.page(self.tab),
        };
        if !keep {
            self.left = 0;
        }
        self.layout = Layout::new(&self.page.text, self.wrap.then_some(self.width));
        self.top = self.layout.place(&self.page.text, here);
        let current = self.found.current().filter(|_| keep);
        self.found = Found::search(&self.page.text, &self.needle);
        self.found.select(current);
        self.settle();
    }

    fn relayout(&mut self) {
        let here = self.layout.offset(&self.page.text, self.top);
        self.layout = Layout::new(&self.page.text, self.wrap.then_some(self.width));
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
            if start < self.left || end > self.left + self.width {
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

impl Subject {
    fn page(&self, tab: Tab) -> Page {
        match tab {
            Tab::Prompt => conversation::prompt(self),
            Tab::Response => conversation::response(self),
            Tab::Documents => conversation::documents(self),
            Tab::Tools => conversation::tools(self),
            Tab::Parameters => facts::parameters(self),
            Tab::Cost => facts::cost(self),
            Tab::Raw => facts::raw(self),
        }
    }
}

/// The bill of a span by the price of the model that answered, else of the one asked for.
fn bill(span: &Span, prices: &Prices) -> Option<Vec<LedgerLine>> {
    let part = &span.part;
    let models = [part.response_model.as_deref(), part.request_model.as_deref()];
    let price = models
        .into_iter()
        .flatten()
        .find_map(|model| prices.find(model, part.provider.as_deref(), part.start))?;
    Some(ledger(&part.usage, price))
}

//! The rejected lines of a source: a list, the newest first, and one of them to read, byte for byte as it was kept.

use crate::model::query::{Page, Query, RejectRow, Stats};
use crate::model::span::Origin;
use crate::model::text;

use super::viewer::{Page as Words, Scroll, Tone, Viewer};
use super::window::{PAGE, Paged};
use super::{Action, App, Effect, Notice, Pane};

/// The list, and the line being read.
#[derive(Debug)]
pub struct Rejects {
    uri: String,
    sources: Vec<u32>,
    list: Paged<RejectRow>,
    reader: Option<Reader>,
    /// The line that is copied as soon as it is here.
    copying: Option<Origin>,
    /// How many there are, by the store's last count.
    count: Option<u64>,
}

/// One rejected line, open.
#[derive(Debug)]
pub struct Reader {
    origin: Origin,
    row: Option<RejectRow>,
    /// The store has answered, well or not.
    answered: bool,
    viewer: Viewer,
}

impl Reader {
    /// The line as text.
    #[must_use]
    pub const fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    fn write(&mut self, page: Words) {
        self.answered = true;
        self.viewer.write(page, false);
    }
}

impl Rejects {
    /// Those of the source of this name; nothing is there yet.
    pub(super) fn of(uri: String, sources: Vec<u32>) -> Self {
        Self {
            uri,
            sources,
            list: Paged::default(),
            reader: None,
            copying: None,
            count: None,
        }
    }

    /// The source's name.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The rows, the newest first.
    #[must_use]
    pub const fn list(&self) -> &Paged<RejectRow> {
        &self.list
    }

    /// The line being read.
    #[must_use]
    pub const fn reader(&self) -> Option<&Reader> {
        self.reader.as_ref()
    }

    /// Closes the line being read; false when none is.
    pub(super) fn close_reader(&mut self) -> bool {
        self.reader.take().is_some()
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) {
        // Of the list the first line names the columns.
        self.list.resize(height.saturating_sub(1));
        if let Some(reader) = &mut self.reader {
            reader.viewer.resize(width, height);
        }
    }

    /// Nothing newer is above the cursor: what is rejected next belongs on the screen.
    const fn at_newest(&self) -> bool {
        self.list.at_newest() && self.reader.is_none()
    }
}

/// What is to read of a rejected line: why, where, and its bytes as they were kept.
fn words(row: &RejectRow) -> Words {
    let mut page = Words::default();
    let mut field = |name: &str, tone: Tone, value: &str| {
        page.hang(8).push(Tone::Label, &format!("{name:<8}")).line(tone, value);
    };
    field("reason", Tone::Warning, &row.reason);
    field("detail", Tone::Text, if row.detail.is_empty() { "–" } else { &row.detail });
    let Origin { offset, length, .. } = row.origin;
    field("place", Tone::Text, &format!("{}:{offset}", row.uri));
    let (whole, kept) = (u64::from(length), row.bytes.len() as u64);
    let omitted = whole.saturating_sub(kept);
    let size = if omitted > 0 {
        format!("{}, of which {} are kept", text::bytes(whole), text::bytes(kept))
    } else {
        text::bytes(whole)
    };
    field("size", Tone::Text, &size);
    page.gap();
    if omitted == 0 {
        raw(&mut page, &row.bytes);
        return page;
    }
    let (front, back) = row.bytes.split_at(row.bytes.len() / 2);
    raw(&mut page, front);
    // A length has four bytes: a line of more is longer than it says.
    let about = if length == u32::MAX { "at least " } else { "" };
    page.line(Tone::Text, "")
        .line(Tone::Warning, &format!("… {about}{omitted} bytes are left out here …"));
    raw(&mut page, back);
    page
}

/// Bytes as text; those that are none, by their number.
fn raw(page: &mut Words, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        page.push(Tone::Text, chunk.valid());
        for byte in chunk.invalid() {
            page.byte(*byte);
        }
    }
    page.line(Tone::Text, "");
}

impl App {
    /// The rejected lines that are open.
    #[must_use]
    pub const fn rejects(&self) -> Option<&Rejects> {
        self.rejects.as_ref()
    }

    /// The rejected line that is being read.
    #[must_use]
    pub fn reader(&self) -> Option<&Reader> {
        self.rejects.as_ref()?.reader()
    }

    pub(super) fn reader_mut(&mut self) -> Option<&mut Viewer> {
        Some(&mut self.rejects.as_mut()?.reader.as_mut()?.viewer)
    }

    pub(super) fn act_on_rejects(&mut self, action: Action, effects: &mut Vec<Effect>) {
        let Some(rejects) = &mut self.rejects else { return };
        match (action, &mut rejects.reader) {
            (Action::CopyReject, _) => self.copy_reject(effects),
            (Action::Wrap, Some(reader)) => reader.viewer.toggle_wrap(),
            (Action::ScrollLeft, Some(reader)) => reader.viewer.scroll(Scroll::Columns(-8)),
            (Action::ScrollRight, Some(reader)) => reader.viewer.scroll(Scroll::Columns(8)),
            (Action::Top, Some(reader)) => reader.viewer.scroll(Scroll::Top),
            (Action::Bottom, Some(reader)) => reader.viewer.scroll(Scroll::Bottom),
            (action, Some(reader)) => {
                if let Some(scroll) = Scroll::of(action) {
                    reader.viewer.scroll(scroll);
                }
            }
            (Action::Open, None) => {
                if let Some(origin) = rejects.list.selected {
                    rejects.reader = Some(Reader {
                        origin,
                        row: None,
                        answered: false,
                        viewer: Viewer::default(),
                    });
                    effects.push(self.asks.ask(Pane::Reject, Query::Reject(origin)));
                } else if rejects.list.error.is_some() {
                    self.asks.soil(Pane::Rejects);
                }
            }
            (Action::Top, None) => {
                if rejects.list.window.above {
                    self.asks.soil(Pane::Rejects);
                }
                rejects.list.stand_on(0);
            }
            (Action::Bottom, None) => {
                rejects.list.stand_on(usize::MAX);
                if rejects.list.window.below {
                    rejects.list.land_last = true;
                    self.ask_rejects(Page::Last, effects);
                }
            }
            (action, None) => rejects.list.step(action),
        }
    }

    /// Copies the line read or stood on, all of it that was kept.
    fn copy_reject(&mut self, effects: &mut Vec<Effect>) {
        let Some(rejects) = &mut self.rejects else { return };
        let read = rejects.reader.as_ref().and_then(|reader| reader.row.as_ref());
        if let Some(row) = read {
            return effects.push(copy(row));
        }
        let Some(origin) = rejects.reader.as_ref().map(|reader| reader.origin).or(rejects.list.selected) else {
            return self.notices.say(Notice::warn("nothing to copy: no rejected line is selected"));
        };
        rejects.copying = Some(origin);
        if self.asks.under_way(Pane::Reject) != Some(&Query::Reject(origin)) {
            effects.push(self.asks.ask(Pane::Reject, Query::Reject(origin)));
        }
    }

    fn ask_rejects(&mut self, page: Page<Origin>, effects: &mut Vec<Effect>) {
        let Some(rejects) = &self.rejects else { return };
        let sources = rejects.sources.clone();
        let query = Query::Rejects {
            sources,
            page,
            limit: PAGE,
        };
        effects.push(self.asks.ask(Pane::Rejects, query));
    }

    /// Asks for the rows that are due.
    pub(super) fn ask_due_rejects(&mut self, effects: &mut Vec<Effect>) {
        let Some(rejects) = &self.rejects else { return };
        if self.asks.due(Pane::Rejects) {
            self.ask_rejects(Page::First, effects);
        } else if self.asks.under_way(Pane::Rejects).is_none()
            && rejects.list.error.is_none()
            && let Some(page) = rejects.list.window.wants(rejects.list.at(), |row| row.origin)
        {
            self.ask_rejects(page, effects);
        }
    }

    /// The store has counted again: when more of this source's lines were rejected, the newest are shown where the list begins.
    pub(super) fn recount_rejects(&mut self, stats: &Stats) {
        let Some(rejects) = &mut self.rejects else { return };
        let ours = stats.sources.iter().filter(|stat| stat.uri == rejects.uri);
        let count = ours.map(|stat| stat.tally.rejected).sum();
        let before = rejects.count.replace(count);
        if before.is_some_and(|before| before < count) && rejects.at_newest() {
            self.asks.soil(Pane::Rejects);
        }
    }

    /// Nothing newer was asked, so the question still stands.
    pub(super) fn reject_interrupted(&mut self, query: &Query) {
        if let Query::Reject(origin) = query {
            self.reject_failed(*origin, "the question was interrupted");
        }
    }

    pub(super) fn rejects_arrived(&mut self, page: &Page<Origin>, rows: Vec<RejectRow>, more: bool) {
        if let Some(rejects) = &mut self.rejects {
            rejects.list.arrived(page, rows, more, !matches!(page, Page::First));
        }
    }

    pub(super) fn reject_arrived(&mut self, origin: Origin, row: Option<Box<RejectRow>>, effects: &mut Vec<Effect>) {
        let Some(row) = row else {
            return self.reject_failed(origin, "it is no longer in the store");
        };
        let Some(rejects) = &mut self.rejects else { return };
        if rejects.copying == Some(origin) {
            rejects.copying = None;
            effects.push(copy(&row));
        }
        if let Some(reader) = rejects.reader.as_mut().filter(|reader| reader.origin == origin) {
            reader.write(words(&row));
            reader.row = Some(*row);
        }
    }

    pub(super) fn reject_failed(&mut self, origin: Origin, why: &str) {
        let Some(rejects) = &mut self.rejects else { return };
        if rejects.copying == Some(origin) {
            rejects.copying = None;
            self.notices.say(Notice::error(format!("not copied: {why}")));
        }
        if let Some(reader) = rejects.reader.as_mut().filter(|reader| reader.origin == origin) {
            let mut page = Words::default();
            page.push(Tone::Error, "The line could not be read: ").line(Tone::Error, why);
            reader.write(page);
        }
    }

    pub(super) fn rejects_failed(&mut self, why: String) {
        if let Some(rejects) = &mut self.rejects {
            rejects.list.failed(why);
        }
    }
}

fn copy(row: &RejectRow) -> Effect {
    let whole = u64::from(row.origin.length) <= row.bytes.len() as u64;
    Effect::Copy {
        what: if whole { "rejected line" } else { "both ends of a rejected line" },
        bytes: row.bytes.clone(),
    }
}

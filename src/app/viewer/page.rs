//! A tab's content as one raw text with tones: what search, wrapping and scrolling work on.
//!
//! The text is as logged, never made safe here: that happens a visible row at a time. One text, one set of byte offsets.

use crate::model::text;

/// What a stretch of text means; `ui` turns it into a style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Words of the trace.
    #[default]
    Text,
    /// Less important, and our own remarks.
    Dim,
    /// A heading.
    Heading,
    /// Who speaks: system.
    System,
    /// Who speaks: the user.
    User,
    /// Who speaks: the model.
    Assistant,
    /// Who speaks: a tool; and tool calls.
    Tool,
    /// The name of a field.
    Label,
    /// A figure.
    Number,
    /// Money.
    Cost,
    /// Worth a look.
    Warning,
    /// Failed.
    Error,
    /// Made visible because it would hide or act.
    Hidden,
}

/// A text with tones.
#[derive(Debug, Default)]
pub(in crate::app) struct Page {
    /// The text as logged, with our headings.
    pub text: String,
    /// Where each tone begins.
    tones: Vec<(usize, Tone)>,
    /// Lines whose rows after the first are set in: where each begins, and by how many columns.
    hanging: Vec<(usize, usize)>,
    /// Where the numbers of bytes stand that are no text.
    numbered: Vec<usize>,
    /// Where each message begins; those folded into one line all begin there. Empty where there are none.
    pub places: Vec<usize>,
}

impl Page {
    /// Adds text.
    pub fn push(&mut self, tone: Tone, text: &str) -> &mut Self {
        if !text.is_empty() {
            if self.tones.last().is_none_or(|(_, last)| *last != tone) {
                self.tones.push((self.text.len(), tone));
            }
            self.text.push_str(text);
        }
        self
    }

    /// Adds text and ends its line.
    pub fn line(&mut self, tone: Tone, text: &str) -> &mut Self {
        self.push(tone, text);
        if !text.ends_with('\n') {
            self.text.push('\n');
        }
        self
    }

    /// The line that begins here goes on below itself set in by so many columns.
    pub fn hang(&mut self, columns: usize) -> &mut Self {
        self.hanging.push((self.text.len(), columns));
        self
    }

    /// Lines whose rows after the first are set in: where each begins, and by how many columns.
    pub(super) fn hanging(&self) -> &[(usize, usize)] {
        &self.hanging
    }

    /// Adds a byte that is no text, by its number.
    pub fn byte(&mut self, byte: u8) -> &mut Self {
        self.numbered.push(self.text.len());
        self.push(Tone::Hidden, &text::numbered(byte))
    }

    /// Whether the number of such a byte begins here.
    pub(super) fn is_byte(&self, offset: usize) -> bool {
        self.numbered.binary_search(&offset).is_ok()
    }

    /// An empty line, unless at the beginning.
    pub fn gap(&mut self) -> &mut Self {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self
    }

    /// The whole text, made safe line by line.
    pub fn safe_text(&self) -> String {
        let mut safe = String::with_capacity(self.text.len() + 1);
        for line in text::lines(&self.text) {
            safe.push_str(&text::sanitise(line));
            safe.push('\n');
        }
        safe
    }

    /// Where a place of this page stands in the same one written anew: by the message it is in, where these are as many as before.
    pub(super) fn moved(&self, new: &Self, here: usize) -> usize {
        let at = self.places.partition_point(|start| *start <= here);
        if at == 0 || self.places.len() != new.places.len() {
            return here;
        }
        let start = self.places[at - 1];
        let message = self.places.partition_point(|other| *other < start);
        let to = new.places[message];
        let shared = |places: &[usize]| places.iter().filter(|place| **place == places[message]).count() > 1;
        if shared(&self.places) || shared(&new.places) {
            return to;
        }
        let end = new.places.get(message + 1).copied().unwrap_or(new.text.len());
        new.text.floor_char_boundary((to + here - start).min(end.saturating_sub(1)))
    }

    /// The tones from an offset on.
    pub(super) fn tones_from(&self, offset: usize) -> Tones<'_> {
        let next = self.tones.partition_point(|(start, _)| *start <= offset);
        Tones { tones: &self.tones, next }
    }
}

/// A walk along the tones.
pub(super) struct Tones<'a> {
    tones: &'a [(usize, Tone)],
    next: usize,
}

impl Tones<'_> {
    /// The tone at an offset; offsets may only grow.
    pub fn at(&mut self, offset: usize) -> Tone {
        while self.tones.get(self.next).is_some_and(|(start, _)| *start <= offset) {
            self.next += 1;
        }
        self.next.checked_sub(1).map_or_else(Tone::default, |at| self.tones[at].1)
    }
}

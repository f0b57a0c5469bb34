//! A tab's content as one raw text with tones: what search, wrapping and scrolling work on.
//!
//! The text is as logged, never made safe here: that happens a visible row at a time. One text, one set of byte offsets.

use std::ops::Range;

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
    /// The name of a member of a JSON object.
    Key,
    /// Code inside of a text.
    Code,
    /// Words of a document that stand in the answer.
    Quoted,
    /// What stands in the place of JSON that is folded.
    Folded,
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

/// What stands between the brackets of a JSON object or array that has something in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::app) struct Inside {
    /// Its bytes in the text, without the brackets.
    pub bytes: Range<usize>,
    /// How many objects and arrays are around it.
    pub level: usize,
    /// Its members or elements.
    pub count: usize,
    /// It is an object's.
    pub object: bool,
}

impl Inside {
    /// What stands in its place where it is folded.
    fn folded(&self) -> String {
        let what = if self.object { "key" } else { "item" };
        format!("▸ {} {what}{}", self.count, text::plural(self.count as u64))
    }
}

/// A stretch of a text, and what it became in the text where it is folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    whole: Range<usize>,
    shown: Range<usize>,
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
    /// What can be folded, in the order in which it begins.
    pub insides: Vec<Inside>,
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

    /// Levels of the JSON in it.
    pub(super) fn levels(&self) -> usize {
        self.insides.iter().map(|inside| inside.level + 1).max().unwrap_or(0)
    }

    /// The page with so many levels of its JSON open, and what was cut out.
    pub(super) fn folded(&self, open: usize) -> (Self, Vec<Cut>) {
        let (mut page, mut cuts, mut at) = (Self::default(), Vec::new(), 0);
        for inside in self.insides.iter().filter(|inside| inside.level >= open) {
            let whole = inside.bytes.clone();
            if whole.start < at {
                continue;
            }
            self.copy(at..whole.start, &mut page);
            at = whole.end;
            let from = page.text.len();
            page.push(Tone::Folded, &inside.folded());
            let shown = from..page.text.len();
            cuts.push(Cut { whole, shown });
        }
        self.copy(at..self.text.len(), &mut page);
        page.places = self.places.iter().map(|place| shown(&cuts, *place)).collect();
        let stays = |place: usize| {
            let next = cuts.partition_point(|cut| cut.whole.end <= place);
            cuts.get(next).is_none_or(|cut| place < cut.whole.start)
        };
        let hanging = self.hanging.iter().filter(|(line, _)| stays(*line));
        page.hanging = hanging.map(|(line, columns)| (shown(&cuts, *line), *columns)).collect();
        let numbered = self.numbered.iter().filter(|place| stays(**place));
        page.numbered = numbered.map(|place| shown(&cuts, *place)).collect();
        (page, cuts)
    }

    /// Adds another page; these stretches of it in this tone.
    pub fn append(&mut self, other: &Self, tone: Tone, stretches: &[Range<usize>]) -> &mut Self {
        let mut at = 0;
        for stretch in stretches {
            other.copy(at..stretch.start, self);
            self.push(tone, &other.text[stretch.clone()]);
            at = stretch.end;
        }
        other.copy(at..other.text.len(), self);
        self
    }

    fn copy(&self, stretch: Range<usize>, to: &mut Self) {
        let mut tones = self.tones_from(stretch.start);
        let mut at = stretch.start;
        while at < stretch.end {
            let tone = tones.at(at);
            let end = tones.next_at().unwrap_or(stretch.end).min(stretch.end);
            to.push(tone, &self.text[at..end]);
            at = end;
        }
    }

    /// The tones from an offset on.
    pub fn tones_from(&self, offset: usize) -> Tones<'_> {
        let next = self.tones.partition_point(|(start, _)| *start <= offset);
        Tones { tones: &self.tones, next }
    }
}

/// A walk along the tones.
pub(in crate::app) struct Tones<'a> {
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

    /// Where the next tone begins.
    fn next_at(&self) -> Option<usize> {
        self.tones.get(self.next).map(|(start, _)| *start)
    }
}

/// Where an offset of the whole text stands in the folded one: inside of what is folded, at its beginning.
pub(super) fn shown(cuts: &[Cut], whole: usize) -> usize {
    let Some(cut) = cuts[..cuts.partition_point(|cut| cut.whole.start <= whole)].last() else {
        return whole;
    };
    if whole < cut.whole.end {
        return cut.shown.start;
    }
    cut.shown.end + (whole - cut.whole.end)
}

/// Where an offset of the folded text stands in the whole one.
pub(super) fn whole(cuts: &[Cut], shown: usize) -> usize {
    let Some(cut) = cuts[..cuts.partition_point(|cut| cut.shown.start <= shown)].last() else {
        return shown;
    };
    if shown < cut.shown.end {
        return cut.whole.start;
    }
    cut.whole.end + (shown - cut.shown.end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A page of brackets: `(` opens, `)` closes, anything else is text.
    fn page(text: &str) -> Page {
        let (mut page, mut open) = (Page::default(), Vec::<usize>::new());
        for c in text.chars() {
            if c == ')'
                && let Some(inside) = open.pop()
            {
                page.insides[inside].bytes.end = page.text.len();
            }
            page.push(if c == 'x' { Tone::Text } else { Tone::Dim }, &c.to_string());
            if c == '(' {
                open.push(page.insides.len());
                page.insides.push(Inside {
                    bytes: page.text.len()..page.text.len(),
                    level: open.len() - 1,
                    count: 2,
                    object: open.len() % 2 == 1,
                });
            }
        }
        for inside in open {
            page.insides[inside].bytes.end = page.text.len();
        }
        page.insides.retain(|inside| !inside.bytes.is_empty());
        page
    }

    #[test]
    fn deeper_levels_are_folded_and_say_how_much_they_hold() {
        let page = page("(x(y)(z))(w)");
        let folded = |open| page.folded(open).0.text;
        assert_eq!(page.levels(), 2);
        assert_eq!(folded(2), page.text);
        assert_eq!(folded(1), "(x(▸ 2 items)(▸ 2 items))(w)");
        assert_eq!(folded(0), "(▸ 2 keys)(▸ 2 keys)");
    }

    proptest! {
        #[test]
        fn places_are_found_again_and_nothing_but_what_is_folded_goes(text in "[(x)é]{0,40}", open in 0usize..4, at in any::<prop::sample::Index>()) {
            let page = page(&text);
            let (folded, cuts) = page.folded(open);
            // What is shown is the whole with its cuts put back.
            let mut back = folded.text.clone();
            for cut in cuts.iter().rev() {
                back.replace_range(cut.shown.clone(), &page.text[cut.whole.clone()]);
            }
            prop_assert_eq!(&back, &page.text);
            for (offset, _) in folded.text.char_indices() {
                let inside = cuts.iter().find(|cut| cut.shown.contains(&offset));
                prop_assert_eq!(shown(&cuts, whole(&cuts, offset)), inside.map_or(offset, |cut| cut.shown.start));
                if inside.is_none() {
                    let other = whole(&cuts, offset);
                    prop_assert_eq!(folded.tones_from(offset).at(offset), page.tones_from(other).at(other));
                }
            }
            let at = page.text.floor_char_boundary(at.index(page.text.len() + 1));
            prop_assert!(folded.text.is_char_boundary(shown(&cuts, at)));
        }
    }
}

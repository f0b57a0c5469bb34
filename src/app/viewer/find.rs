//! Search in a page, whatever the case. Matches are byte ranges of the raw text, so wrapping and tones do not concern them.

use std::ops::Range;

use super::Hit;

/// Matches kept; one letter in 10 MB has more than anyone steps through.
const MOST: usize = 100_000;

/// All matches, and the one the reader is at.
#[derive(Debug, Default)]
pub(super) struct Found {
    matches: Vec<Range<usize>>,
    current: Option<usize>,
    capped: bool,
}

impl Found {
    /// Finds a text; matches do not overlap.
    pub fn search(text: &str, needle: &str) -> Self {
        let mut found = Self::default();
        let folded: Vec<char> = needle.chars().flat_map(char::to_lowercase).collect();
        let Some(first) = folded.first() else { return found };
        let mut from = 0;
        while let Some(start) = candidate(text, from, *first) {
            let Some(end) = matches_at(&text[start..], &folded) else {
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
                continue;
            };
            if found.matches.len() == MOST {
                found.capped = true;
                break;
            }
            found.matches.push(start..start + end);
            from = start + end;
        }
        found
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.matches.len()
    }

    /// There are more.
    pub const fn capped(&self) -> bool {
        self.capped
    }

    /// The one the reader is at.
    pub const fn current(&self) -> Option<usize> {
        self.current
    }

    /// Goes back to a match by number.
    pub fn select(&mut self, current: Option<usize>) {
        self.current = current.filter(|current| *current < self.matches.len());
    }

    /// The first match at or after an offset, else the first of all.
    pub fn start_from(&mut self, offset: usize) -> Option<Range<usize>> {
        let at = self.matches.partition_point(|found| found.start < offset);
        self.current = (!self.matches.is_empty()).then_some(at % self.matches.len().max(1));
        self.current.map(|at| self.matches[at].clone())
    }

    /// The next match or the one before, round the ends.
    pub fn step(&mut self, forward: bool) -> Option<Range<usize>> {
        let count = self.matches.len();
        if count == 0 {
            return None;
        }
        let at = match (self.current, forward) {
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
            (None, true) => 0,
            (None, false) => count - 1,
        };
        self.current = Some(at);
        Some(self.matches[at].clone())
    }

    /// A walk along the matches from an offset on.
    pub fn hits_from(&self, offset: usize) -> Hits<'_> {
        Hits {
            found: self,
            next: self.matches.partition_point(|found| found.end <= offset),
        }
    }
}

/// A walk along the matches.
pub(super) struct Hits<'a> {
    found: &'a Found,
    next: usize,
}

impl Hits<'_> {
    /// Whether the bytes belong to a match; ranges may only go forward.
    pub fn at(&mut self, range: Range<usize>) -> Hit {
        while self.found.matches.get(self.next).is_some_and(|found| found.end <= range.start) {
            self.next += 1;
        }
        match self.found.matches.get(self.next) {
            Some(found) if found.start < range.end && self.found.current == Some(self.next) => Hit::Current,
            Some(found) if found.start < range.end => Hit::Match,
            _ => Hit::None,
        }
    }
}

/// The next place where a match may begin. ASCII letters are found at memory speed.
fn candidate(text: &str, from: usize, first: char) -> Option<usize> {
    let rest = text.get(from..)?;
    // `K` (Kelvin) and `İ` fold to ASCII letters too.
    if first.is_ascii() && !matches!(first, 'k' | 'i') {
        let byte = first as u8;
        return memchr::memchr2(byte, byte.to_ascii_uppercase(), rest.as_bytes()).map(|at| from + at);
    }
    rest.char_indices()
        .find(|(_, c)| *c == first || c.to_lowercase().next() == Some(first))
        .map(|(at, _)| from + at)
}

/// Bytes of the match at the beginning of a text.
fn matches_at(text: &str, folded: &[char]) -> Option<usize> {
    let mut wanted = folded.iter();
    for (at, c) in text.char_indices() {
        let mut lower = c.to_lowercase().peekable();
        while let Some(c) = lower.next() {
            match wanted.next() {
                Some(w) if *w == c => {}
                // The needle ended within a character that folds to several.
                Some(_) => return None,
                None => return (lower.peek().is_none()).then_some(at),
            }
        }
        if wanted.as_slice().is_empty() {
            return Some(at + c.len_utf8());
        }
    }
    None
}

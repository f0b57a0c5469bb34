//! Bytes that come in order become blocks of whole records: standard input and compressed files.
//!
//! A record longer than [`LONGEST`] is never held: its first and last [`KEPT`] bytes stand for it, alone in their chunk.

use std::collections::VecDeque;

use super::framing::Ends;
use crate::model::framing::Framing;
use crate::model::turn::Turn;

/// Longer lines are no record that anybody could read, and would break the bound on memory: they become rejects.
pub(super) const LONGEST: u64 = 32 << 20;
/// What is kept of each end of such a line.
pub(super) const KEPT: usize = 512 << 10;
/// A document's line longer than this is cut behind a comma.
const LONG: usize = 8 << 20;

/// Whole lines, or what is kept of a line that was too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Where it begins.
    pub offset: u64,
    /// The bytes; of a line too long only its ends.
    pub bytes: Vec<u8>,
    /// Bytes left out in the middle.
    pub omitted: u64,
    /// What a record is.
    pub framing: Framing,
}

/// The turn of a conversation that is under way where reading stands: all bytes before have gone by.
#[derive(Debug, Default)]
pub(super) struct Lead {
    /// Where it stands.
    pub at: u64,
    turn: Turn,
    open: Vec<u8>,
}

impl Lead {
    /// The next bytes go by.
    pub(super) fn push(&mut self, framing: Framing, bytes: &[u8]) {
        self.at += bytes.len() as u64;
        if framing != Framing::Conversation {
            return;
        }
        let Some(last) = memchr::memrchr(b'\n', bytes) else {
            // The rest of a line too long for anybody says nothing.
            if (self.open.len() as u64) < LONGEST {
                self.open.extend_from_slice(bytes);
            }
            return;
        };
        let (whole, rest) = bytes.split_at(last + 1);
        if self.open.is_empty() {
            self.turn.pass(whole);
        } else {
            self.open.extend_from_slice(whole);
            self.turn.pass(&self.open);
        }
        self.open = rest.to_vec();
    }

    /// So many bytes go by that nobody reads.
    pub(super) const fn skip(&mut self, bytes: u64) {
        self.at += bytes;
    }

    /// The turn, where a line begins: the line before may lack its newline.
    pub(super) fn turn(&mut self) -> Turn {
        self.turn.pass(&std::mem::take(&mut self.open));
        self.turn.clone()
    }
}

/// Cuts what is pushed.
#[derive(Debug)]
pub(super) struct Lines {
    longest: usize,
    kept: usize,
    /// Chunks that stand before `buffer`.
    ready: VecDeque<Chunk>,
    ready_bytes: usize,
    buffer: Vec<u8>,
    /// Length of the whole lines at the buffer's start.
    whole: usize,
    /// Where the buffer begins.
    offset: u64,
    /// Where records end behind the buffer; unknown until the first bytes have told what a record is.
    ends: Option<Ends>,
    /// Bytes left out of the unfinished line: it is too long, and the buffer holds nothing else.
    omitted: u64,
}

impl Lines {
    /// Begins at an offset, which a record starts at; what a record is, the input's first bytes tell, these or those to come.
    pub(super) fn at(offset: u64, head: &[u8]) -> Self {
        let mut lines = Self::bounded(offset, LONGEST as usize, KEPT);
        lines.ends = (offset > 0).then(|| Ends::at(Framing::of(head), offset));
        lines
    }

    fn bounded(offset: u64, longest: usize, kept: usize) -> Self {
        Self {
            longest,
            kept,
            ready: VecDeque::new(),
            ready_bytes: 0,
            buffer: Vec::new(),
            whole: 0,
            offset,
            ends: None,
            omitted: 0,
        }
    }

    fn framing(&self) -> Framing {
        self.ends.as_ref().map_or_else(|| Framing::of(&self.buffer), Ends::framing)
    }

    /// Takes bytes in.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Some(mut ends) = self.ends.take() else {
            self.buffer.extend_from_slice(bytes);
            let mut ends = Ends::at(self.framing(), self.offset);
            let found = ends.pass(&self.buffer);
            if found.last.is_some() || self.buffer.len() >= Framing::HEAD {
                self.whole = found.last.map_or(0, |end| (end - self.offset) as usize);
                self.ends = Some(ends);
                self.bound();
            }
            return;
        };
        if self.omitted > 0 {
            let from = self.offset + self.omitted + self.buffer.len() as u64;
            let end = ends.pass(bytes).first.map(|end| end.saturating_sub(from) as usize);
            self.buffer.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
            self.shorten(self.kept);
            if let Some(end) = end {
                self.ends = Some(Ends::at(ends.framing(), from + end as u64));
                self.set_aside(self.buffer.len());
                self.push(&bytes[end..]);
            } else {
                self.ends = Some(ends);
            }
            return;
        }
        let found = ends.pass(bytes);
        self.ends = Some(ends);
        self.buffer.extend_from_slice(bytes);
        let long = self.buffer.len() - self.whole > LONG;
        if let Some(end) = found.last.or(found.comma.filter(|_| long)) {
            self.whole = (end - self.offset) as usize;
        }
        self.bound();
    }

    /// Holds no more than a record may be long.
    fn bound(&mut self) {
        if self.omitted == 0 && self.buffer.len() - self.whole > self.longest {
            if self.whole > 0 {
                self.set_aside(self.whole);
            }
            self.shorten(0);
        }
    }

    /// Leaves out the middle of the buffer, which is one long line, once that is more than `slack`.
    fn shorten(&mut self, slack: usize) {
        let middle = self.buffer.len().saturating_sub(2 * self.kept);
        if middle > slack {
            self.buffer.drain(self.kept..self.kept + middle);
            self.omitted += middle as u64;
        }
    }

    fn set_aside(&mut self, length: usize) {
        let framing = self.framing();
        let rest = self.buffer.split_off(length);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let chunk = Chunk {
            offset: self.offset,
            omitted: std::mem::take(&mut self.omitted),
            framing,
            bytes,
        };
        self.offset += chunk.bytes.len() as u64 + chunk.omitted;
        self.whole = self.whole.saturating_sub(length);
        self.ready_bytes += chunk.bytes.len();
        self.ready.push_back(chunk);
    }

    /// Bytes of whole lines that wait.
    pub(super) fn whole(&self) -> usize {
        self.ready_bytes + self.whole
    }

    /// Bytes of the unfinished last line.
    #[cfg(any(feature = "store", test))]
    pub(super) fn pending(&self) -> u64 {
        (self.buffer.len() - self.whole) as u64 + self.omitted
    }

    /// The next of the whole lines that wait; at the end of the input also the last one without newline.
    pub(super) fn take(&mut self, ended: bool) -> Option<Chunk> {
        if self.ready.is_empty() {
            let length = if ended { self.buffer.len() } else { self.whole };
            if length == 0 {
                return None;
            }
            self.set_aside(length);
        }
        let chunk = self.ready.pop_front()?;
        self.ready_bytes -= chunk.bytes.len();
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the pieces, the chunks tile the input, break at newlines, and hold little of a long line.
        #[test]
        fn chunks_tile_the_input(text in "[ab\n]{0,200}", cuts in prop::collection::vec(1..20_usize, 1..40), begin in 0..9_u64) {
            let mut lines = Lines::bounded(begin, 12, 3);
            let (mut chunks, mut rest) = (Vec::new(), text.as_bytes());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                lines.push(now);
                rest = later;
                if cut % 2 == 0 {
                    chunks.extend(lines.take(false));
                }
                prop_assert!(lines.pending() <= 200);
            }
            chunks.extend(std::iter::from_fn(|| lines.take(true)));
            prop_assert_eq!((lines.whole(), lines.pending()), (0, 0));
            let mut at = begin;
            for chunk in &chunks {
                prop_assert_eq!(chunk.offset, at);
                let end = at + chunk.bytes.len() as u64 + chunk.omitted;
                let original = &text.as_bytes()[(at - begin) as usize..(end - begin) as usize];
                if chunk.omitted > 0 {
                    prop_assert!(!original[..original.len() - 1].contains(&b'\n') && original.len() > 12);
                    prop_assert!(original.starts_with(&chunk.bytes[..3]) && original.ends_with(&chunk.bytes[chunk.bytes.len() - 3..]));
                    prop_assert!(chunk.bytes.len() <= 3 * 3 + 1, "{}", chunk.bytes.len());
                } else {
                    prop_assert_eq!(original, chunk.bytes.as_slice());
                }
                prop_assert!(original.ends_with(b"\n") || end - begin == text.len() as u64);
                at = end;
            }
            prop_assert_eq!(at - begin, text.len() as u64);
        }
    }
}

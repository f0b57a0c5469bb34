//! The records of a block, and what became of its physical lines: a record may be one, several, or a part of one.

use super::Reader;
use super::envelope::docker::LOST;
use crate::model::framing::{Documents, Framing, Mark, compact};

/// What became of a physical line; where several records stand in it, the best of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// Nothing stands there but blanks, or the brackets and commas between records.
    Blank,
    /// It could not be read, for a reason.
    Rejected(&'static str),
    /// A dialect knows it, and finds no span.
    Other(&'static str),
    /// A dialect found a span.
    Span(&'static str),
}

/// A line of which a container runtime wrote pieces.
struct Joined<'b> {
    stream: &'b [u8],
    start: usize,
    end: usize,
    text: Vec<u8>,
    lines: u64,
}

impl Reader<'_> {
    /// Counts physical lines.
    pub(super) fn count(&mut self, standing: Standing, lines: u64) {
        let tally = &mut self.batch.tally;
        tally.lines += lines;
        match standing {
            Standing::Blank => tally.blank += lines,
            Standing::Rejected(reason) => {
                tally.rejected += lines;
                *tally.rejects.entry(reason.to_owned()).or_default() += lines;
            }
            Standing::Other(dialect) => {
                tally.other += lines;
                self.count_dialect(dialect, lines);
            }
            Standing::Span(dialect) => {
                tally.span += lines;
                self.count_dialect(dialect, lines);
            }
        }
    }

    fn count_dialect(&mut self, dialect: &'static str, lines: u64) {
        match self.winners.iter_mut().find(|(name, _)| *name == dialect) {
            Some((_, count)) => *count += lines,
            None => self.winners.push((dialect, lines)),
        }
    }

    /// Every line is a record.
    pub(super) fn lines(&mut self) {
        let block = self.block;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &block.bytes).chain([block.bytes.len()]) {
            if start < block.bytes.len() {
                self.line(start, end);
            }
            start = end + 1;
        }
    }

    fn line(&mut self, start: usize, end: usize) {
        let block = self.block;
        let bytes = &block.bytes[start..end];
        if block.framing == Framing::Conversation {
            self.turn.pass(bytes);
        }
        let standing = self.take(bytes, bytes, block.offset + start as u64);
        self.count(standing, 1);
    }

    /// Records of documents are read as the lines they could be.
    pub(super) fn documents(&mut self) {
        let bytes = &self.block.bytes;
        let mut records: Vec<(usize, usize)> = Vec::new();
        // Where the file begins, a byte order mark may stand.
        let mut scan = Documents::at(self.block.offset);
        let place = |at: u64| (at - self.block.offset) as usize;
        scan.pass(bytes, |mark| match mark {
            Mark::Begin(at) => records.push((place(at), bytes.len())),
            Mark::End(at) => {
                if let Some((_, end)) = records.last_mut() {
                    *end = place(at);
                }
            }
            Mark::Line(_) | Mark::Comma(_) => {}
        });
        let mut line = Standing::Blank;
        let mut at = 0;
        for (start, end) in records {
            self.pass(&bytes[at..start], &mut line);
            let record = &bytes[start..end];
            let breaks = memchr::memchr_iter(b'\n', record).count() as u64;
            let offset = self.block.offset + start as u64;
            let standing = if breaks > 0 {
                self.take(&compact(record), record, offset)
            } else {
                // Of other values the comma behind them was met with them.
                let text = record.trim_ascii_end();
                self.take(text.strip_suffix(b",").unwrap_or(text), record, offset)
            };
            line = line.max(standing);
            if breaks > 0 {
                self.count(line, 1);
                self.count(standing, breaks - 1);
                line = standing;
            }
            at = end;
        }
        self.pass(&bytes[at..], &mut line);
        let last = memchr::memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
        // Behind a comma the line goes on in the next block, which counts it.
        let goes_on = scan.is_between() && bytes.trim_ascii_end().ends_with(b",");
        if last < bytes.len() && !goes_on {
            self.count(line, 1);
        }
    }

    /// What stands between two records ends lines.
    fn pass(&mut self, between: &[u8], line: &mut Standing) {
        for _ in memchr::memchr_iter(b'\n', between) {
            self.count(std::mem::replace(line, Standing::Blank), 1);
        }
    }

    /// Lines, of which a container runtime cut those that were long.
    pub(super) fn pieces(&mut self) {
        let block = self.block;
        let mut open: Vec<Joined<'_>> = Vec::new();
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &block.bytes).chain([block.bytes.len()]) {
            if start >= block.bytes.len() {
                break;
            }
            let line = &block.bytes[start..end];
            let piece = block.framing.piece(line);
            let known = piece.and_then(|piece| open.iter().position(|joined| joined.stream == piece.stream));
            match (piece, known) {
                (Some(piece), None) if piece.open => open.push(Joined {
                    stream: piece.stream,
                    start,
                    end,
                    text: line[piece.text.0..piece.text.1].to_vec(),
                    lines: 1,
                }),
                (Some(piece), Some(index)) => {
                    let joined = &mut open[index];
                    joined.text.extend_from_slice(&line[piece.text.0..piece.text.1]);
                    joined.end = end;
                    joined.lines += 1;
                    if !piece.open {
                        let joined = open.swap_remove(index);
                        let whole = [&line[..piece.text.0], &joined.text, &line[piece.text.1..]].concat();
                        let standing = self.take(&whole, &block.bytes[joined.start..end], block.offset + joined.start as u64);
                        self.count(standing, joined.lines);
                    }
                }
                _ => self.line(start, end),
            }
            start = end + 1;
        }
        for joined in open {
            let bytes = &block.bytes[joined.start..joined.end];
            let layer = if block.framing == Framing::Docker {
                "Docker"
            } else {
                "the container runtime"
            };
            let why = format!("{layer} cut the line into pieces, and its end is missing");
            let standing = self.reject(bytes, self.origin(bytes, block.offset + joined.start as u64), LOST, why);
            self.count(standing, joined.lines);
        }
    }
}

//! Where blocks of a file are cut: the only place that reads what stands between two records.
//!
//! What a record is, the model says ([`Framing`]); here it is looked for on disk, in small steps that never hold more than one of them.

use std::io;
use std::ops::Range;

use super::tail::Disk;
use crate::model::framing::{Documents, Framing, Mark, Open};

/// How much is looked at in one step.
const STEP: u64 = 64 * 1024;
/// The last line of a file is mostly shorter than this: a file on another machine is opened with little.
pub(super) const NEAR: u64 = 8 * 1024;
/// How far back a container's stream is looked for whose line goes on.
const BACK: u64 = 256 * 1024;
/// How much of a document is looked at in one step.
const PAGE: u64 = 1 << 20;

impl Framing {
    /// What a file's first bytes say.
    pub(super) fn read<D: Disk>(disk: &mut D, file: &D::File, size: u64) -> io::Result<Self> {
        Ok(Self::of(&read_range(disk, file, 0..size.min(Self::HEAD as u64))?))
    }

    /// Up to where a file of this size is history; what follows is awaited. A document is read forward, and its end is met then.
    pub(super) fn history_end<D: Disk>(self, disk: &mut D, file: &D::File, size: u64) -> io::Result<u64> {
        match self {
            Self::Documents => Ok(size),
            _ => Ok(self.last_end(disk, file, 0..size)?.unwrap_or(0)),
        }
    }

    /// The end of the next block behind `from`: the last possible one up to `limit`, else the first beyond. Nothing ends before `clear`.
    pub(super) fn next_end<D: Disk>(
        self,
        disk: &mut D,
        file: &D::File,
        from: u64,
        clear: u64,
        limit: u64,
        size: u64,
    ) -> io::Result<Option<u64>> {
        if self == Self::Documents {
            return document_end(disk, file, from..size, limit);
        }
        if let Some(end) = self.last_end(disk, file, clear..limit)? {
            return Ok(Some(end));
        }
        self.first_end(disk, file, limit..size)
    }

    /// Where the last block of about `size` bytes of `hole` starts. A record longer than that makes the block longer.
    pub(super) fn cut_from_end<D: Disk>(self, disk: &mut D, file: &D::File, hole: &Range<u64>, size: u64) -> io::Result<u64> {
        if hole.end - hole.start <= size {
            return Ok(hole.start);
        }
        let wish = hole.end - size;
        // The newline that ends the hole starts nothing within it.
        if let Some(start) = self.first_end(disk, file, wish - 1..hole.end - 1)? {
            return Ok(start);
        }
        Ok(self.last_end(disk, file, hole.start..wish - 1)?.unwrap_or(hole.start))
    }

    /// Where the first block of about `size` bytes of `hole` ends. `None`: a document ends nowhere in it.
    pub(super) fn cut_from_start<D: Disk>(self, disk: &mut D, file: &D::File, hole: &Range<u64>, size: u64) -> io::Result<Option<u64>> {
        let wish = hole.start + size;
        if self == Self::Documents {
            return document_end(disk, file, hole.clone(), wish);
        }
        if wish >= hole.end {
            return Ok(Some(hole.end));
        }
        if let Some(end) = self.last_end(disk, file, hole.start..wish)? {
            return Ok(Some(end));
        }
        Ok(Some(self.first_end(disk, file, wish..hole.end)?.unwrap_or(hole.end)))
    }

    /// Whether the bytes behind the last boundary are whole, though no newline ends them.
    pub(super) fn is_complete(self, bytes: &[u8]) -> bool {
        match self {
            Self::Lines | Self::Conversation => is_complete(bytes),
            Self::Docker => !self.piece(bytes).is_some_and(|piece| piece.open) && is_complete(bytes),
            Self::Cri => false,
            Self::Documents => {
                let mut scan = Documents::at(0);
                scan.pass(bytes, |_| {});
                scan.is_between() && !bytes.trim_ascii_end().ends_with(b",")
            }
        }
    }

    /// The end of the first line that ends within `range` with no other going on, one past its newline.
    fn first_end<D: Disk>(self, disk: &mut D, file: &D::File, range: Range<u64>) -> io::Result<Option<u64>> {
        if !self.is_lines() {
            return Ok(self.whole_lines(disk, file, range, |found| found.first.is_some())?.first);
        }
        let mut at = range.start;
        while at < range.end {
            let stop = range.end.min(at + STEP);
            let bytes = read_range(disk, file, at..stop)?;
            if let Some(found) = memchr::memchr(b'\n', &bytes) {
                return Ok(Some(at + found as u64 + 1));
            }
            at = stop;
        }
        Ok(None)
    }

    /// The end of the last such line.
    fn last_end<D: Disk>(self, disk: &mut D, file: &D::File, range: Range<u64>) -> io::Result<Option<u64>> {
        let mut at = range.end;
        let mut step = NEAR;
        while at > range.start {
            let begin = range.start.max(at.saturating_sub(step));
            step = STEP;
            let last = if self.is_lines() {
                let bytes = read_range(disk, file, begin..at)?;
                memchr::memrchr(b'\n', &bytes).map(|found| begin + found as u64 + 1)
            } else {
                self.whole_lines(disk, file, begin..at, |_| false)?.last
            };
            if last.is_some() {
                return Ok(last);
            }
            at = begin;
        }
        Ok(None)
    }

    /// The first and the last such end, of what was looked at until it was enough.
    fn whole_lines<D: Disk>(self, disk: &mut D, file: &D::File, range: Range<u64>, enough: fn(&Found) -> bool) -> io::Result<Found> {
        let mut at = range.start.saturating_sub(BACK);
        let mut ends = Ends::at(self, at);
        // The first line may have begun before.
        ends.headless = at > 0;
        let mut all = Found::default();
        while at < range.end && !enough(&all) {
            let stop = if at < range.start { range.start } else { range.end };
            let bytes = read_range(disk, file, at..stop.min(at + STEP))?;
            at += bytes.len() as u64;
            let found = ends.pass(&bytes);
            if at > range.start {
                all.first = all.first.or(found.first);
                all.last = found.last.or(all.last);
            }
        }
        Ok(all)
    }
}

/// Boundaries among some bytes: where the next record may start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// The first start of a line.
    pub first: Option<u64>,
    /// The last start of a line.
    pub last: Option<u64>,
    /// The last one behind a comma.
    pub comma: Option<u64>,
}

/// Finds boundaries in bytes that come in order, from a boundary on.
#[derive(Debug)]
pub(super) struct Ends {
    framing: Framing,
    at: u64,
    scan: Documents,
    open: Open,
    /// The line under way, of which nothing is known when it began before.
    line: Vec<u8>,
    headless: bool,
    /// A record of the documents ended: until then, more of the first bytes may say that these are none.
    ended: bool,
}

impl Ends {
    pub(super) fn at(framing: Framing, offset: u64) -> Self {
        Self {
            framing,
            at: offset,
            scan: Documents::at(offset),
            open: Open::default(),
            line: Vec::new(),
            headless: false,
            ended: offset > 0,
        }
    }

    pub(super) const fn framing(&self) -> Framing {
        self.framing
    }

    pub(super) fn pass(&mut self, bytes: &[u8]) -> Found {
        let at = self.at;
        let behind = |newline: usize| at + newline as u64 + 1;
        self.at += bytes.len() as u64;
        let mut found = Found::default();
        match self.framing {
            Framing::Lines | Framing::Conversation => {
                found.first = memchr::memchr(b'\n', bytes).map(behind);
                found.last = memchr::memrchr(b'\n', bytes).map(behind);
            }
            Framing::Documents => self.scan.pass(bytes, |mark| match mark {
                Mark::End(_) => self.ended = true,
                Mark::Line(start) if self.ended => {
                    found.first = found.first.or(Some(start));
                    found.last = Some(start);
                }
                Mark::Comma(start) if self.ended => found.comma = Some(start),
                Mark::Begin(_) | Mark::Line(_) | Mark::Comma(_) => {}
            }),
            Framing::Docker | Framing::Cri => {
                let mut from = 0;
                for newline in memchr::memchr_iter(b'\n', bytes) {
                    self.extend_line(&bytes[from..newline]);
                    if !std::mem::take(&mut self.headless) {
                        self.open.pass(self.framing, &self.line);
                    }
                    self.line.clear();
                    from = newline + 1;
                    if self.open.is_none() {
                        found.first = found.first.or(Some(behind(newline)));
                        found.last = Some(behind(newline));
                    }
                }
                self.extend_line(&bytes[from..]);
            }
        }
        found
    }

    /// Both ends of a line say what it is.
    fn extend_line(&mut self, bytes: &[u8]) {
        const KEPT: usize = 2048;
        self.line.extend_from_slice(bytes);
        if self.line.len() > 64 * KEPT {
            self.line.drain(KEPT..self.line.len() - KEPT);
        }
    }
}

/// Where a block of documents ends: at the last start of a line between records up to `limit`, else behind a comma, else beyond.
fn document_end<D: Disk>(disk: &mut D, file: &D::File, range: Range<u64>, limit: u64) -> io::Result<Option<u64>> {
    let mut ends = Ends::at(Framing::Documents, range.start);
    let mut before = Found::default();
    let mut at = range.start;
    while at < range.end {
        let fits = at < limit;
        // What fits is not cut within a line, what does not is.
        if let Some(end) = before.last.or(before.comma).filter(|_| !fits) {
            return Ok(Some(end));
        }
        let stop = if fits { limit.min(range.end) } else { range.end };
        let bytes = read_range(disk, file, at..stop.min(at + PAGE))?;
        let found = ends.pass(&bytes);
        if let Some(end) = found.first.or(found.comma).filter(|_| !fits) {
            return Ok(Some(end));
        }
        before.last = found.last.or(before.last);
        before.comma = found.comma.or(before.comma);
        at += bytes.len() as u64;
    }
    Ok(before.last)
}

/// A JSON object or array from its first byte to its last. A bare number could still grow.
pub(super) fn is_complete(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    matches!(line.first(), Some(b'{' | b'[')) && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// Exactly these bytes; a file that ends before is an error (`UnexpectedEof`): it shrank since it was looked at.
pub(super) fn read_range<D: Disk>(disk: &mut D, file: &D::File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let length = usize::try_from(range.end - range.start).map_err(|_| io::Error::other("a line too long for this machine"))?;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length)
        .map_err(|_| io::Error::other("a line too long for this machine's memory"))?;
    bytes.resize(length, 0);
    let mut filled = 0;
    while filled < length {
        match disk.read_at(file, range.start + filled as u64, &mut bytes[filled..]) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file shrank while it was read")),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

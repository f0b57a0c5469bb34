//! One file that is held open: which bytes of it were handed out, what to read next, and whether it is still the same file.
//!
//! `[0, end)` is history or already handed out, what follows `end` is live. `holes` are the parts of `[0, end)` not handed out yet.
//! State changes only after the bytes were read and the file was seen to be the same, so every error may simply be retried.
//!
//! A last line without its newline may be taken when it is complete JSON. The newline that follows later is stepped over: whenever
//! reading starts behind a byte that is no newline and the next is one (or `\r\n`), the next block begins after it. This is decided
//! from the file's bytes alone, so a restart steps over the same byte, and the hole it leaves in the coverage is never read as a line.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use super::framing::read_range;
use super::lines::{KEPT, LONGEST, Lead};
use super::tail::{Disk, Stat};
use crate::model::framing::Framing;
use crate::model::record::{Block, Identity, Order, Resume, SourceInfo};
use crate::model::span::{Nanos, StartFrom};

/// A complete JSON line without newline is taken after the file was still for so long.
const STILL: Nanos = 1_000_000_000;
/// Looked at in one step where a hole is passed.
const NUL_STEP: u64 = 1 << 20;
/// Looked at in one step where a conversation's earlier lines go by.
const LEAD_STEP: u64 = 1 << 20;
/// First bytes that recognise a file.
pub(super) const HEAD: u64 = 1024;
/// Bytes before an offset that recognise a file.
pub(super) const ANCHOR: u64 = 256;

/// What is asked of every file.
pub(super) struct Cutting {
    /// New lines are awaited; else the last line is judged at once.
    pub follow: bool,
    /// About how long a block is.
    pub block_bytes: u64,
    /// The user's `--dialect`.
    pub dialect: Option<Arc<str>>,
}

/// A file held open.
pub(super) struct Held<F> {
    /// The open file: it stays readable when it is renamed or deleted.
    pub file: F,
    /// Who it is.
    pub info: Arc<SourceInfo>,
    /// As last looked at.
    pub stat: Stat,
    /// When a look last saw it change.
    pub changed_at: Nanos,
    /// No path leads to it any more, since then.
    pub gone: Option<Nanos>,
    /// Why the last attempt failed; cleared by the next look.
    pub problem: Option<String>,
    /// Generations that ended since this was last taken: a copy of one may hold lines that were not read in time.
    pub ended: Vec<Resume>,
    /// It is no longer what it was compared with, since this was last taken.
    pub parted: bool,
    /// History before this offset is not asked for.
    pub floor: u64,
    /// All of it, when another file was last compared with it.
    compared: Option<Identity>,
    /// The last generation of its source, which a copy of an earlier one shares with it.
    pub latest: Arc<AtomicU32>,
    /// Its size when this generation was opened: lines before have the file's time, later ones the clock's.
    opened_size: u64,
    framing: Framing,
    reading: Reading,
    lead: Lead,
}

/// What was learnt from the bytes of one generation.
struct Reading {
    end: u64,
    holes: Vec<Range<u64>>,
    /// Nothing ends within `end..clear_to`; `clear_hash` recognises these bytes by both their ends.
    clear_to: u64,
    clear_hash: u64,
    /// The size at which the unfinished line was found not to be complete JSON.
    judged: Option<u64>,
    /// The byte before `end` is no newline.
    bare: bool,
    identity: Identity,
}

impl<F> Held<F> {
    /// Takes a file up where `covered` ends.
    pub(super) fn open<D: Disk<File = F>>(
        disk: &mut D,
        file: F,
        stat: Stat,
        info: SourceInfo,
        covered: &[Range<u64>],
        now: Nanos,
    ) -> io::Result<Self> {
        let framing = match Framing::read(disk, &file, stat.size)? {
            // Some of it was read as lines, before the rest looked otherwise.
            Framing::Documents if !covered.is_empty() && info.order == Order::Random => Framing::Lines,
            framing => framing,
        };
        let reading = Reading::begin(disk, &file, stat.size, covered, framing)?;
        let info = SourceInfo {
            order: if info.order == Order::Ordered {
                info.order
            } else {
                framing.order()
            },
            ..info
        };
        Ok(Self {
            file,
            latest: Arc::new(AtomicU32::new(info.generation)),
            info: Arc::new(info),
            stat,
            changed_at: now,
            gone: None,
            problem: None,
            ended: Vec::new(),
            parted: false,
            compared: None,
            floor: 0,
            opened_size: stat.size,
            framing,
            reading,
            lead: Lead::default(),
        })
    }

    /// Looks whether the file changed, and whether it is still the one that was read. If not, a new generation begins.
    pub(super) fn look<D: Disk<File = F>>(&mut self, disk: &mut D, now: Nanos) -> io::Result<()> {
        self.changed_at = self.changed_at.min(now);
        let stat = disk.stat(&self.file)?;
        if stat.size == self.stat.size && stat.modified == self.stat.modified {
            return Ok(());
        }
        // What was never read of it is not missed by reading, and all that is left of it may stand in a copy.
        if let Some(compared) = self.compared
            && !is_known(disk, &self.file, stat.size, &compared)?
        {
            self.compared = None;
            self.parted = true;
        }
        if self.reading.is_still(disk, &self.file, stat.size)? {
            self.reading.check_unfinished(disk, &self.file, stat.size)?;
            self.reconsider(disk, stat)?;
        } else {
            self.restart(disk, stat)?;
        }
        self.stat = stat;
        self.changed_at = now;
        Ok(())
    }

    /// As long as nothing was read, more first bytes may tell more of what a record is.
    fn reconsider<D: Disk<File = F>>(&mut self, disk: &mut D, stat: Stat) -> io::Result<()> {
        if !self.resume().covered.is_empty() || self.stat.size >= Framing::HEAD as u64 {
            return Ok(());
        }
        let framing = Framing::read(disk, &self.file, stat.size)?;
        if framing != self.framing {
            self.reading = Reading::begin(disk, &self.file, stat.size, &[], framing)?;
            self.frame(framing);
        }
        Ok(())
    }

    fn frame(&mut self, framing: Framing) {
        self.framing = framing;
        let mut info = (*self.info).clone();
        info.order = framing.order();
        self.info = Arc::new(info);
    }

    fn restart<D: Disk<File = F>>(&mut self, disk: &mut D, stat: Stat) -> io::Result<()> {
        let framing = Framing::read(disk, &self.file, stat.size)?;
        let reading = Reading::begin(disk, &self.file, stat.size, &[], framing)?;
        self.ended.push(self.resume());
        self.reading = reading;
        self.lead = Lead::default();
        self.floor = 0;
        self.frame(framing);
        let mut info = (*self.info).clone();
        info.generation = next_generation(&self.latest);
        info.file_time = stat.modified;
        self.info = Arc::new(info);
        self.opened_size = stat.size;
        Ok(())
    }

    /// The next block of lines behind `end`, if any ended there.
    pub(super) fn live<D: Disk<File = F>>(&mut self, disk: &mut D, cutting: &Cutting, now: Nanos) -> io::Result<Option<Block>> {
        let ordered_history = self.info.order == Order::Ordered && !self.reading.holes.is_empty();
        if ordered_history || self.stat.size <= self.reading.end {
            return Ok(None);
        }
        if self.reading.bare {
            let step = step_over(disk, &self.file, self.reading.end, self.stat.size)?;
            let Some(step) = step else { return Ok(None) };
            if step > 0 {
                let end = self.reading.end + step;
                let identity = identity_at(disk, &self.file, end)?;
                self.reading.advance(end, identity, false);
            }
        }
        let still = !cutting.follow || now - self.changed_at >= STILL;
        let Some(stop) = self.reading.next_end(disk, &self.file, self.stat.size, cutting, self.framing)? else {
            return if still { self.unfinished(disk, cutting, now) } else { Ok(None) };
        };
        let run = nul_run(disk, &self.file, self.reading.end..stop)?;
        if run > 0 && self.reading.end + run < stop {
            return self.hand_out_live(disk, self.reading.end + run, cutting, now, true);
        }
        self.hand_out_live(disk, stop, cutting, now, false)
    }

    /// The last line without its newline, when it is complete.
    fn unfinished<D: Disk<File = F>>(&mut self, disk: &mut D, cutting: &Cutting, now: Nanos) -> io::Result<Option<Block>> {
        if self.stat.size <= self.reading.end || self.reading.judged == Some(self.stat.size) {
            return Ok(None);
        }
        let range = self.reading.end..self.stat.size;
        if range.end - range.start > LONGEST || !self.framing.is_complete(&read_range(disk, &self.file, range)?) {
            self.reading.judged = Some(self.stat.size);
            return Ok(None);
        }
        self.hand_out_live(disk, self.stat.size, cutting, now, true)
    }

    fn hand_out_live<D: Disk<File = F>>(
        &mut self,
        disk: &mut D,
        end: u64,
        cutting: &Cutting,
        now: Nanos,
        bare: bool,
    ) -> io::Result<Option<Block>> {
        let offset = self.reading.end;
        let bytes = read_lines(disk, &self.file, offset..end)?;
        let identity = identity_at(disk, &self.file, end)?;
        self.lead_to(disk, offset)?;
        if !self.still_same(disk)? {
            return Ok(None);
        }
        self.reading.advance(end, identity, bare);
        let fallback = if end <= self.opened_size {
            (self.info.file_time, StartFrom::File)
        } else {
            (now, StartFrom::Arrival)
        };
        Ok(Some(self.block(offset, bytes, identity, fallback, cutting)))
    }

    /// The next block, of about `size` bytes, of what was there when the file was opened: from the end, or from the start where order
    /// matters.
    pub(super) fn history<D: Disk<File = F>>(&mut self, disk: &mut D, cutting: &Cutting, size: u64) -> io::Result<Option<Block>> {
        let framing = self.framing;
        let (index, range) = match self.info.order {
            Order::Random => {
                let Some(hole) = self.reading.holes.last().filter(|hole| hole.end > self.floor) else {
                    return Ok(None);
                };
                let start = framing.cut_from_end(disk, &self.file, hole, size)?;
                let run = nul_run(disk, &self.file, start..hole.end)?;
                let start = if start + run < hole.end { start + run } else { start };
                (self.reading.holes.len() - 1, start..hole.end)
            }
            Order::Ordered => {
                let Some(hole) = self.reading.holes.first().cloned() else {
                    return Ok(None);
                };
                let Some(end) = framing.cut_from_start(disk, &self.file, &hole, size)? else {
                    // The rest is like what is still to come: unfinished, or without a newline.
                    let identity = identity_at(disk, &self.file, hole.start)?;
                    self.reading.holes.clear();
                    self.reading.advance(hole.start, identity, is_bare(disk, &self.file, hole.start)?);
                    return Ok(None);
                };
                let run = nul_run(disk, &self.file, hole.start..end)?;
                let end = if run > 0 && hole.start + run < end { hole.start + run } else { end };
                (0, hole.start..end)
            }
        };
        let bytes = read_lines(disk, &self.file, range.clone())?;
        let identity = identity_at(disk, &self.file, range.end)?;
        self.lead_to(disk, range.start)?;
        if !self.still_same(disk)? {
            return Ok(None);
        }
        let hole = &mut self.reading.holes[index];
        match self.info.order {
            Order::Random => hole.end = range.start,
            Order::Ordered => hole.start = range.end,
        }
        if hole.is_empty() {
            self.reading.holes.remove(index);
        }
        Ok(Some(self.block(
            range.start,
            bytes,
            identity,
            (self.info.file_time, StartFrom::File),
            cutting,
        )))
    }

    /// Bytes read while the file was replaced under us are thrown away, and a new generation begins.
    fn still_same<D: Disk<File = F>>(&mut self, disk: &mut D) -> io::Result<bool> {
        let stat = disk.stat(&self.file)?;
        if stat.size == self.stat.size && stat.modified == self.stat.modified {
            return Ok(true);
        }
        if self.reading.is_still(disk, &self.file, stat.size)? {
            return Ok(true);
        }
        self.restart(disk, stat)?;
        self.stat = stat;
        Ok(false)
    }

    /// Lets what stands before `offset` go by, where it tells of what follows.
    fn lead_to<D: Disk<File = F>>(&mut self, disk: &mut D, offset: u64) -> io::Result<()> {
        if self.framing != Framing::Conversation {
            return Ok(());
        }
        if self.lead.at > offset {
            self.lead = Lead::default();
        }
        while self.lead.at < offset {
            let bytes = read_range(disk, &self.file, self.lead.at..offset.min(self.lead.at + LEAD_STEP))?;
            self.lead.push(self.framing, &bytes);
        }
        Ok(())
    }

    fn block(
        &mut self,
        offset: u64,
        (bytes, omitted): (Vec<u8>, u64),
        identity: Identity,
        fallback: (Nanos, StartFrom),
        cutting: &Cutting,
    ) -> Block {
        let turn = self.lead.turn();
        self.lead.push(self.framing, &bytes);
        self.lead.skip(omitted);
        Block {
            source: Arc::clone(&self.info),
            identity,
            offset,
            bytes,
            omitted,
            framing: self.framing,
            turn,
            fallback,
            dialect: cutting.dialect.clone(),
        }
    }

    /// Bytes of history still to read, of what is asked for.
    pub(super) fn remaining(&self) -> u64 {
        let asked = |hole: &&Range<u64>| hole.end > self.floor;
        self.reading.holes.iter().filter(asked).map(|hole| hole.end - hole.start).sum()
    }

    /// Bytes of an unfinished last line.
    pub(super) fn pending(&self) -> u64 {
        if self.reading.clear_to == self.stat.size {
            self.stat.size.saturating_sub(self.reading.end)
        } else {
            0
        }
    }

    /// Everything that can be read now was handed out.
    pub(super) fn is_read(&self) -> bool {
        self.remaining() == 0 && (self.reading.end >= self.stat.size || self.reading.clear_to == self.stat.size)
    }

    /// Who it is, recognised by all of its bytes, for a comparison. `None` when it is no longer what it was when last looked at.
    pub(super) fn as_it_stands<D: Disk<File = F>>(&mut self, disk: &mut D) -> Option<Resume> {
        let identity = identity_at(disk, &self.file, self.stat.size).ok()?;
        self.compared = Some(identity);
        Some(Resume { identity, ..self.resume() })
    }

    /// What lets it be taken up again.
    pub(super) fn resume(&self) -> Resume {
        let mut covered = Vec::new();
        let mut at = 0;
        for hole in &self.reading.holes {
            if hole.start > at {
                covered.push(at..hole.start);
            }
            at = hole.end;
        }
        if self.reading.end > at {
            covered.push(at..self.reading.end);
        }
        Resume {
            info: (*self.info).clone(),
            identity: self.reading.identity,
            covered,
        }
    }
}

impl Reading {
    fn begin<D: Disk>(disk: &mut D, file: &D::File, size: u64, covered: &[Range<u64>], framing: Framing) -> io::Result<Self> {
        let last = framing.history_end(disk, file, size)?;
        let end = covered.last().map_or(last, |range| range.end.max(last));
        let mut holes = Vec::new();
        let mut at = 0;
        for range in covered.iter().chain(std::iter::once(&(end..end))) {
            if range.start > at {
                let step = if is_bare(disk, file, at)? {
                    step_over(disk, file, at, range.start)?.unwrap_or(0)
                } else {
                    0
                };
                if at + step < range.start {
                    holes.push(at + step..range.start);
                }
            }
            at = at.max(range.end);
        }
        let identity = identity_at(disk, file, end)?;
        let bare = is_bare(disk, file, end)?;
        Ok(Self {
            end,
            holes,
            clear_to: end,
            clear_hash: 0,
            judged: None,
            bare,
            identity,
        })
    }

    /// The bytes before `end` are still those that were read.
    fn is_still<D: Disk>(&self, disk: &mut D, file: &D::File, size: u64) -> io::Result<bool> {
        is_known(disk, file, size, &self.identity)
    }

    /// An unfinished line that was rewritten is searched again.
    fn check_unfinished<D: Disk>(&mut self, disk: &mut D, file: &D::File, size: u64) -> io::Result<()> {
        self.judged = None;
        if self.clear_to > self.end && (self.clear_to > size || ends_of(disk, file, self.end..self.clear_to)? != self.clear_hash) {
            self.clear_to = self.end;
        }
        Ok(())
    }

    /// Where the next block behind `end` ends, if a line ended.
    fn next_end<D: Disk>(
        &mut self,
        disk: &mut D,
        file: &D::File,
        size: u64,
        cutting: &Cutting,
        framing: Framing,
    ) -> io::Result<Option<u64>> {
        if self.clear_to >= size {
            return Ok(None);
        }
        let limit = size.min(self.end + cutting.block_bytes).max(self.clear_to);
        if let Some(end) = framing.next_end(disk, file, self.end, self.clear_to, limit, size)? {
            return Ok(Some(end));
        }
        self.clear_hash = ends_of(disk, file, self.end..size)?;
        self.clear_to = size;
        Ok(None)
    }

    fn advance(&mut self, end: u64, identity: Identity, bare: bool) {
        self.end = end;
        self.clear_to = end;
        self.judged = None;
        self.bare = bare;
        self.identity = identity;
    }
}

/// A generation that no other file of the source has.
pub(super) fn next_generation(latest: &AtomicU32) -> u32 {
    latest.fetch_add(1, Ordering::Relaxed) + 1
}

/// Is the file with this size the one that `identity` describes?
pub(super) fn is_known<D: Disk>(disk: &mut D, file: &D::File, size: u64, identity: &Identity) -> io::Result<bool> {
    let head = u64::from(identity.head_length);
    if size < identity.anchor_end || size < head {
        return Ok(false);
    }
    Ok(
        xxh3_64(&read_range(disk, file, 0..head)?) == identity.head_hash
            && anchor(disk, file, identity.anchor_end)? == identity.anchor_hash,
    )
}

/// What recognises the file at `end`. The head never covers more than that: a line that is not finished may still be rewritten.
fn identity_at<D: Disk>(disk: &mut D, file: &D::File, end: u64) -> io::Result<Identity> {
    let head = read_range(disk, file, 0..end.min(HEAD))?;
    Ok(Identity {
        head_length: head.len() as u32,
        head_hash: xxh3_64(&head),
        anchor_end: end,
        anchor_hash: anchor(disk, file, end)?,
    })
}

fn anchor<D: Disk>(disk: &mut D, file: &D::File, end: u64) -> io::Result<u64> {
    Ok(xxh3_64(&read_range(disk, file, end.saturating_sub(ANCHOR)..end)?))
}

/// What recognises an unfinished line: another file may have been copied over it that ends in the same bytes.
fn ends_of<D: Disk>(disk: &mut D, file: &D::File, line: Range<u64>) -> io::Result<u64> {
    let mut ends = read_range(disk, file, line.start..line.end.min(line.start + HEAD))?;
    ends.extend(read_range(disk, file, line.start.max(line.end.saturating_sub(ANCHOR))..line.end)?);
    Ok(xxh3_64(&ends))
}

/// The bytes of whole lines, and how many are left out: a range longer than any block is one line, of which the ends are enough.
fn read_lines<D: Disk>(disk: &mut D, file: &D::File, range: Range<u64>) -> io::Result<(Vec<u8>, u64)> {
    let length = range.end - range.start;
    if length <= LONGEST {
        return Ok((read_range(disk, file, range)?, 0));
    }
    let kept = KEPT as u64;
    let mut bytes = read_range(disk, file, range.start..range.start + kept)?;
    bytes.extend(read_range(disk, file, range.end - kept..range.end)?);
    Ok((bytes, length - 2 * kept))
}

/// NUL bytes in front of a line that is too long with them: the hole that a truncated file's writer leaves when it goes on where it was.
/// They become a block of their own, so that the line behind them is read. Shorter runs are the parser's.
fn nul_run<D: Disk>(disk: &mut D, file: &D::File, range: Range<u64>) -> io::Result<u64> {
    let mut at = range.start;
    if range.end - range.start <= LONGEST {
        return Ok(0);
    }
    while at < range.end {
        let bytes = read_range(disk, file, at..range.end.min(at + NUL_STEP))?;
        if let Some(other) = bytes.iter().position(|byte| *byte != 0) {
            return Ok(at + other as u64 - range.start);
        }
        at += bytes.len() as u64;
    }
    Ok(at - range.start)
}

/// How many bytes of line end stand at `at`, behind a line that was taken without it. `None`: half a line end, wait for the rest.
fn step_over<D: Disk>(disk: &mut D, file: &D::File, at: u64, stop: u64) -> io::Result<Option<u64>> {
    let bytes = read_range(disk, file, at..stop.min(at + 2))?;
    Ok(match bytes.as_slice() {
        [b'\n', ..] => Some(1),
        b"\r\n" => Some(2),
        b"\r" => None,
        _ => Some(0),
    })
}

/// The byte before is no newline.
fn is_bare<D: Disk>(disk: &mut D, file: &D::File, at: u64) -> io::Result<bool> {
    Ok(at > 0 && read_range(disk, file, at - 1..at)? != b"\n")
}

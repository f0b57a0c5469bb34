//! One compressed file: a stream of lines that is read forward, known again by the bytes inside it.
//!
//! Offsets are those of the expanded bytes, so a log has the same offsets before and after it was compressed: a rotated and compressed
//! copy of what was read before is the same source and generation, and only what is missing of it is read. Expanding cannot be
//! interrupted in the middle, so work is done in steps; a step that only passes known bytes gives no block.

use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::xxh3_64;

use super::file::{ANCHOR, Cutting, HEAD};
use super::lines::{Chunk, Lead, Lines};
use super::tail::Stat;
use crate::model::framing::Framing;
use crate::model::record::{Block, Identity, Resume, SourceInfo};
use crate::model::span::{Nanos, StartFrom};

/// Expanded bytes of one step.
const STEP: usize = 4 << 20;
/// Up to here anything may expand as much as it likes.
const FREE: u64 = 64 << 20;
/// Beyond, more than so many times is an attack or a mistake. Logs reach 10 to 50; gzip cannot exceed 1,032.
const EXPANSION: u64 = 250;
/// A file that ends in the middle may still be written for so long.
pub(super) const FRESH: Nanos = 5_000_000_000;

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// Known by a file's first bytes, whatever its name says.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// All members or frames of a file, one after the other.
    pub(super) fn expand(self, input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(64 << 10, input))),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(input)?;
                // 128 MiB, as the command-line tool allows without being asked.
                decoder.window_log_max(27)?;
                Box::new(decoder)
            }
        })
    }
}

/// Counts what the decoder took.
struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// What recognises the bytes that went by.
#[derive(Clone, Debug, Default)]
struct Print {
    head: Vec<u8>,
    last: Vec<u8>,
    at: u64,
}

impl Print {
    fn pass(&mut self, bytes: &[u8]) {
        let room = (HEAD as usize).saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        let tail = &bytes[bytes.len().saturating_sub(ANCHOR as usize)..];
        let old = (self.last.len() + tail.len()).saturating_sub(ANCHOR as usize).min(self.last.len());
        self.last.drain(..old);
        self.last.extend_from_slice(tail);
        self.at += bytes.len() as u64;
    }

    fn identity(&self) -> Identity {
        Identity {
            head_length: self.head.len() as u32,
            head_hash: xxh3_64(&self.head),
            anchor_end: self.at,
            anchor_hash: xxh3_64(&self.last),
        }
    }

    /// Did just these bytes go by? Asked at the anchor's end.
    fn is(&self, identity: &Identity) -> bool {
        let head = identity.head_length as usize;
        self.at == identity.anchor_end
            && self.head.len() >= head
            && xxh3_64(&self.head[..head]) == identity.head_hash
            && xxh3_64(&self.last) == identity.anchor_hash
    }
}

/// Somebody the file may turn out to be.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) resume: Resume,
    /// It is open as a file of its own, of this size: only an exact copy of it is the same.
    pub(super) held: Option<u64>,
}

/// Who the file turned out to be.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Somebody known: only the rest is read.
    Known(Resume),
    /// An exact copy of a file that is being read.
    Twin,
    /// Nobody known.
    New,
    /// Nobody known by all that could be expanded.
    Broken(Identity),
    /// It is still being written.
    Unclear,
}

/// What a step came to.
pub(super) enum Step {
    Block(Block),
    /// Go on.
    More,
    /// Nothing to do until the file changes.
    Rest,
}

/// A compressed file held open.
pub(super) struct Compressed<F> {
    pub(super) file: F,
    pub(super) uri: String,
    pub(super) stat: Stat,
    pub(super) changed_at: Nanos,
    pub(super) gone: Option<Nanos>,
    pub(super) problem: Option<String>,
    compression: Compression,
    decoder: Option<Box<dyn Read + Send>>,
    taken: Arc<AtomicU64>,
    print: Print,
    /// It broke off while it was fresh.
    unfinished: bool,
    state: State,
}

enum State {
    /// Passing bytes until it is clear whose they are.
    Asking {
        candidates: Vec<Candidate>,
        matched: Vec<Candidate>,
    },
    /// It waits: for the caller who was told whose it is, or for the file to change.
    Told,
    Reading(Reading),
    /// An exact copy of another file.
    Copy,
    /// The other file is no longer what it was.
    Doubted,
}

struct Reading {
    info: Arc<SourceInfo>,
    covered: Vec<Range<u64>>,
    lines: Lines,
    lead: Lead,
    /// Before the first byte of `lines`.
    before: Print,
    /// The input came to its end, well or not.
    over: Option<Result<(), io::Error>>,
    /// All of it was handed out.
    ended: bool,
}

impl<F> Compressed<F> {
    pub(super) fn new(file: F, uri: String, stat: Stat, compression: Compression, candidates: Vec<Candidate>, now: Nanos) -> Self {
        Self {
            file,
            uri,
            stat,
            changed_at: now,
            gone: None,
            problem: None,
            compression,
            decoder: None,
            taken: Arc::default(),
            print: Print::default(),
            unfinished: false,
            state: State::Asking {
                candidates,
                matched: Vec::new(),
            },
        }
    }

    /// Begins again with the first byte. `input` reads the file as it is.
    pub(super) fn rewind(&mut self, input: impl Read + Send + 'static) -> io::Result<()> {
        self.taken = Arc::default();
        let taken = Arc::clone(&self.taken);
        self.decoder = Some(self.compression.expand(Counted { inner: input, taken })?);
        self.print = Print::default();
        Ok(())
    }

    pub(super) fn needs_input(&self) -> bool {
        self.decoder.is_none() && self.has_work()
    }

    /// There is something to do without waiting for the file to change.
    pub(super) fn has_work(&self) -> bool {
        self.problem.is_none()
            && match &self.state {
                State::Asking { .. } => true,
                State::Told | State::Copy | State::Doubted => false,
                State::Reading(reading) => !reading.ended,
            }
    }

    /// The file changed: what was read of it stays known, the rest is looked for from the start.
    pub(super) fn changed(&mut self, stat: Stat, now: Nanos, candidates: Vec<Candidate>) {
        self.stat = stat;
        self.changed_at = now;
        self.problem = None;
        self.unfinished = false;
        self.decoder = None;
        self.state = State::Asking {
            candidates,
            matched: Vec::new(),
        };
    }

    /// What it is a copy of, or may be, has changed.
    pub(super) fn doubt(&mut self) {
        if matches!(self.state, State::Copy | State::Asking { .. }) {
            self.state = State::Doubted;
        }
    }

    pub(super) fn is_doubted(&self) -> bool {
        matches!(self.state, State::Doubted)
    }

    /// All there is of it stands in a file that is read.
    pub(super) fn become_copy(&mut self) {
        self.state = State::Copy;
    }

    /// It is nobody until it is asked again.
    pub(super) fn forget(&mut self) {
        self.state = State::Told;
    }

    /// The source it turned out to be.
    pub(super) fn source(&self) -> Option<&SourceInfo> {
        let State::Reading(reading) = &self.state else { return None };
        Some(&reading.info)
    }

    /// What lets it be taken up again.
    pub(super) fn resume(&self) -> Option<Resume> {
        let State::Reading(reading) = &self.state else { return None };
        Some(Resume {
            info: (*reading.info).clone(),
            identity: reading.before.identity(),
            covered: reading.covered.clone(),
        })
    }

    /// Whose bytes these are, once that is clear.
    pub(super) fn ask(&mut self, follow: bool, now: Nanos) -> io::Result<Option<Verdict>> {
        let State::Asking { candidates, matched } = &mut self.state else {
            return Ok(None);
        };
        let Some(decoder) = &mut self.decoder else { return Ok(None) };
        let mut left = STEP;
        let mut buffer = vec![0; 64 << 10];
        let fresh = follow && now - self.changed_at < FRESH;
        let mut broken = false;
        loop {
            let at = self.print.at;
            candidates.retain(|candidate| candidate.resume.identity.anchor_end > at);
            let whole = matched.iter().any(|candidate| candidate.held.is_some());
            let next = candidates.iter().map(|candidate| candidate.resume.identity.anchor_end).min();
            if next.is_none() && !whole {
                break;
            }
            if left == 0 {
                return Ok(None);
            }
            let want = next.map_or(usize::MAX, |next| (next - at) as usize).min(buffer.len()).min(left);
            let count = match decoder.read(&mut buffer[..want]) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // The end is missing, perhaps not for long.
                Err(_) if fresh => {
                    self.decoder = None;
                    self.unfinished = true;
                    self.state = State::Told;
                    return Ok(Some(Verdict::Unclear));
                }
                Err(_) => {
                    broken = true;
                    0
                }
            };
            if count == 0 {
                candidates.clear();
                matched.retain(|candidate| candidate.held.is_none_or(|size| size == at));
                if matched.iter().any(|candidate| candidate.held.is_some()) {
                    self.state = State::Copy;
                    return Ok(Some(Verdict::Twin));
                }
                break;
            }
            left -= count;
            self.print.pass(&buffer[..count]);
            guard(self.print.at, &self.taken)?;
            let here = self.print.at;
            matched.extend(
                candidates
                    .iter()
                    .filter(|candidate| candidate.resume.identity.anchor_end == here && self.print.is(&candidate.resume.identity))
                    .cloned(),
            );
        }
        let best = matched
            .drain(..)
            .filter(|candidate| candidate.held.is_none())
            .max_by_key(|candidate| candidate.resume.identity.anchor_end);
        self.state = State::Told;
        Ok(Some(match best {
            Some(best) => Verdict::Known(best.resume),
            None if broken => Verdict::Broken(self.print.identity()),
            None => Verdict::New,
        }))
    }

    /// It is this source now, of which `covered` is read already. From the first byte again, unless nothing but known bytes went by.
    pub(super) fn become_source(&mut self, info: SourceInfo, covered: Vec<Range<u64>>) {
        let at = self.print.at;
        // Which turn of a conversation is under way there, only the lines before tell.
        let told = Framing::of(&self.print.head) == Framing::Conversation;
        if (covered != [0..at] || told) && at > 0 {
            self.decoder = None;
            self.print = Print::default();
        }
        self.state = State::Reading(Reading {
            info: Arc::new(info),
            lines: Lines::at(self.print.at, &self.print.head),
            lead: Lead::default(),
            before: self.print.clone(),
            covered,
            over: None,
            ended: false,
        });
    }

    /// Expands a little more.
    pub(super) fn step(&mut self, cutting: &Cutting, now: Nanos) -> io::Result<Step> {
        let State::Reading(reading) = &mut self.state else {
            return Ok(Step::Rest);
        };
        if reading.ended {
            return Ok(Step::Rest);
        }
        let mut left = STEP;
        let mut buffer = vec![0; 64 << 10];
        while let Some(decoder) = &mut self.decoder
            && reading.over.is_none()
            && left > 0
            && (reading.lines.whole() as u64) < cutting.block_bytes
        {
            let at = self.print.at;
            let known = reading.covered.iter().find(|range| range.contains(&at)).map(|range| range.end);
            if known.is_some() && reading.lines.whole() > 0 {
                break;
            }
            let next = reading.covered.iter().map(|range| range.start).filter(|start| *start > at).min();
            let stop = known.or(next);
            let want = stop
                .map_or(usize::MAX, |stop| (stop - at) as usize)
                .min(buffer.len())
                .min(left)
                .min(cutting.block_bytes as usize);
            let count = match decoder.read(&mut buffer[..want]) {
                Ok(0) => {
                    reading.over = Some(Ok(()));
                    break;
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    reading.over = Some(Err(error));
                    break;
                }
            };
            left -= count;
            self.print.pass(&buffer[..count]);
            if known.is_some() {
                reading.before = self.print.clone();
                reading.lead.push(Framing::of(&self.print.head), &buffer[..count]);
                reading.lines = Lines::at(self.print.at, &self.print.head);
            } else {
                reading.lines.push(&buffer[..count]);
            }
            if let Err(error) = guard(self.print.at, &self.taken) {
                reading.over = Some(Err(error));
            }
        }
        // The last line of a file that broke off may be half a line.
        if let Some(Chunk {
            offset,
            bytes,
            omitted,
            framing,
        }) = reading.lines.take(matches!(reading.over, Some(Ok(()))))
        {
            // What is left out of a line lies in its middle, far from head and anchor.
            let (front, back) = bytes.split_at(bytes.len() / 2);
            reading.before.pass(front);
            reading.before.at += omitted;
            reading.before.pass(back);
            let end = reading.before.at;
            let turn = reading.lead.turn();
            reading.lead.push(framing, &bytes);
            cover(&mut reading.covered, offset..end);
            return Ok(Step::Block(Block {
                source: Arc::clone(&reading.info),
                identity: reading.before.identity(),
                offset,
                bytes,
                omitted,
                framing,
                turn,
                fallback: (reading.info.file_time, StartFrom::File),
                dialect: cutting.dialect.clone(),
            }));
        }
        let Some(over) = reading.over.take() else { return Ok(Step::More) };
        reading.ended = true;
        self.decoder = None;
        match over {
            // It is being written: once it changes it is read on, and if it does not, the problem is told.
            Err(_) if cutting.follow && now - self.changed_at < FRESH => {
                self.unfinished = true;
                Ok(Step::Rest)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(Step::Rest),
        }
    }

    /// It broke off a while ago and nothing came since.
    pub(super) fn is_overdue(&self, now: Nanos) -> bool {
        self.unfinished && now - self.changed_at >= FRESH
    }

    /// Compressed bytes still to read.
    pub(super) fn remaining(&self) -> u64 {
        if self.has_work() {
            self.stat.size.saturating_sub(self.taken.load(Ordering::Relaxed))
        } else {
            0
        }
    }

    /// Compressed bytes read since it was last rewound.
    pub(super) fn done(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// Expanded bytes must stay in proportion.
fn guard(expanded: u64, taken: &AtomicU64) -> io::Result<()> {
    let taken = taken.load(Ordering::Relaxed);
    if expanded > FREE && expanded > taken.saturating_mul(EXPANSION) {
        return Err(io::Error::other(format!(
            "expands more than {EXPANSION} times ({taken} to {expanded} bytes so far): not read further; pass it through standard input if that is right"
        )));
    }
    Ok(())
}

/// Adds a range behind or between others.
fn cover(covered: &mut Vec<Range<u64>>, range: Range<u64>) {
    covered.push(range);
    covered.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(covered.len());
    for range in covered.drain(..) {
        match merged.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    *covered = merged;
}

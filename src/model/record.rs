//! What flows through ingest: a `Block` of bytes becomes a `Batch` of facts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::framing::Framing;
use super::span::{Nanos, Origin, Part, StartFrom, names};
use super::turn::Turn;

/// May the blocks of an input be read in any order?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Independent lines in a seekable file: read from the end.
    #[default]
    Random,
    /// Later lines need earlier ones, or the input cannot seek: read forward, always.
    Ordered,
}

/// Who a source is. Kept in the store, so that a restart knows it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceInfo {
    /// Number in this store.
    pub id: u32,
    /// The path as the user would write it, `-` for stdin.
    pub uri: String,
    /// Device number; 0 where there is none.
    pub device: u64,
    /// Inode number; 0 where there is none.
    pub inode: u64,
    /// Counts up when the file is truncated or replaced in place.
    pub generation: u32,
    /// The file's modification time when this generation was first opened.
    pub file_time: Nanos,
    /// Read in any order, or forward only.
    pub order: Order,
}

/// What lets a restart recognise a file: hashes of its first bytes and of the bytes before an offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// How many first bytes `head_hash` covers: at most 1,024, grows with a small file.
    pub head_length: u32,
    /// xxh3-64 of the first `head_length` bytes.
    pub head_hash: u64,
    /// The offset the anchor stands before.
    pub anchor_end: u64,
    /// xxh3-64 of the at most 256 bytes before `anchor_end`.
    pub anchor_hash: u64,
}

/// Some MiB of whole records.
#[derive(Clone, Debug)]
pub struct Block {
    /// Where they come from.
    pub source: Arc<SourceInfo>,
    /// Recognises the file at this block's end.
    pub identity: Identity,
    /// Byte offset of `bytes[0]`.
    pub offset: u64,
    /// Whole lines; the last may lack its newline when nothing will follow it. Of documents whole records: behind a comma the line goes on in
    /// the next block.
    pub bytes: Vec<u8>,
    /// Not 0: the block is one line, too long to be read, and so many bytes are left out in the middle of `bytes`.
    pub omitted: u64,
    /// What a record is in `bytes`.
    pub framing: Framing,
    /// The time for records that carry none: the file's (`File`) or the clock's (`Arrival`).
    pub fallback: (Nanos, StartFrom),
    /// Of a conversation: the turn under way before its first line.
    pub turn: Turn,
    /// The user's `--dialect`, where given.
    pub dialect: Option<Arc<str>>,
}

impl Block {
    /// The bytes it covers in its source.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.bytes.len() as u64 + self.omitted
    }
}

/// A line that was recognised but carries no span: shown and searchable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Where it stands.
    pub origin: Origin,
    /// Its time, or the fallback.
    pub at: Nanos,
    /// `generic`, `otlp`, …
    pub dialect: std::borrow::Cow<'static, str>,
    /// The line, its first 64 KiB.
    pub text: String,
}

/// A line that could not be read: kept verbatim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Where it stands.
    pub origin: Origin,
    /// A short reason from a small set: `not JSON`, `truncated JSON`, `not an object` …
    pub reason: &'static str,
    /// What exactly, with the column where known.
    pub detail: String,
    /// The bytes: the whole line up to 1 MiB, else its first and last 512 KiB.
    pub bytes: Vec<u8>,
}

/// Physical lines by what became of them: `lines = span + other + rejected + blank`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All lines.
    pub lines: u64,
    /// Lines with at least one span.
    pub span: u64,
    /// Lines without a span.
    pub other: u64,
    /// Lines that could not be read.
    pub rejected: u64,
    /// Empty lines.
    pub blank: u64,
    /// Lines by dialect.
    pub dialects: BTreeMap<String, u64>,
    /// Lines by reason of rejection.
    pub rejects: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.span += other.span;
        self.other += other.other;
        self.rejected += other.rejected;
        self.blank += other.blank;
        for (name, count) in &other.dialects {
            *self.dialects.entry(name.clone()).or_default() += count;
        }
        for (reason, count) in &other.rejects {
            *self.rejects.entry(reason.clone()).or_default() += count;
        }
    }
}

/// Everything one block said.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where it comes from.
    pub source: Arc<SourceInfo>,
    /// Recognises the file at the end of the range.
    pub identity: Identity,
    /// The bytes it covers.
    pub range: Range<u64>,
    /// What the lines say about spans.
    pub parts: Vec<Part>,
    /// Lines without spans.
    pub others: Vec<Other>,
    /// Lines that could not be read.
    pub rejects: Vec<Reject>,
    /// Physical lines accounted for.
    pub tally: Tally,
}

/// What a restart needs to know of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// Who it is.
    pub info: SourceInfo,
    /// How to recognise it, at the largest committed end.
    pub identity: Identity,
    /// Bytes of this generation that are in the store: sorted, disjoint, not touching.
    pub covered: Vec<Range<u64>>,
}

/// What a commit brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Counts up with every commit of this process.
    pub sequence: u64,
    /// Lines committed.
    pub lines: u64,
    /// Bytes committed.
    pub bytes: u64,
    /// Traces new or changed.
    pub traces: Vec<super::span::TraceKey>,
    /// Interactions in the store now.
    pub interactions: u64,
}

/// What one source is doing now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// It is not there yet, or its host does not answer yet.
    #[default]
    Waiting,
    /// Older lines are still being read.
    Reading,
    /// New lines appear as they are written.
    Following,
    /// Read to its end, and nothing more will come.
    Ended,
    /// It has no name any more; what was written to it is still read.
    Gone,
    /// It cannot be read now, and is tried again.
    Failed,
}
names!(Activity, Waiting = 0 "waiting", Reading = 1 "reading", Following = 2 "following", Ended = 3 "ended", Gone = 4 "gone", Failed = 5 "failed");

/// Where one source stands in this run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceProgress {
    /// Its path or address, as typed.
    pub uri: String,
    /// Its number and generation, once it has been opened.
    pub source: Option<(u32, u32)>,
    /// What it is doing.
    pub activity: Activity,
    /// Its bytes, as last looked at; compressed ones where it is compressed.
    pub size: u64,
    /// Bytes of it that are still to read.
    pub remaining: u64,
    /// Bytes of older lines that are left alone, because only what was written since a time is asked for.
    pub skipped: u64,
    /// Bytes of an unfinished last line.
    pub pending: u64,
    /// When it was last written to.
    pub modified: Option<Nanos>,
    /// Why it cannot be read now.
    pub problem: Option<String>,
}

/// How far reading has come: a snapshot that sources send when it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Inputs open now.
    pub inputs: u32,
    /// Bytes of history read so far, in this run.
    pub history_done: u64,
    /// Bytes of history there were to read, in this run.
    pub history_total: u64,
    /// New lines are awaited (false for inputs that ended and in headless commands).
    pub following: bool,
    /// The system's watches are exhausted or silent: files are looked at four times a second instead.
    pub polling: bool,
    /// Bytes of unfinished last lines that wait for their newline.
    pub pending: u64,
    /// Every input has ended or is read to its end, and nothing more will come.
    pub ended: bool,
    /// What could not be read: path, and why.
    pub problems: Vec<(String, String)>,
    /// Each source by itself.
    pub sources: Vec<SourceProgress>,
}

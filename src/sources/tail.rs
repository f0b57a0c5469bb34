//! All files together: which ones are read, who they are, and whose bytes come next.
//!
//! The state machine of tailing, over a tiny picture of a file system ([`Disk`]) and without a clock: a model test drives it through
//! every order of appends, rotations, truncations and restarts. Two calls bring news in (`scan` for names, `look` for contents),
//! `next` hands out one block at a time: new lines before history, the newest file's history before an older one's.

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::file::{Cutting, Held, is_known};
use super::framing::Framing;
use crate::model::record::{Block, Order, Progress, Resume, SourceInfo};
use crate::model::span::Nanos;

/// A file without a name is let go after it was still for so long.
const LET_GO: Nanos = 5_000_000_000;

/// What the file system says about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Length in bytes.
    pub size: u64,
    /// Modification time.
    pub modified: Nanos,
}

/// The files that the user's words name at this moment.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Path and state of each, sorted by path.
    pub files: Vec<(String, Stat)>,
    /// Path and reason of what could not be looked at.
    pub problems: Vec<(String, String)>,
}

/// The little that reading needs of a file system.
pub trait Disk {
    /// An open file. It stays readable when its name goes.
    type File;
    /// Looks which files there are now.
    fn list(&mut self) -> Listing;
    /// Opens a listed file.
    fn open(&mut self, uri: &str) -> io::Result<Self::File>;
    /// The state of an open file.
    fn stat(&mut self, file: &Self::File) -> io::Result<Stat>;
    /// Reads some bytes at an offset; 0 at the end of the file.
    fn read_at(&mut self, file: &Self::File, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

/// How files are read.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Wait for new lines; else read to the end and stop.
    pub follow: bool,
    /// The user's `--dialect`.
    pub dialect: Option<Arc<str>>,
    /// About how long a block is.
    pub block_bytes: usize,
}

/// The files being read.
pub struct Tail<D: Disk> {
    disk: D,
    cutting: Cutting,
    /// Sources of earlier runs, and files of this one that were let go.
    known: Vec<Resume>,
    next_id: u32,
    held: Vec<Held<D::File>>,
    problems: Vec<(String, String)>,
    history_done: u64,
    /// Whose turn it is to hand out live lines: a busy file does not starve the others.
    turn: usize,
}

impl<D: Disk> Tail<D> {
    /// Knows the sources of earlier runs; reads nothing yet.
    pub fn new(disk: D, rules: Rules, known: Vec<Resume>, next_id: u32) -> Self {
        let cutting = Cutting {
            follow: rules.follow,
            block_bytes: rules.block_bytes.max(1) as u64,
            dialect: rules.dialect,
            framing: Framing::Lines,
        };
        let next_id = known.iter().map(|resume| resume.info.id.saturating_add(1)).fold(next_id, u32::max);
        Self {
            disk,
            cutting,
            known,
            next_id,
            held: Vec::new(),
            problems: Vec::new(),
            history_done: 0,
            turn: 0,
        }
    }

    /// The file system it reads from.
    pub fn disk(&mut self) -> &mut D {
        &mut self.disk
    }

    /// Looks for files that came, went or changed their name. Returns whether any did.
    pub fn scan(&mut self, now: Nanos) -> bool {
        let listing = self.disk.list();
        let mut changed = false;
        let mut seen = HashSet::new();
        self.problems = listing.problems;
        for (uri, stat) in listing.files {
            let key = (stat.device, stat.inode);
            if seen.contains(&key) || self.is_held(key) {
                seen.insert(key);
                continue;
            }
            match self.take_up(&uri, now) {
                Ok(key) => {
                    changed = true;
                    seen.insert(key);
                }
                // Another name may lead to the same file.
                Err(error) => self.problems.push((uri, error.to_string())),
            }
        }
        for held in &mut self.held {
            if seen.contains(&(held.stat.device, held.stat.inode)) {
                held.gone = None;
            } else if held.gone.is_none() {
                held.gone = Some(now);
                changed = true;
            }
        }
        changed
    }

    fn is_held(&self, key: (u64, u64)) -> bool {
        self.held.iter().any(|held| (held.stat.device, held.stat.inode) == key)
    }

    /// Opens a file and finds out who it is. The name may have moved since it was listed: what was opened counts.
    fn take_up(&mut self, uri: &str, now: Nanos) -> io::Result<(u64, u64)> {
        let file = self.disk.open(uri)?;
        let stat = self.disk.stat(&file)?;
        let key = (stat.device, stat.inode);
        if self.is_held(key) {
            return Ok(key);
        }
        let (info, covered) = self.recognise(uri, &file, stat)?;
        let is_new = info.id == self.next_id;
        let held = Held::open(&mut self.disk, file, stat, info, &covered, now, self.cutting.framing)?;
        if is_new {
            self.next_id = self.next_id.saturating_add(1);
        }
        self.held.push(held);
        Ok(key)
    }

    fn recognise(&mut self, uri: &str, file: &D::File, stat: Stat) -> io::Result<(SourceInfo, Vec<Range<u64>>)> {
        let mut best: Option<&Resume> = None;
        for resume in &self.known {
            let info = &resume.info;
            // A device's number may change with a restart of the machine; the path then has to vouch for the inode.
            let same_place = info.inode == stat.inode && (info.device == stat.device || info.uri == uri);
            let fits = resume.covered.last().is_none_or(|range| range.end <= stat.size);
            if same_place && fits && is_known(&mut self.disk, file, stat.size, &resume.identity)? {
                let rank = |resume: &Resume| (resume.identity.anchor_end, resume.info.uri == uri, resume.info.id);
                if best.is_none_or(|other| rank(other) < rank(resume)) {
                    best = Some(resume);
                }
            }
        }
        if let Some(resume) = best {
            let info = SourceInfo {
                device: stat.device,
                ..resume.info.clone()
            };
            return Ok((info, resume.covered.clone()));
        }
        let replaced = self
            .known
            .iter()
            .filter(|resume| resume.info.uri == uri && resume.info.inode == stat.inode && resume.info.device == stat.device)
            .max_by_key(|resume| resume.info.generation);
        let (id, generation, order) = match replaced {
            Some(resume) => (resume.info.id, resume.info.generation + 1, resume.info.order),
            None => (self.next_id, 0, Order::Random),
        };
        let (device, inode, file_time) = (stat.device, stat.inode, stat.modified);
        Ok((
            SourceInfo {
                id,
                uri: uri.to_owned(),
                device,
                inode,
                generation,
                file_time,
                order,
            },
            Vec::new(),
        ))
    }

    /// Looks at the contents of all open files, and lets go of those that have no name any more and are still. Returns whether
    /// any file changed.
    pub fn look(&mut self, now: Nanos) -> bool {
        let mut changed = false;
        let framing = self.cutting.framing;
        for held in &mut self.held {
            let before = held.stat;
            held.problem = held.look(&mut self.disk, now, framing).err().map(|error| error.to_string());
            changed |= before != held.stat;
        }
        let known = &mut self.known;
        self.held.retain(|held| {
            let still = held.gone.is_some_and(|since| now - since >= LET_GO) && now - held.changed_at >= LET_GO;
            let keep = !still || (!held.is_read() && held.problem.is_none());
            if !keep {
                known.retain(|resume| resume.info.id != held.info.id);
                known.push(held.resume());
            }
            keep
        });
        changed
    }

    /// The next block, or `None` when all that is known to be there was handed out.
    pub fn next(&mut self, now: Nanos) -> Option<Block> {
        self.live(now).or_else(|| self.history())
    }

    fn live(&mut self, now: Nanos) -> Option<Block> {
        let count = self.held.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            let held = &mut self.held[index];
            if held.problem.is_some() {
                continue;
            }
            match held.live(&mut self.disk, &self.cutting, now) {
                Ok(Some(block)) => {
                    self.turn = index + 1;
                    return Some(block);
                }
                Ok(None) => {}
                Err(error) => held.problem = Some(error.to_string()),
            }
        }
        None
    }

    fn history(&mut self) -> Option<Block> {
        loop {
            let held = self
                .held
                .iter_mut()
                .filter(|held| held.problem.is_none() && held.remaining() > 0)
                .max_by(|a, b| (a.stat.modified, &b.info.uri).cmp(&(b.stat.modified, &a.info.uri)))?;
            match held.history(&mut self.disk, &self.cutting) {
                Ok(Some(block)) => {
                    self.history_done += block.range().end - block.offset;
                    return Some(block);
                }
                // It was replaced while it was read: its new generation has a history of its own.
                Ok(None) => {}
                Err(error) => held.problem = Some(error.to_string()),
            }
        }
    }

    /// How far reading has come. The caller adds what it alone knows: `polling`, `ended`, standard input.
    pub fn progress(&self) -> Progress {
        let mut problems = self.problems.clone();
        problems.extend(
            self.held
                .iter()
                .filter_map(|held| Some((held.info.uri.clone(), held.problem.clone()?))),
        );
        Progress {
            inputs: self.held.len() as u32,
            history_done: self.history_done,
            history_total: self.history_done + self.held.iter().map(Held::remaining).sum::<u64>(),
            following: self.cutting.follow,
            polling: false,
            pending: self.held.iter().map(Held::pending).sum(),
            ended: false,
            problems,
        }
    }
}

#[cfg(test)]
#[path = "tail/tests.rs"]
mod tests;

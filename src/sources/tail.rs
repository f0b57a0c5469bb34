//! All files together: which ones are read, who they are, and whose bytes come next.
//!
//! The state machine of tailing, over a tiny picture of a file system ([`Disk`]) and without a clock: a model test drives it through
//! every order of appends, rotations, truncations and restarts. Two calls bring news in (`scan` for names, `look` for contents),
//! `next` hands out one block at a time: new lines before history, the newest file's history before an older one's.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::compressed::{Candidate, Compressed, Compression, FRESH, Step, Verdict};
use super::file::{ANCHOR, Cutting, HEAD, Held, is_known, next_generation};
use super::framing::read_range;
use super::rotation::{are_siblings, is_compressed, is_rotated, stem};
use crate::model::record::{Activity, Block, Identity, Order, Progress, Resume, SourceInfo, SourceProgress};
use crate::model::span::Nanos;

/// A file without a name is let go after it was still for so long.
const LET_GO: Nanos = 5_000_000_000;
/// About how long the first block of a run is.
const FIRST: u64 = 1 << 20;
/// Fewer equal bytes may be chance, and make no file a copy of another.
const LEAST: u64 = 32;

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
    /// Files beside those that rotation may have made of them: read only when they hold lines that were never seen under their
    /// first name.
    pub siblings: Vec<(String, Stat)>,
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
    /// All bytes of an open file from the first, for a decoder.
    fn stream(&mut self, _: &Self::File) -> io::Result<Box<dyn Read + Send>> {
        Err(io::Error::other("compressed files cannot be read here"))
    }
}

/// How far back each source's history is wanted. Only parsing sees the times of lines: it says here where a file became too old, and reading,
/// which comes from the end, stops there.
#[derive(Debug, Default)]
pub struct Floors(Mutex<HashMap<(u32, u32), u64>>);

impl Floors {
    /// What stands before `offset` of a source's generation is not wanted.
    pub fn raise(&self, source: (u32, u32), offset: u64) {
        let mut floors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let floor = floors.entry(source).or_default();
        *floor = offset.max(*floor);
    }

    fn lay<F>(&self, files: &mut [Held<F>]) {
        let floors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if floors.is_empty() {
            return;
        }
        for held in files {
            held.floor = floors.get(&(held.info.id, held.info.generation)).copied().unwrap_or_default();
        }
    }
}

/// The numbers of new sources, shared by everyone who reads into one store.
#[derive(Clone, Debug)]
pub struct Ids(Arc<AtomicU32>);

impl Ids {
    /// Begins with this number.
    #[must_use]
    pub fn from(first: u32) -> Self {
        Self(Arc::new(AtomicU32::new(first)))
    }

    /// A number that nobody has.
    pub(super) fn take(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
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
    /// The history of files that were not written since is left alone: a line is no younger than its file.
    pub since: Option<Nanos>,
    /// How far back the history of each file is wanted.
    pub floors: Arc<Floors>,
}

/// The files being read.
pub struct Tail<D: Disk> {
    disk: D,
    cutting: Cutting,
    since: Nanos,
    floors: Arc<Floors>,
    /// Sources of earlier runs, and files of this one that were let go.
    known: Vec<Resume>,
    ids: Ids,
    /// The number of the next new source.
    next_id: u32,
    /// The last generation of every source.
    generations: HashMap<u32, Arc<AtomicU32>>,
    held: Vec<Held<D::File>>,
    compressed: Vec<Compressed<D::File>>,
    /// Exact copies of files that are read, as they were when that was seen.
    copies: HashMap<String, Stat>,
    problems: Vec<(String, String)>,
    history_done: u64,
    /// Whose turn it is to hand out live lines: a busy file does not starve the others.
    turn: usize,
}

impl<D: Disk> Tail<D> {
    /// Knows the sources of earlier runs; reads nothing yet.
    pub fn new(disk: D, rules: Rules, known: Vec<Resume>, next_id: u32) -> Self {
        let next_id = known.iter().map(|resume| resume.info.id.saturating_add(1)).fold(next_id, u32::max);
        Self::sharing(disk, rules, known, Ids::from(next_id))
    }

    /// As [`Tail::new`], beside others who read into the same store. `ids` begins beyond every known source.
    pub fn sharing(disk: D, rules: Rules, known: Vec<Resume>, ids: Ids) -> Self {
        let cutting = Cutting {
            follow: rules.follow,
            block_bytes: rules.block_bytes.max(1) as u64,
            dialect: rules.dialect,
        };
        let mut generations: HashMap<u32, Arc<AtomicU32>> = HashMap::new();
        for SourceInfo { id, generation, .. } in known.iter().map(|resume| &resume.info) {
            generations.entry(*id).or_default().fetch_max(*generation, Ordering::Relaxed);
        }
        Self {
            disk,
            cutting,
            since: rules.since.unwrap_or(Nanos::MIN),
            floors: rules.floors,
            known,
            next_id: ids.take(),
            ids,
            generations,
            held: Vec::new(),
            compressed: Vec::new(),
            copies: HashMap::new(),
            problems: Vec::new(),
            history_done: 0,
            turn: 0,
        }
    }

    /// Ends, and says what lets another go on at just this place: blocks that were handed out are taken as read.
    pub fn into_parts(mut self) -> (D, Vec<Resume>) {
        let mut now: Vec<Resume> = self.held.iter_mut().flat_map(|held| held.ended.drain(..)).collect();
        now.extend(self.held.iter().map(Held::resume));
        now.extend(self.compressed.iter().filter_map(Compressed::resume));
        for resume in now {
            remember(&mut self.known, resume);
        }
        (self.disk, self.known)
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
        let siblings = listing.siblings.into_iter().map(|(uri, stat)| (uri, stat, true));
        for (uri, stat, sibling) in listing.files.into_iter().map(|(uri, stat)| (uri, stat, false)).chain(siblings) {
            let key = (stat.device, stat.inode);
            if seen.contains(&key) || self.is_held(key) {
                seen.insert(key);
                continue;
            }
            if self.copies.get(&uri) == Some(&stat) || (sibling && !self.came_since(&uri, stat)) {
                continue;
            }
            match self.take_up(&uri, now) {
                Ok(key) => {
                    // A copy that is not read may have another name, by which it is asked for itself.
                    if self.is_held(key) {
                        changed = true;
                        seen.insert(key);
                    }
                }
                // Another name may lead to the same file.
                Err(error) => self.problems.push((uri, error.to_string())),
            }
        }
        let held = self.held.iter_mut().map(|held| (held.stat, &mut held.gone));
        for (stat, gone) in held.chain(self.compressed.iter_mut().map(|file| (file.stat, &mut file.gone))) {
            if seen.contains(&(stat.device, stat.inode)) {
                *gone = None;
            } else if gone.is_none() {
                *gone = Some(now);
                changed = true;
            }
        }
        for index in 0..self.compressed.len() {
            let file = &self.compressed[index];
            if file.is_doubted() {
                self.ask_again(index, file.stat, file.changed_at);
            }
        }
        changed
    }

    /// Was the file written after its first name was first read? What is older was never asked for.
    fn came_since(&self, uri: &str, stat: Stat) -> bool {
        let name = stem(uri);
        let known = self.known.iter().map(|resume| &resume.info);
        let infos = known
            .chain(self.held.iter().map(|held| &*held.info))
            .filter(|info| info.uri == name);
        infos.map(|info| info.file_time).min().is_some_and(|first| stat.modified > first)
    }

    fn is_held(&self, key: (u64, u64)) -> bool {
        let compressed = self.compressed.iter().map(|file| file.stat);
        let mut stats = self.held.iter().map(|held| held.stat).chain(compressed);
        stats.any(|stat| (stat.device, stat.inode) == key)
    }

    /// Is this generation open?
    fn is_read(&self, info: &SourceInfo) -> bool {
        let key = (info.id, info.generation);
        let compressed = self.compressed.iter().filter_map(Compressed::source);
        let mut open = self.held.iter().map(|held| &*held.info).chain(compressed);
        open.any(|info| (info.id, info.generation) == key)
    }

    /// Opens a file and finds out who it is. The name may have moved since it was listed: what was opened counts.
    fn take_up(&mut self, uri: &str, now: Nanos) -> io::Result<(u64, u64)> {
        let file = self.disk.open(uri)?;
        let stat = self.disk.stat(&file)?;
        let key = (stat.device, stat.inode);
        if self.is_held(key) {
            return Ok(key);
        }
        let head = read_range(&mut self.disk, &file, 0..stat.size.min(4))?;
        // It is being made: its first bytes will say what it is.
        if head.len() < 4 && self.cutting.follow && is_compressed(uri) {
            return Ok(key);
        }
        if is_rotated(uri) {
            self.look_at_siblings(uri, now);
        }
        if let Some(compression) = Compression::of(&head) {
            let candidates = self.candidates(uri, stat);
            self.compressed
                .push(Compressed::new(file, uri.to_owned(), stat, compression, candidates, now));
            return Ok(key);
        }
        let Some((info, covered)) = self.recognise(uri, &file, stat, now)? else {
            return Ok(key);
        };
        let is_new = info.id == self.next_id;
        // Who is still asked for may be a copy of it.
        self.compressed
            .iter_mut()
            .filter(|file| are_siblings(&file.uri, uri))
            .for_each(Compressed::doubt);
        let mut held = Held::open(&mut self.disk, file, stat, info, &covered, now)?;
        held.latest = Arc::clone(self.generations.entry(held.info.id).or_default());
        if is_new {
            self.next_id = self.ids.take();
        }
        self.held.push(held);
        Ok(key)
    }

    /// Is the file what a compressed one was made of? It stays beside it until that is whole.
    fn is_compressed_already(&mut self, uri: &str, file: &D::File, stat: Stat) -> io::Result<bool> {
        for index in (0..self.compressed.len()).rev() {
            let packed = &self.compressed[index];
            let Some(resume) = packed.resume().filter(|_| are_siblings(&packed.uri, uri)) else {
                continue;
            };
            // Not enough of it was seen to tell; asked again at the next scan.
            if resume.identity.anchor_end < LEAST && self.has_work(packed) {
                return Ok(true);
            }
            if resume.identity.anchor_end >= LEAST && is_known(&mut self.disk, file, stat.size, &resume.identity)? {
                if packed.problem.is_none() {
                    return Ok(true);
                }
                // It broke off: the rest is here.
                self.compressed.remove(index);
                remember(&mut self.known, resume);
            }
        }
        Ok(false)
    }

    /// Who a file is and what is read of it; `None` when it is no file of its own, or not yet.
    fn recognise(&mut self, uri: &str, file: &D::File, stat: Stat, now: Nanos) -> io::Result<Option<(SourceInfo, Vec<Range<u64>>)>> {
        if is_rotated(uri) && self.is_compressed_already(uri, file, stat)? {
            return Ok(None);
        }
        let mut best: Option<&Resume> = None;
        for resume in &self.known {
            let info = &resume.info;
            // A device's number may change with a restart of the machine; the path then has to vouch for the inode.
            let same_place = info.inode == stat.inode && (info.device == stat.device || info.uri == uri);
            // Of whom nothing was read, any file could be.
            let fits = resume.identity.anchor_end > 0 && resume.covered.last().is_none_or(|range| range.end <= stat.size);
            // What is open under another name goes on being read there.
            if same_place && fits && !self.is_read(info) && is_known(&mut self.disk, file, stat.size, &resume.identity)? {
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
            return Ok(Some((info, resume.covered.clone())));
        }
        if is_rotated(uri) {
            for candidate in self.candidates(uri, stat) {
                let identity = &candidate.resume.identity;
                let is_same = is_known(&mut self.disk, file, stat.size, identity)?;
                match candidate.held {
                    Some(size) if is_same && size == stat.size => {
                        self.copies.insert(uri.to_owned(), stat);
                        return Ok(None);
                    }
                    // Asked again at every scan: once the original is cut, the copy holds what was not read of it.
                    Some(size) if stat.size < size => {
                        let whole = stat.size >= HEAD || (self.cutting.follow && now - stat.modified < FRESH);
                        if whole && self.begins_like(file, stat.size, &candidate.resume)? {
                            return Ok(None);
                        }
                    }
                    None if is_same => {
                        // It keeps the name it had first: by that its siblings are known.
                        let info = SourceInfo {
                            device: stat.device,
                            inode: stat.inode,
                            ..candidate.resume.info
                        };
                        return Ok(Some((info, candidate.resume.covered)));
                    }
                    _ => {}
                }
            }
        }
        Ok(Some((self.stranger(uri, stat), Vec::new())))
    }

    /// A copy is not made in an instant: is what is there of it what stands there in a file that is read?
    fn begins_like(&mut self, file: &D::File, size: u64, known: &Resume) -> io::Result<bool> {
        // Nobody copies a few bytes at a time.
        if (1..LEAST).contains(&size) {
            return Ok(false);
        }
        let key = (known.info.id, known.info.generation);
        let Some(held) = self.held.iter().find(|held| (held.info.id, held.info.generation) == key) else {
            return Ok(false);
        };
        for range in [0..size.min(HEAD), size.saturating_sub(ANCHOR)..size] {
            let here = read_range(&mut self.disk, file, range.clone())?;
            // A file that shrank since it was looked at is no original.
            if read_range(&mut self.disk, &held.file, range).ok() != Some(here) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Do the bytes of an open file begin so?
    fn is_beginning(&mut self, uri: &str, identity: &Identity) -> io::Result<bool> {
        for held in self.held.iter().filter(|held| are_siblings(&held.info.uri, uri)) {
            if identity.anchor_end >= LEAST && is_known(&mut self.disk, &held.file, held.stat.size, identity)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A source for a file that nobody knows: the next generation of a file that was in its place, or a new one.
    fn stranger(&self, uri: &str, stat: Stat) -> SourceInfo {
        let replaced = self
            .known
            .iter()
            .filter(|resume| resume.info.uri == uri && resume.info.inode == stat.inode && resume.info.device == stat.device)
            .max_by_key(|resume| resume.info.generation);
        let (id, generation, order) = match replaced {
            Some(resume) => (resume.info.id, self.new_generation(resume.info.id), resume.info.order),
            None => (self.next_id, 0, Order::Random),
        };
        SourceInfo {
            id,
            uri: uri.to_owned(),
            device: stat.device,
            inode: stat.inode,
            generation,
            file_time: stat.modified,
            order,
        }
    }

    fn new_generation(&self, id: u32) -> u32 {
        self.generations.get(&id).map_or(0, |latest| next_generation(latest))
    }

    /// Whom a file may be a copy of, by its place or its name; the likeliest first.
    fn candidates(&mut self, uri: &str, stat: Stat) -> Vec<Candidate> {
        let mut found = Vec::new();
        for held in self.held.iter_mut().filter(|held| are_siblings(&held.info.uri, uri)) {
            // A copy is like all that is there, whether it was handed out yet or not.
            if let Some(resume) = held
                .as_it_stands(&mut self.disk)
                .filter(|resume| resume.identity.anchor_end >= LEAST)
            {
                let held = Some(held.stat.size);
                found.push(Candidate { resume, held });
            }
        }
        let copied = |resume: &Resume| resume.identity.anchor_end >= LEAST && are_siblings(&resume.info.uri, uri);
        for resume in &self.known {
            let same_place = resume.info.inode == stat.inode && (resume.info.device == stat.device || resume.info.uri == uri);
            if resume.identity.anchor_end > 0 && (same_place || copied(resume)) && !self.is_read(&resume.info) {
                found.push(Candidate {
                    resume: resume.clone(),
                    held: None,
                });
            }
        }
        found.sort_by_key(|candidate| std::cmp::Reverse((candidate.held.is_some(), candidate.resume.identity.anchor_end)));
        found
    }

    /// Looks at the contents of all open files, and lets go of those that have no name any more and are still. Returns whether
    /// any file changed.
    pub fn look(&mut self, now: Nanos) -> bool {
        let mut changed = false;
        for index in 0..self.held.len() {
            changed |= self.look_at(index, now);
        }
        changed |= self.look_at_compressed(now);
        let known = &mut self.known;
        self.held.retain(|held| {
            let still = held.gone.is_some_and(|since| now - since >= LET_GO) && now - held.changed_at >= LET_GO;
            let keep = !still || (!held.is_read() && held.problem.is_none());
            if !keep {
                remember(known, held.resume());
            }
            keep
        });
        changed
    }

    fn look_at(&mut self, index: usize, now: Nanos) -> bool {
        let held = &mut self.held[index];
        let before = held.stat;
        held.problem = held.look(&mut self.disk, now).err().map(|error| error.to_string());
        let changed = before != held.stat;
        let ended: Vec<Resume> = held.ended.drain(..).collect();
        if std::mem::take(&mut held.parted) || !ended.is_empty() {
            // What was a copy of it is now all that is left of it.
            self.copies.clear();
            self.compressed.iter_mut().for_each(Compressed::doubt);
        }
        for ended in ended {
            remember(&mut self.known, ended);
        }
        changed
    }

    /// A copy is compared with what its original is now.
    fn look_at_siblings(&mut self, uri: &str, now: Nanos) {
        for index in 0..self.held.len() {
            if are_siblings(&self.held[index].info.uri, uri) {
                self.look_at(index, now);
            }
        }
    }

    /// Who a compressed file is may have changed.
    fn ask_again(&mut self, index: usize, stat: Stat, since: Nanos) {
        let file = &mut self.compressed[index];
        if let Some(resume) = file.resume() {
            remember(&mut self.known, resume);
        }
        file.forget();
        let uri = file.uri.clone();
        let candidates = self.candidates(&uri, stat);
        self.compressed[index].changed(stat, since, candidates);
    }

    fn look_at_compressed(&mut self, now: Nanos) -> bool {
        let mut changed = false;
        for index in 0..self.compressed.len() {
            let file = &mut self.compressed[index];
            let stat = match self.disk.stat(&file.file) {
                Ok(stat) => stat,
                Err(error) => {
                    file.problem = Some(error.to_string());
                    continue;
                }
            };
            let grew = (stat.size, stat.modified) != (file.stat.size, file.stat.modified);
            if !grew && !file.is_overdue(now) && !file.is_doubted() {
                continue;
            }
            changed = true;
            let since = if grew { now } else { file.changed_at };
            self.ask_again(index, stat, since);
        }
        let known = &mut self.known;
        self.compressed.retain(|file| {
            let still = file.gone.is_some_and(|since| now - since >= LET_GO);
            let keep = !still || file.has_work();
            if let Some(resume) = file.resume().filter(|_| !keep) {
                remember(known, resume);
            }
            keep
        });
        changed
    }

    /// There is work that `next` does in steps, of which not every one gives a block.
    pub fn is_busy(&self) -> bool {
        self.compressed.iter().any(|file| self.has_work(file)) || self.held.iter().any(|held| has_history(held, self.since))
    }

    fn has_work(&self, file: &Compressed<D::File>) -> bool {
        file.has_work() && file.stat.modified >= self.since
    }

    /// The next block, or `None` when all that is known to be there was handed out.
    pub fn next(&mut self, now: Nanos) -> Option<Block> {
        // The history of a document ends where its rest is like what is still to come.
        self.live(now).or_else(|| self.history(now)).or_else(|| self.live(now))
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

    fn history(&mut self, now: Nanos) -> Option<Block> {
        let since = self.since;
        self.floors.lay(&mut self.held);
        // What is on the screen first is there at once, however large the file.
        let size = if self.history_done == 0 {
            self.cutting.block_bytes.min(FIRST)
        } else {
            self.cutting.block_bytes
        };
        loop {
            let held = self
                .held
                .iter_mut()
                .filter(|held| has_history(held, since))
                .max_by(|a, b| (a.stat.modified, &b.info.uri).cmp(&(b.stat.modified, &a.info.uri)));
            let compressed = (0..self.compressed.len())
                .filter(|index| self.compressed[*index].has_work() && self.compressed[*index].stat.modified >= since)
                .max_by_key(|index| (self.compressed[*index].stat.modified, std::cmp::Reverse(*index)));
            let Some(held) = held else { return self.expand(compressed?, now) };
            if let Some(index) = compressed
                && self.compressed[index].stat.modified > held.stat.modified
            {
                return self.expand(index, now);
            }
            match held.history(&mut self.disk, &self.cutting, size) {
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

    /// A step of a compressed file.
    fn expand(&mut self, index: usize, now: Nanos) -> Option<Block> {
        match self.try_expand(index, now) {
            Ok(block) => block,
            Err(error) => {
                self.compressed[index].problem = Some(error.to_string());
                None
            }
        }
    }

    fn try_expand(&mut self, index: usize, now: Nanos) -> io::Result<Option<Block>> {
        if self.compressed[index].needs_input() {
            let input = self.disk.stream(&self.compressed[index].file)?;
            self.compressed[index].rewind(input)?;
        }
        let file = &mut self.compressed[index];
        let before = file.done();
        let verdict = file.ask(self.cutting.follow, now)?;
        let (uri, stat) = (file.uri.clone(), file.stat);
        let (info, covered) = match verdict {
            None => {
                let step = file.step(&self.cutting, now);
                let file = &self.compressed[index];
                self.history_done += file.done().saturating_sub(before);
                return step.map(|step| if let Step::Block(block) = step { Some(block) } else { None });
            }
            Some(Verdict::Twin | Verdict::Unclear) => return Ok(None),
            Some(Verdict::Known(resume)) => {
                let info = SourceInfo {
                    device: stat.device,
                    inode: stat.inode,
                    ..resume.info
                };
                (info, resume.covered)
            }
            Some(Verdict::Broken(identity)) if self.is_beginning(&uri, &identity)? => {
                self.compressed[index].become_copy();
                return Ok(None);
            }
            Some(Verdict::New | Verdict::Broken(_)) => {
                let info = self.stranger(&uri, stat);
                if info.id == self.next_id {
                    self.next_id = self.ids.take();
                }
                (info, Vec::new())
            }
        };
        let info = SourceInfo {
            order: Order::Ordered,
            ..info
        };
        self.compressed[index].become_source(info, covered);
        Ok(None)
    }

    /// How far reading has come. The caller adds what it alone knows: `polling`, `ended`, standard input.
    pub fn progress(&self) -> Progress {
        let mut problems = self.problems.clone();
        problems.extend(
            self.held
                .iter()
                .filter_map(|held| Some((held.info.uri.clone(), held.problem.clone()?))),
        );
        problems.extend(
            self.compressed
                .iter()
                .filter_map(|file| Some((file.uri.clone(), file.problem.clone()?))),
        );
        let held = self.held.iter().filter(|held| held.stat.modified >= self.since);
        let compressed = self.compressed.iter().filter(|file| self.has_work(file));
        let remaining = held.map(Held::remaining).sum::<u64>() + compressed.map(Compressed::remaining).sum::<u64>();
        Progress {
            inputs: (self.held.len() + self.compressed.len()) as u32,
            history_done: self.history_done,
            history_total: self.history_done + remaining,
            following: self.cutting.follow,
            polling: false,
            pending: self.held.iter().map(Held::pending).sum(),
            ended: false,
            problems,
            sources: self.sources(),
        }
    }

    fn sources(&self) -> Vec<SourceProgress> {
        let activity = |problem: &Option<String>, gone: Option<Nanos>, remaining: u64| match (problem, gone) {
            (Some(_), _) => Activity::Failed,
            (None, _) if remaining > 0 => Activity::Reading,
            (None, Some(_)) => Activity::Gone,
            (None, None) if self.cutting.follow => Activity::Following,
            (None, None) => Activity::Ended,
        };
        // Still to read, or too old to be asked for.
        let parted = |remaining: u64, stat: Stat| {
            if stat.modified >= self.since {
                (remaining, 0)
            } else {
                (0, remaining)
            }
        };
        let held = self.held.iter().map(|held| {
            let (remaining, skipped) = parted(held.remaining(), held.stat);
            SourceProgress {
                uri: held.info.uri.clone(),
                source: Some((held.info.id, held.info.generation)),
                activity: activity(&held.problem, held.gone, remaining),
                size: held.stat.size,
                remaining,
                skipped,
                pending: held.pending(),
                modified: Some(held.stat.modified),
                problem: held.problem.clone(),
            }
        });
        let compressed = self.compressed.iter().map(|file| {
            let (remaining, skipped) = parted(file.remaining(), file.stat);
            SourceProgress {
                uri: file.uri.clone(),
                source: file.resume().map(|resume| (resume.info.id, resume.info.generation)),
                activity: activity(&file.problem, file.gone, remaining),
                size: file.stat.size,
                remaining,
                skipped,
                pending: 0,
                modified: Some(file.stat.modified),
                problem: file.problem.clone(),
            }
        });
        let unopened = self.problems.iter().map(|(uri, why)| SourceProgress {
            uri: uri.clone(),
            activity: Activity::Failed,
            problem: Some(why.clone()),
            ..SourceProgress::default()
        });
        held.chain(compressed).chain(unopened).collect()
    }
}

fn has_history<F>(held: &Held<F>, since: Nanos) -> bool {
    held.problem.is_none() && held.remaining() > 0 && held.stat.modified >= since
}

/// Keeps the newest that is known of a generation.
fn remember(known: &mut Vec<Resume>, resume: Resume) {
    known.retain(|other| (other.info.id, other.info.generation) != (resume.info.id, resume.info.generation));
    known.push(resume);
}

#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "tail/lives.rs"]
mod lives;

//! The files of another machine, as [`Tail`](super::super::tail::Tail) sees a file system.
//!
//! One request asks for everything that is named; until the next, states are answered from it. There is no open file over there: a file
//! is its device and inode, found under the name it has now, and what is read counts only if that name led to it before and after. The
//! few kilobytes that are looked at again and again are kept until the file's state changes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crossbeam_channel::Receiver;
use globset::{GlobBuilder, GlobMatcher};

use super::super::SpecError;
use super::super::address::{Address, Host};
use super::super::disk::is_log;
use super::super::framing::NEAR;
use super::super::rotation::stem;
use super::super::tail::{Disk, Listing, Stat};
use super::listing::{self, Entry, Kind};
use super::session::{Lost, Session, quote};
use crate::model::span::Nanos;

/// What is read there at once: dd seeks to whole blocks only.
const BLOCK: u64 = 4096;
/// What is kept of the place looked at last, and read ahead of it.
const WINDOW: u64 = 64 << 10;
/// The most that one request asks for.
const MOST: u64 = 4 << 20;
/// Deeper directories are not walked.
const DEPTH: usize = 16;
/// So many files are opened before lines are read: the newest first, since opening costs a request each.
const AT_ONCE: usize = 16;
/// A name may move while it is followed.
const TRIES: usize = 3;

type Key = (u64, u64);

/// One thing the user named on the host.
#[derive(Clone, Debug)]
pub(super) struct Root {
    path: Vec<u8>,
    glob: Option<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    /// The directories before the first wildcard.
    base: Vec<u8>,
    depth: usize,
    /// What find looks for: at least every name that matches.
    names: Vec<u8>,
    matcher: GlobMatcher,
}

impl Root {
    /// Checks a pattern before anybody connects.
    pub(super) fn new(address: &Address) -> Result<Self, SpecError> {
        let path = address.path.clone();
        let text = std::str::from_utf8(&path).ok().filter(|text| text.contains(['*', '?', '[', '{']));
        let glob = text.map(|text| pattern(text, address)).transpose()?;
        Ok(Self { path, glob })
    }

    /// One path, and nothing that it might match.
    pub(super) fn exactly(address: &Address) -> Self {
        Self {
            path: address.path.clone(),
            glob: None,
        }
    }

    /// The call that asks for it.
    fn call(&self, number: usize) -> Vec<u8> {
        let name = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
        let mut words = vec![
            self.path.clone(),
            parent(&self.path),
            [literally(&name(&self.path)), b"*".to_vec()].concat(),
        ];
        if let Some(glob) = &self.glob {
            words.extend([glob.base.clone(), glob.depth.to_string().into_bytes(), glob.names.clone()]);
        }
        let mut call = format!("root {number}").into_bytes();
        for word in words {
            call.push(b' ');
            call.extend(quote(&word));
        }
        call.push(b'\n');
        call
    }
}

fn pattern(text: &str, address: &Address) -> Result<Pattern, SpecError> {
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    let glob = glob.map_err(|error| SpecError::new(format!("{address}: {}", error.kind()), "check the pattern"))?;
    let parts: Vec<&str> = text.split('/').collect();
    let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '[', '{'])).count();
    let base = parts[..plain].join("/");
    let last = parts.last().copied().unwrap_or_default();
    Ok(Pattern {
        base: if base.is_empty() { b"/".to_vec() } else { base.into_bytes() },
        depth: if text.contains("**") || text.contains('{') {
            DEPTH
        } else {
            parts.len() - plain
        },
        // Alternatives are not for find, and may span directories.
        names: if text.contains(['{', '}']) || last.contains("**") {
            b"*".to_vec()
        } else {
            last.as_bytes().to_vec()
        },
        matcher: glob.compile_matcher(),
    })
}

/// A name that find takes for itself and no pattern.
fn literally(name: &[u8]) -> Vec<u8> {
    name.iter()
        .flat_map(|byte| {
            if b"*?[]\\".contains(byte) {
                vec![b'\\', *byte]
            } else {
                vec![*byte]
            }
        })
        .collect()
}

fn parent(path: &[u8]) -> Vec<u8> {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) => b"/".to_vec(),
        Some(at) => path[..at].to_vec(),
        None => b".".to_vec(),
    }
}

/// A named file, as of the last listing.
struct Named {
    path: Vec<u8>,
    stat: Stat,
    sibling: bool,
}

/// The files of a host, over one session. It ends with it.
pub(super) struct Remote {
    link: Arc<Mutex<Link>>,
    host: Host,
    roots: Vec<Root>,
    /// By uri.
    named: BTreeMap<String, Named>,
    problems: Vec<(String, String)>,
    /// First names of the files that were handed on: the rest waits its turn.
    shown: HashSet<String>,
}

/// An open file: who it is, and that somebody still wants it.
pub(super) struct RemoteFile {
    key: Key,
    wanted: Arc<()>,
}

struct Link {
    session: Session,
    open: HashMap<Key, Open>,
    window: Option<(Key, Piece)>,
    ends: Ends,
}

/// Both ends of files as they were opened: a file in the same state need not be asked for them again, over the next connection either.
pub(super) type Ends = HashMap<Key, Seen>;

/// So many files, of about 16 KiB each.
const SEEN: usize = 4_096;

pub(super) struct Seen {
    stat: Stat,
    pieces: Vec<Piece>,
}

/// What is known of an open file.
struct Open {
    path: Vec<u8>,
    /// Its state when the host was last asked anything of it.
    newest: Stat,
    /// Its state as last told: what was read since is at least as new, and kept until the next that differs.
    told: Stat,
    head: Option<Piece>,
    gone: bool,
    wanted: Weak<()>,
}

#[derive(Clone)]
struct Piece {
    offset: u64,
    bytes: Vec<u8>,
}

impl Piece {
    fn copy(&self, offset: u64, buffer: &mut [u8]) -> Option<usize> {
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        let bytes = self.bytes.get(start..).filter(|bytes| !bytes.is_empty())?;
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Some(count)
    }
}

fn lock(link: &Mutex<Link>) -> MutexGuard<'_, Link> {
    link.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Remote {
    /// Connects. `ends` come back when that fails.
    pub(super) fn connect(
        command: &[String],
        host: &Host,
        roots: &[Root],
        ends: Ends,
        stopped: &Receiver<Infallible>,
    ) -> Result<Self, (Lost, Ends)> {
        let calls = roots.iter().enumerate().flat_map(|(number, root)| root.call(number));
        let text: Vec<u8> = b"roots() {\n:\n".iter().copied().chain(calls).chain(*b"}\n").collect();
        let session = match Session::open(command, host, &text, stopped.clone()) {
            Ok(session) => session,
            Err(lost) => return Err((lost, ends)),
        };
        Ok(Self {
            link: Arc::new(Mutex::new(Link {
                session,
                open: HashMap::new(),
                window: None,
                ends,
            })),
            host: host.clone(),
            roots: roots.to_vec(),
            named: BTreeMap::new(),
            problems: Vec::new(),
            shown: HashSet::new(),
        })
    }

    /// What the next connection need not ask for.
    pub(super) fn into_ends(self) -> Ends {
        std::mem::take(&mut lock(&self.link).ends)
    }

    /// Asks for the state of everything. All that is told until the next time is told from this.
    pub(super) fn poll(&mut self) -> io::Result<()> {
        let link = Arc::clone(&self.link);
        let mut link = lock(&link);
        let answer = link.session.ask("poll", &[])?;
        let found = listing::parse(&answer.bytes)?;
        if found.len() != self.roots.len() {
            return Err(listing::nonsense());
        }
        link.take_in(found.iter().flat_map(|found| &found.entries))?;
        self.named.clear();
        self.problems.clear();
        for found in found {
            let Some(root) = self.roots.get(found.number).cloned() else {
                return Err(listing::nonsense());
            };
            self.sort_out(&root, found);
        }
        self.name_once();
        let stems: HashSet<&str> = self.named.keys().map(|uri| stem(uri)).collect();
        self.shown.retain(|shown| stems.contains(shown.as_str()));
        Ok(())
    }

    fn sort_out(&mut self, root: &Root, found: listing::Found) {
        let mut trouble = found.trouble();
        let mut is_here = false;
        for Entry { path, stat } in found.entries {
            let name = Path::new(OsStr::from_bytes(&path));
            let hidden = name.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."));
            let sibling = match found.kind {
                Kind::Directory if is_log(name) && !hidden => false,
                Kind::Glob if root.glob.as_ref().is_some_and(|glob| glob.matcher.is_match(name)) => false,
                Kind::File if path == root.path => false,
                Kind::File | Kind::Missing | Kind::Special if stem_of(&path) == root.path && path != root.path => true,
                Kind::Directory | Kind::Glob | Kind::File | Kind::Missing | Kind::Special => continue,
            };
            is_here |= path == root.path;
            let uri = self.host.uri(&path);
            let named = self.named.entry(uri).or_insert(Named { path, stat, sibling });
            named.sibling &= sibling;
        }
        match found.kind {
            Kind::Special => trouble = Some("not a regular file".to_owned()),
            Kind::Missing if trouble.is_none() => trouble = Some("no such file or directory".to_owned()),
            Kind::Missing | Kind::Directory | Kind::Glob => {}
            // What find said is not about this file.
            Kind::File if is_here => trouble = None,
            Kind::File => trouble = trouble.or_else(|| Some("its directory cannot be listed".to_owned())),
        }
        if let Some(why) = trouble {
            self.problems.push((self.host.uri(&root.path), why));
        }
    }

    /// Several names may lead to one file, without end where links lead in a circle: the shortest is enough.
    fn name_once(&mut self) {
        let mut names: Vec<(bool, usize, String, Key)> = Vec::new();
        for (uri, named) in &self.named {
            names.push((named.sibling, uri.len(), uri.clone(), (named.stat.device, named.stat.inode)));
        }
        names.sort_unstable();
        let mut seen = HashSet::new();
        for (_, _, uri, key) in names {
            if !seen.insert(key) {
                self.named.remove(&uri);
            }
        }
    }

    /// Nothing that was named is a file now.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// There are files that were not handed on yet.
    pub(super) fn has_more(&self) -> bool {
        self.named.keys().any(|uri| !self.shown.contains(stem(uri)))
    }

    /// Why the connection ended, if it did.
    pub(super) fn lost(&self) -> Option<Lost> {
        lock(&self.link).session.has_ended().cloned()
    }

    /// Shows some more files: rotated ones together with their first name, since they are compared.
    fn show_more(&mut self) {
        let mut waiting: HashMap<&str, (Nanos, usize)> = HashMap::new();
        for (uri, named) in self.named.iter().filter(|(uri, _)| !self.shown.contains(stem(uri))) {
            let family = waiting.entry(stem(uri)).or_insert((Nanos::MIN, 0));
            *family = (family.0.max(named.stat.modified), family.1 + 1);
        }
        let mut order: Vec<(&str, (Nanos, usize))> = waiting.into_iter().collect();
        order.sort_unstable_by_key(|(stem, (modified, _))| (std::cmp::Reverse(*modified), *stem));
        let mut room = AT_ONCE;
        let mut shown = Vec::new();
        for (stem, (_, count)) in order {
            shown.push(stem.to_owned());
            room = room.saturating_sub(count);
            if room == 0 {
                break;
            }
        }
        self.shown.extend(shown);
    }
}

/// The first name of a path whose bytes may be no text.
fn stem_of(path: &[u8]) -> &[u8] {
    std::str::from_utf8(path).map_or(path, |text| stem(text).as_bytes())
}

impl Disk for Remote {
    type File = RemoteFile;

    fn list(&mut self) -> Listing {
        self.show_more();
        let mut listing = Listing {
            problems: self.problems.clone(),
            ..Listing::default()
        };
        for (uri, named) in self.named.iter().filter(|(uri, _)| self.shown.contains(stem(uri))) {
            let of = if named.sibling { &mut listing.siblings } else { &mut listing.files };
            of.push((uri.clone(), named.stat));
        }
        listing
    }

    fn open(&mut self, uri: &str) -> io::Result<RemoteFile> {
        let named = self.named.get(uri).ok_or(io::ErrorKind::NotFound)?;
        let mut link = lock(&self.link);
        link.open(&named.path, named.stat)
    }

    fn stat(&mut self, file: &RemoteFile) -> io::Result<Stat> {
        lock(&self.link).stat(file.key)
    }

    fn read_at(&mut self, file: &RemoteFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        lock(&self.link).read_at(file.key, offset, buffer)
    }

    fn stream(&mut self, file: &RemoteFile) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(FromStart {
            link: Arc::clone(&self.link),
            key: file.key,
            _wanted: Arc::clone(&file.wanted),
            at: 0,
            bytes: Vec::new(),
            taken: 0,
        }))
    }
}

/// Reads a file from its first byte, a mebibyte at a time.
struct FromStart {
    link: Arc<Mutex<Link>>,
    key: Key,
    _wanted: Arc<()>,
    at: u64,
    bytes: Vec<u8>,
    taken: usize,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.bytes.len() {
            let blocks = self.at / BLOCK..self.at / BLOCK + (1 << 20) / BLOCK;
            let piece = lock(&self.link).fetch(self.key, &[blocks])?.pop().unwrap_or_default();
            // The end may have been in the middle of a block.
            self.taken = (self.at % BLOCK) as usize;
            self.at = self.at / BLOCK * BLOCK + piece.len() as u64;
            self.taken = self.taken.min(piece.len());
            self.bytes = piece;
        }
        let count = buffer.len().min(self.bytes.len() - self.taken);
        buffer[..count].copy_from_slice(&self.bytes[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

impl Link {
    /// Brings the states of open files up to date, and looks for those that are not among these entries.
    fn take_in<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) -> io::Result<()> {
        self.open.retain(|_, open| open.wanted.strong_count() > 0);
        let mut missing: HashSet<Key> = self.open.keys().copied().collect();
        let mut seen = std::mem::take(&mut self.ends);
        for Entry { path, stat } in entries {
            let key = (stat.device, stat.inode);
            if let Some(same) = seen.remove(&key).filter(|seen| seen.stat == *stat) {
                self.ends.insert(key, same);
            }
            if let Some(open) = self.open.get_mut(&key)
                && missing.remove(&key)
            {
                open.path.clone_from(path);
                open.newest = *stat;
                open.gone = false;
            }
        }
        for key in missing {
            match self.find(key) {
                Err(error) if self.session.has_ended().is_some() => return Err(error),
                // It has no name any more: as an open file would, it stays as it was.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Looks for the name that a file has now, beside the one it had.
    fn find(&mut self, key: Key) -> io::Result<()> {
        let Some(open) = self.open.get(&key) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let (directory, inode) = (quote(&parent(&open.path)), key.1.to_string());
        let answer = self.session.ask("where", &[&directory, inode.as_bytes()])?;
        let found = listing::entries(&answer.bytes)?
            .into_iter()
            .find(|entry| (entry.stat.device, entry.stat.inode) == key);
        let Some(open) = self.open.get_mut(&key) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        open.gone = found.is_none();
        let entry = found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it was deleted before it was read to its end"))?;
        open.path = entry.path;
        open.newest = entry.stat;
        Ok(())
    }

    fn open(&mut self, path: &[u8], stat: Stat) -> io::Result<RemoteFile> {
        let key = (stat.device, stat.inode);
        let known = self.open.get(&key).and_then(|open| open.wanted.upgrade());
        let is_known = known.is_some();
        let wanted = known.unwrap_or_default();
        if !is_known {
            let open = Open {
                path: path.to_vec(),
                newest: stat,
                told: stat,
                head: None,
                gone: false,
                wanted: Arc::downgrade(&wanted),
            };
            self.open.insert(key, open);
            // Both ends are looked at to recognise a file: one request brings them.
            let blocks = stat.size.div_ceil(BLOCK);
            let tail = blocks.saturating_sub(NEAR / BLOCK + 1).max(1)..blocks;
            let ranges = [0..blocks.min(1), tail];
            let wished: Vec<Range<u64>> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
            if !wished.is_empty() && self.ends.get(&key).is_none_or(|seen| seen.stat != stat) {
                let fetched = self.fetch(key, &wished)?;
                let pieces = wished.iter().zip(fetched).map(|(range, bytes)| Piece {
                    offset: range.start * BLOCK,
                    bytes,
                });
                if let Some(open) = self.open.get(&key).filter(|_| self.ends.len() < SEEN) {
                    let seen = Seen {
                        stat: open.newest,
                        pieces: pieces.collect(),
                    };
                    self.ends.insert(key, seen);
                }
            }
        }
        Ok(RemoteFile { key, wanted })
    }

    fn stat(&mut self, key: Key) -> io::Result<Stat> {
        if let Some(lost) = self.session.has_ended() {
            return Err(io::Error::new(io::ErrorKind::NotConnected, lost.why.clone()));
        }
        let open = self.open.get_mut(&key).ok_or(io::ErrorKind::NotFound)?;
        if open.told != open.newest {
            open.told = open.newest;
            open.head = None;
            self.window = self.window.take().filter(|(of, _)| *of != key);
        }
        Ok(open.newest)
    }

    fn read_at(&mut self, key: Key, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let open = self.open.get(&key).ok_or(io::ErrorKind::NotFound)?;
        let window = self.window.as_ref().filter(|(of, _)| *of == key).map(|(_, piece)| piece);
        let ends = self.ends.get(&key).filter(|seen| seen.stat == open.newest);
        if let Some(count) = [open.head.as_ref(), window]
            .into_iter()
            .flatten()
            .chain(ends.iter().flat_map(|seen| &seen.pieces))
            .find_map(|piece| piece.copy(offset, buffer))
        {
            return Ok(count);
        }
        let first = offset / BLOCK;
        let wish = (buffer.len() as u64).clamp(1, MOST);
        // A few bytes are the first ones, looked at for themselves, or stand before what will be asked for next, up to the end.
        let ahead = if wish < BLOCK && offset >= BLOCK { WINDOW } else { 0 };
        let end = (offset + wish).max((offset + ahead).min(open.newest.size)).div_ceil(BLOCK);
        let bytes = self.fetch(key, &[first..end])?.pop().unwrap_or_default();
        let piece = Piece {
            offset: first * BLOCK,
            bytes,
        };
        Ok(piece.copy(offset, buffer).unwrap_or(0))
    }

    /// Blocks of a file that are next to each other, for each range; fewer where the file ends.
    fn fetch(&mut self, key: Key, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        for _ in 0..TRIES {
            let open = self.open.get(&key).ok_or(io::ErrorKind::NotFound)?;
            let mut words = vec![quote(&open.path), quote(format!("{} {}", key.0, key.1).as_bytes())];
            for range in ranges {
                words.push(range.start.to_string().into_bytes());
                words.push((range.end - range.start).to_string().into_bytes());
            }
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let answer = self.session.ask("get", &words)?;
            match listing::pieces(&answer, ranges, BLOCK)? {
                listing::Got::Pieces(before, pieces, after) if [before, after].iter().all(|stat| (stat.device, stat.inode) == key) => {
                    self.keep(key, after, ranges, &pieces);
                    return Ok(pieces);
                }
                listing::Got::Failed(why) if !why.ends_with("No such file or directory") => return Err(io::Error::other(why)),
                listing::Got::Failed(_) | listing::Got::Pieces(..) | listing::Got::Moved => self.find(key)?,
            }
        }
        Err(io::Error::new(io::ErrorKind::Interrupted, "its name keeps moving; tried again"))
    }

    fn keep(&mut self, key: Key, after: Stat, ranges: &[Range<u64>], pieces: &[Vec<u8>]) {
        let Some(open) = self.open.get_mut(&key) else { return };
        open.newest = after;
        for (range, bytes) in ranges.iter().zip(pieces) {
            if range.start == 0 {
                open.head = Some(Piece {
                    offset: 0,
                    bytes: bytes[..bytes.len().min(BLOCK as usize)].to_vec(),
                });
                if range.end == 1 {
                    continue;
                }
            }
            let from = bytes.len().saturating_sub((WINDOW + BLOCK) as usize);
            let piece = Piece {
                offset: range.start * BLOCK + from as u64,
                bytes: bytes[from..].to_vec(),
            };
            if !piece.bytes.is_empty() {
                self.window = Some((key, piece));
            }
        }
    }
}

#[cfg(test)]
#[path = "files/tests.rs"]
mod tests;

//! Laws of tailing, over a simulated file system: any order of writes, rotations, truncations and restarts.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::{Rc, Weak};

use proptest::prelude::*;

use super::*;
use crate::model::span::StartFrom;

const SECOND: Nanos = 1_000_000_000;
const NAMES: [&str; 4] = ["a", "a.1", "b", "b.1"];

#[derive(Default)]
pub(super) struct World {
    pub(super) names: BTreeMap<String, u64>,
    pub(super) nodes: BTreeMap<u64, (Vec<u8>, Nanos)>,
    open: BTreeMap<u64, Weak<u64>>,
    locked: BTreeSet<String>,
    /// Only `a` and `b` are asked for: a rotated file loses its name.
    pub(super) narrow: bool,
    pub(super) clock: Nanos,
}

impl World {
    pub(super) fn write(&mut self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        self.clock += 1_000_000;
        self.forget_unused();
        let inode = self.names.get(name).copied().unwrap_or_else(|| {
            // The lowest free number is used again, as file systems do.
            let inode = (1..=u64::MAX).find(|inode| !self.nodes.contains_key(inode)).unwrap();
            self.names.insert(name.to_owned(), inode);
            inode
        });
        let node = self.nodes.entry(inode).or_default();
        change(&mut node.0);
        node.1 = self.clock;
    }

    fn forget_unused(&mut self) {
        let names: BTreeSet<u64> = self.names.values().copied().collect();
        let open = &self.open;
        self.nodes
            .retain(|inode, _| names.contains(inode) || open.get(inode).is_some_and(|file| file.strong_count() > 0));
    }

    fn stat(&self, inode: u64) -> Stat {
        let (bytes, modified) = &self.nodes[&inode];
        Stat {
            device: 1,
            inode,
            size: bytes.len() as u64,
            modified: *modified,
        }
    }
}

#[derive(Clone, Default)]
pub(super) struct Sim(pub(super) Rc<RefCell<World>>);

impl Disk for Sim {
    type File = Rc<u64>;

    fn list(&mut self) -> Listing {
        let world = self.0.borrow();
        let wanted = |name: &str| !world.narrow || !is_rotated(name);
        let files = world
            .names
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, inode)| (name.clone(), world.stat(*inode)))
            .collect();
        let siblings = world
            .names
            .iter()
            .filter(|(name, _)| !wanted(name))
            .map(|(name, inode)| (name.clone(), world.stat(*inode)))
            .collect();
        Listing {
            files,
            siblings,
            problems: Vec::new(),
        }
    }

    fn open(&mut self, uri: &str) -> io::Result<Rc<u64>> {
        let mut world = self.0.borrow_mut();
        if world.locked.contains(uri) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let inode = *world.names.get(uri).ok_or(io::ErrorKind::NotFound)?;
        let file = world.open.get(&inode).and_then(Weak::upgrade).unwrap_or_else(|| Rc::new(inode));
        world.open.insert(inode, Rc::downgrade(&file));
        Ok(file)
    }

    fn stat(&mut self, file: &Rc<u64>) -> io::Result<Stat> {
        Ok(self.0.borrow().stat(**file))
    }

    fn read_at(&mut self, file: &Rc<u64>, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let world = self.0.borrow();
        let bytes = &world.nodes[file].0;
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        // Never more than 512 bytes at once: short reads are legal.
        let count = rest.len().min(buffer.len()).min(512);
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn stream(&mut self, file: &Rc<u64>) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.0.borrow().nodes[file].0.clone())))
    }
}

#[derive(Clone, Debug)]
enum Action {
    Append(usize, Write),
    Rename(usize, usize),
    Link(usize, usize),
    Delete(usize),
    Truncate(usize, u8),
    Regrow(usize, u8, u8),
    CopyTruncate(usize, usize),
    Lock(usize),
    Wait(u8),
    /// Looks, then takes at most so many blocks.
    Poll(u8),
    Settle,
    /// Only so many of the blocks handed out were committed.
    Restart(u8),
}

#[derive(Clone, Debug)]
enum Write {
    Line,
    LongLine,
    WindowsLine,
    Blank,
    Partial,
    CompleteWithoutNewline,
    Newline,
    Many(u8),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let name = 0..NAMES.len();
    let write = prop_oneof![
        4 => Just(Write::Line),
        1 => Just(Write::LongLine),
        1 => Just(Write::WindowsLine),
        1 => Just(Write::Blank),
        3 => Just(Write::Partial),
        3 => Just(Write::CompleteWithoutNewline),
        3 => Just(Write::Newline),
        2 => (2..60_u8).prop_map(Write::Many),
    ];
    let action = prop_oneof![
        12 => (name.clone(), write).prop_map(|(name, write)| Action::Append(name, write)),
        2 => (name.clone(), name.clone()).prop_map(|(from, to)| Action::Rename(from, to)),
        1 => (name.clone(), name.clone()).prop_map(|(from, to)| Action::Link(from, to)),
        1 => name.clone().prop_map(Action::Delete),
        1 => (name.clone(), any::<u8>()).prop_map(|(name, keep)| Action::Truncate(name, keep)),
        1 => (name.clone(), any::<u8>(), 0..40_u8).prop_map(|(name, keep, lines)| Action::Regrow(name, keep, lines)),
        2 => (name.clone(), name.clone()).prop_map(|(from, to)| Action::CopyTruncate(from, to)),
        1 => name.prop_map(Action::Lock),
        2 => (0..70_u8).prop_map(Action::Wait),
        6 => (0..6_u8).prop_map(Action::Poll),
        3 => Just(Action::Settle),
        2 => any::<u8>().prop_map(Action::Restart),
    ];
    prop::collection::vec(action, 1..50)
}

pub(super) fn rules(follow: bool, block_bytes: usize) -> Rules {
    Rules {
        follow,
        dialect: None,
        block_bytes,
        since: None,
        floors: Arc::default(),
    }
}

struct Model {
    world: Sim,
    tail: Tail<Sim>,
    block_bytes: usize,
    serial: u64,
    taken: Vec<Block>,
    /// Whether bytes were ever destroyed, or an inode used again.
    destroyed: bool,
}

impl Model {
    fn new(block_bytes: usize, narrow: bool) -> Self {
        let world = Sim::default();
        world.0.borrow_mut().narrow = narrow;
        let tail = Self::tail(&world, block_bytes, Vec::new());
        Self {
            world,
            tail,
            block_bytes,
            serial: 0,
            taken: Vec::new(),
            destroyed: false,
        }
    }

    fn tail(world: &Sim, block_bytes: usize, known: Vec<Resume>) -> Tail<Sim> {
        Tail::new(world.clone(), rules(true, block_bytes), known, 1)
    }

    fn now(&self) -> Nanos {
        self.world.0.borrow().clock
    }

    fn line(&mut self) -> String {
        self.serial += 1;
        format!("{{\"n\":{}}}", self.serial)
    }

    fn text(&mut self, write: &Write) -> String {
        match write {
            Write::Line => self.line() + "\n",
            Write::LongLine => format!("{}{}\n", "x".repeat(1_100), self.line()),
            Write::WindowsLine => self.line() + "\r\n",
            Write::Blank | Write::Newline => "\n".to_owned(),
            Write::Partial => {
                let line = self.line();
                line[..line.len() - 1].to_owned()
            }
            Write::CompleteWithoutNewline => self.line(),
            Write::Many(count) => (0..*count).map(|_| self.line() + "\n").collect(),
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Append(name, write) => {
                let text = self.text(write);
                self.world
                    .0
                    .borrow_mut()
                    .write(NAMES[*name], |bytes| bytes.extend_from_slice(text.as_bytes()));
            }
            Action::Rename(from, to) => {
                let mut world = self.world.0.borrow_mut();
                if let Some(inode) = world.names.remove(NAMES[*from]) {
                    self.destroyed |= world.names.insert(NAMES[*to].to_owned(), inode).is_some();
                }
            }
            Action::Link(from, to) => {
                let mut world = self.world.0.borrow_mut();
                if let Some(inode) = world.names.get(NAMES[*from]).copied() {
                    self.destroyed |= world.names.insert(NAMES[*to].to_owned(), inode).is_some();
                }
            }
            Action::Delete(name) => self.destroyed |= self.world.0.borrow_mut().names.remove(NAMES[*name]).is_some(),
            Action::Truncate(name, keep) => self.truncate(*name, *keep),
            Action::Regrow(name, keep, lines) => {
                self.truncate(*name, *keep);
                self.act(&Action::Append(*name, Write::Many(*lines)));
            }
            Action::CopyTruncate(from, to) => {
                let copied = {
                    let world = self.world.0.borrow();
                    world.names.get(NAMES[*from]).map(|inode| world.nodes[inode].0.clone())
                };
                if let Some(copied) = copied.filter(|_| from != to) {
                    self.destroyed = true;
                    self.world.0.borrow_mut().write(NAMES[*to], |bytes| *bytes = copied);
                    self.world.0.borrow_mut().write(NAMES[*from], Vec::clear);
                }
            }
            Action::Lock(name) => {
                let mut world = self.world.0.borrow_mut();
                if !world.locked.remove(NAMES[*name]) {
                    world.locked.insert(NAMES[*name].to_owned());
                }
            }
            Action::Wait(tenths) => self.world.0.borrow_mut().clock += Nanos::from(*tenths) * SECOND / 10,
            Action::Poll(blocks) => {
                self.poll();
                for _ in 0..*blocks {
                    self.take();
                }
            }
            Action::Settle => self.settle(),
            Action::Restart(committed) => self.restart(*committed),
        }
    }

    fn truncate(&mut self, name: usize, keep: u8) {
        if !self.world.0.borrow().names.contains_key(NAMES[name]) {
            return;
        }
        self.destroyed = true;
        self.world
            .0
            .borrow_mut()
            .write(NAMES[name], |bytes| bytes.truncate(bytes.len() * usize::from(keep) / 256));
    }

    fn poll(&mut self) {
        let now = self.now();
        self.tail.scan(now);
        self.tail.look(now);
    }

    /// Takes a block and checks that it says the truth.
    fn take(&mut self) -> bool {
        let now = self.now();
        let Some(block) = self.tail.next(now) else { return false };
        let world = self.world.0.borrow();
        let bytes = &world.nodes[&block.source.inode].0;
        let range = block.range();
        assert_eq!(
            bytes[range.start as usize..range.end as usize],
            block.bytes,
            "the bytes stand where the block says"
        );
        assert!(!block.bytes.is_empty());
        let behind_bare = range.start > 0 && bytes[range.start as usize - 1] != b'\n';
        let late_newline = block.bytes.starts_with(b"\n") || block.bytes.starts_with(b"\r\n");
        assert!(
            !(behind_bare && late_newline),
            "the late newline of a line already taken is no line"
        );
        assert_eq!(block.identity.anchor_end, range.end);
        let mine = self.taken.iter().filter(|other| is_same(other, &block));
        assert!(
            mine.clone()
                .all(|other| other.range().end <= range.start || range.end <= other.range().start),
            "nothing is handed out twice"
        );
        if block.source.generation > 0 {
            assert!(self.destroyed, "a generation began though nothing was destroyed");
        }
        drop(world);
        self.taken.push(block);
        true
    }

    fn settle(&mut self) {
        // What a copy holds may be known only once its original is seen to have changed.
        for _ in 0..2 {
            self.poll();
            while self.take() {}
        }
        // What looks at nothing new finds nothing new.
        self.poll();
        assert!(!self.take());
        self.check();
    }

    /// Every complete line of every file at hand was handed out.
    fn check(&mut self) {
        let world = self.world.0.borrow();
        for (name, inode) in &world.names {
            let wanted = !world.narrow || !name.contains('.');
            // What stands at the beginning of a file that is read too may be its copy under way.
            let bytes = &world.nodes[inode].0;
            let like = |held: &Held<_>| world.nodes[&held.stat.inode].0.starts_with(bytes) && held.stat.inode != *inode;
            let wanted = wanted && !(name.contains('.') && self.tail.held.iter().any(like));
            let readable = world.names.iter().any(|(other, of)| of == inode && !world.locked.contains(other));
            assert!(
                !wanted || !readable || world.locked.contains(name) || self.tail.is_held((1, *inode)),
                "{name} is read"
            );
        }
        for held in &self.tail.held {
            let bytes = &world.nodes[&held.stat.inode].0;
            // So a document begins: what it will be is not known yet.
            if bytes.trim_ascii() == b"{" {
                continue;
            }
            let mut covered: Vec<Range<u64>> = self
                .taken
                .iter()
                .filter(|block| block.source.id == held.info.id && block.source.generation == held.info.generation)
                .map(Block::range)
                .collect();
            covered.sort_by_key(|range| range.start);
            let last = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let mut at = 0;
            for range in &covered {
                let (start, end) = (range.start as usize, range.end as usize);
                check_gap(bytes, at, start);
                assert!(start == at || start == 0 || bytes[start - 1] == b'\n', "a block starts with a line");
                let ends_a_line = bytes[end - 1] == b'\n' || super::super::framing::is_complete(&bytes[start..end]) || end == bytes.len();
                let taken_bare = bytes[..end]
                    .rsplit(|byte| *byte == b'\n')
                    .next()
                    .is_some_and(|line| line.ends_with(b"}"));
                assert!(ends_a_line || taken_bare, "a block ends with a line");
                at = end;
            }
            check_gap(bytes, at, last.max(at));
        }
        let problems = self.tail.progress().problems;
        assert!(problems.iter().all(|(name, _)| world.locked.contains(name)), "{problems:?}");
    }

    fn restart(&mut self, committed: u8) {
        let keep = self.taken.len() * usize::from(committed) / 255;
        self.taken.truncate(keep);
        let mut known: BTreeMap<u32, Resume> = BTreeMap::new();
        for block in &self.taken {
            let fresh = Resume {
                info: (*block.source).clone(),
                identity: block.identity,
                covered: Vec::new(),
            };
            let resume = known.entry(block.source.id).or_insert_with(|| fresh.clone());
            if block.source.generation > resume.info.generation {
                *resume = fresh;
            }
            if block.source.generation == resume.info.generation {
                if block.identity.anchor_end > resume.identity.anchor_end {
                    resume.identity = block.identity;
                }
                resume.covered.push(block.range());
            }
        }
        for resume in known.values_mut() {
            resume.covered.sort_by_key(|range| range.start);
            let mut merged: Vec<Range<u64>> = Vec::new();
            for range in &resume.covered {
                match merged.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ => merged.push(range.clone()),
                }
            }
            resume.covered = merged;
        }
        self.tail = Self::tail(&self.world, self.block_bytes, known.into_values().collect());
    }
}

fn is_same(a: &Block, b: &Block) -> bool {
    (a.source.id, a.source.generation) == (b.source.id, b.source.generation)
}

/// Between two blocks there is nothing, or the newline of a line that was taken without it.
fn check_gap(bytes: &[u8], from: usize, to: usize) {
    let gap = &bytes[from..to];
    let stepped_over = from > 0 && bytes[from - 1] != b'\n' && (gap == b"\n" || gap == b"\r\n");
    assert!(
        gap.is_empty() || stepped_over,
        "lost {}..{}: {:?}",
        from,
        to,
        String::from_utf8_lossy(gap)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn every_line_once(actions in actions(), block_bytes in 1..200_usize, narrow: bool) {
        let mut model = Model::new(block_bytes, narrow);
        for action in &actions {
            model.act(action);
        }
        model.settle();
    }

    /// Only growth and rotation: all that was written is handed out, byte for byte.
    #[test]
    fn without_truncation_nothing_is_missing(actions in actions(), block_bytes in 1..200_usize) {
        let mut model = Model::new(block_bytes, false);
        let mut written: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        for action in &actions {
            let harmless = match action {
                Action::Append(..) | Action::Wait(_) | Action::Poll(_) | Action::Settle | Action::Restart(_) => true,
                Action::Rename(_, to) => !model.world.0.borrow().names.contains_key(NAMES[*to]),
                Action::Link(..) | Action::Delete(_) | Action::Truncate(..) | Action::Regrow(..) | Action::CopyTruncate(..) | Action::Lock(_) => false,
            };
            if harmless {
                model.act(action);
            }
        }
        // A newline after everything ends every line, and steps over none.
        for name in NAMES {
            if model.world.0.borrow().names.contains_key(name) {
                model.act(&Action::Append(NAMES.iter().position(|other| *other == name).unwrap(), Write::Partial));
                model.act(&Action::Append(NAMES.iter().position(|other| *other == name).unwrap(), Write::Newline));
            }
        }
        model.settle();
        for (inode, (bytes, _)) in &model.world.0.borrow().nodes {
            written.insert(*inode, bytes.clone());
        }
        for (inode, bytes) in written {
            let mut blocks: Vec<&Block> = model.taken.iter().filter(|block| block.source.inode == inode).collect();
            blocks.sort_by_key(|block| block.offset);
            prop_assert!(blocks.iter().all(|block| block.source.generation == 0));
            let read: Vec<u8> = blocks.iter().flat_map(|block| block.bytes.iter().copied()).collect();
            let mut expected = bytes.clone();
            // Take out the newlines that were stepped over: those in front of a block whose predecessor ends without one.
            for pair in blocks.windows(2).rev() {
                expected.drain(pair[0].range().end as usize..pair[1].offset as usize);
            }
            prop_assert_eq!(read, expected);
        }
    }
}

fn tail_over(world: &Sim, follow: bool, block_bytes: usize) -> Tail<Sim> {
    let mut tail = Tail::new(world.clone(), rules(follow, block_bytes), Vec::new(), 1);
    let now = world.0.borrow().clock;
    tail.scan(now);
    tail
}

fn append(world: &Sim, name: &str, text: &str) {
    world.0.borrow_mut().write(name, |bytes| bytes.extend_from_slice(text.as_bytes()));
}

fn texts(tail: &mut Tail<Sim>, now: Nanos) -> Vec<String> {
    std::iter::from_fn(|| tail.next(now))
        .map(|block| String::from_utf8(block.bytes).unwrap())
        .collect()
}

#[test]
fn history_comes_from_the_end_newest_file_first_and_new_lines_before_it() {
    let world = Sim::default();
    append(&world, "b", "b1\nb2\n");
    append(&world, "a", "a1\na2\na3\n");
    let mut tail = tail_over(&world, true, 3);
    let block = tail.next(7).unwrap();
    assert_eq!((block.bytes.as_slice(), block.offset, block.source.id), (b"a3\n".as_slice(), 6, 1));
    assert_eq!(block.fallback, (world.0.borrow().stat(2).modified, StartFrom::File));
    append(&world, "b", "b3\n");
    tail.look(8);
    let block = tail.next(9).unwrap();
    assert_eq!(
        (block.bytes.as_slice(), block.fallback),
        (b"b3\n".as_slice(), (9, StartFrom::Arrival))
    );
    let progress = tail.progress();
    assert_eq!((progress.history_done, progress.history_total), (3, 15));
    // Now `b` is the newest.
    assert_eq!(texts(&mut tail, 9), ["b2\n", "b1\n", "a2\n", "a1\n"]);
}

#[test]
fn what_began_like_a_document_may_turn_out_to_be_lines() {
    let world = Sim::default();
    append(&world, "a", "\n{\n");
    let mut tail = tail_over(&world, true, 1);
    assert!(texts(&mut tail, 0).is_empty(), "a document may begin so");
    append(&world, "a", "{\"n\":1}\n");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["{\"n\":1}\n", "{\n", "\n"], "from the end");
}

#[test]
fn an_unfinished_line_that_is_written_over_is_searched_again() {
    let world = Sim::default();
    let rest = "x".repeat(300);
    append(&world, "a", &rest);
    let mut tail = tail_over(&world, true, 100);
    assert!(texts(&mut tail, 0).is_empty());
    world
        .0
        .borrow_mut()
        .write("a", |bytes| *bytes = format!("{{\"n\":1}}\n{rest}").into_bytes());
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["{\"n\":1}\n"], "though it ends in the same bytes");
}

#[test]
fn an_unfinished_line_waits_and_is_taken_once_complete_and_still() {
    let world = Sim::default();
    append(&world, "a", "{\"n\":1}\n{\"n\":");
    let mut tail = tail_over(&world, true, 100);
    assert_eq!(texts(&mut tail, 0), ["{\"n\":1}\n"]);
    assert_eq!(tail.progress().pending, 5);
    append(&world, "a", "2}");
    tail.look(SECOND);
    assert!(tail.next(SECOND).is_none(), "it may still grow");
    tail.look(2 * SECOND);
    assert_eq!(texts(&mut tail, 2 * SECOND), ["{\"n\":2}"]);
    append(&world, "a", "\n{\"n\":3}\n");
    tail.look(3 * SECOND);
    let block = tail.next(3 * SECOND).unwrap();
    assert_eq!(
        (block.offset, block.bytes.as_slice()),
        (16, b"{\"n\":3}\n".as_slice()),
        "the late newline is no line"
    );
    assert_eq!(tail.progress().pending, 0);
}

#[test]
fn headless_takes_a_complete_last_line_at_once_and_leaves_half_a_line() {
    let world = Sim::default();
    append(&world, "a", "1\n{\"n\":2}");
    append(&world, "b", "1\n{\"n\":");
    let mut tail = tail_over(&world, false, 100);
    let mut found = texts(&mut tail, 0);
    found.sort();
    assert_eq!(found, ["1\n", "1\n", "{\"n\":2}"]);
    assert_eq!(tail.progress().pending, 5);
}

#[test]
fn numbers_are_given_in_the_order_of_names_and_kept() {
    let world = Sim::default();
    for name in ["b", "a.1", "a"] {
        append(&world, name, &format!("{name}\n"));
    }
    let tail = tail_over(&world, true, 100);
    let ids: Vec<(u32, &str)> = tail.held.iter().map(|held| (held.info.id, held.info.uri.as_str())).collect();
    assert_eq!(ids, [(1, "a"), (2, "a.1"), (3, "b")]);
    let known: Vec<Resume> = tail.held.iter().skip(1).map(Held::resume).collect();
    let mut again = Tail::new(world.clone(), rules(true, 100), known, 4);
    again.scan(0);
    let ids: Vec<(u32, &str)> = again.held.iter().map(|held| (held.info.id, held.info.uri.as_str())).collect();
    assert_eq!(ids, [(4, "a"), (2, "a.1"), (3, "b")]);
}

#[test]
fn an_ordered_source_is_read_forward_also_when_it_grows() {
    let world = Sim::default();
    append(&world, "a", "1\n2\n3\n");
    let mut info = tail_over(&world, true, 2).held[0].info.as_ref().clone();
    info.order = Order::Ordered;
    let known = vec![Resume {
        info,
        identity: crate::model::record::Identity {
            head_hash: xxhash_rust::xxh3::xxh3_64(b""),
            anchor_hash: xxhash_rust::xxh3::xxh3_64(b""),
            ..Default::default()
        },
        covered: Vec::new(),
    }];
    let mut tail = Tail::new(world.clone(), rules(true, 2), known, 2);
    tail.scan(0);
    assert_eq!(tail.next(0).unwrap().bytes, b"1\n");
    append(&world, "a", "4\n");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["2\n", "3\n", "4\n"]);
}

#[test]
fn a_file_without_a_name_is_read_to_its_end_and_let_go_when_still() {
    let world = Sim::default();
    append(&world, "a", "1\n");
    let mut tail = tail_over(&world, true, 100);
    world.0.borrow_mut().names.clear();
    tail.scan(SECOND);
    tail.look(7 * SECOND);
    assert_eq!(tail.progress().inputs, 1, "there is something left to read");
    assert_eq!(texts(&mut tail, 7 * SECOND), ["1\n"]);
    tail.look(8 * SECOND);
    assert_eq!(tail.progress().inputs, 0);
    assert!(
        tail.known.iter().any(|resume| resume.covered.iter().eq(std::iter::once(&(0..2)))),
        "it would be known again"
    );
}

#[test]
fn a_copy_is_read_when_its_original_is_truncated_before_it_was() {
    let world = Sim::default();
    let lines: String = (0..9).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    append(&world, "a", &lines);
    let mut tail = tail_over(&world, true, 16);
    tail.scan(0);
    let mut seen = vec![String::from_utf8(tail.next(0).unwrap().bytes).unwrap()];
    world.0.borrow_mut().write("a.1", |bytes| lines.as_bytes().clone_into(bytes));
    tail.scan(1);
    world.0.borrow_mut().write("a", Vec::clear);
    tail.look(2);
    tail.scan(3);
    seen.extend(texts(&mut tail, 3));
    seen.sort();
    assert_eq!(seen.concat(), lines);
}

#[test]
fn a_copy_that_is_cut_and_its_original_that_was_are_two_generations() {
    let world = Sim::default();
    let lines: String = (0..9).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    append(&world, "a", &lines);
    let mut tail = tail_over(&world, true, 1_000);
    assert_eq!(texts(&mut tail, 0), [lines.as_str()]);
    world.0.borrow_mut().write("a.1", |bytes| lines.as_bytes().clone_into(bytes));
    world.0.borrow_mut().write("a", |bytes| b"second\n".as_slice().clone_into(bytes));
    tail.look(1);
    tail.scan(1);
    assert_eq!(texts(&mut tail, 1), ["second\n"], "the copy was read before it was one");
    world.0.borrow_mut().write("a.1", |bytes| b"third\n".as_slice().clone_into(bytes));
    tail.look(2);
    let block = tail.next(2).unwrap();
    assert_eq!(
        (block.bytes.as_slice(), block.source.id, block.source.generation),
        (b"third\n".as_slice(), 1, 2)
    );
}

#[test]
fn history_before_the_floor_is_left_alone_and_read_by_a_run_that_wants_it() {
    let world = Sim::default();
    append(&world, "a", "1\n2\n3\n4\n");
    let floors = Arc::<Floors>::default();
    let mut tail = Tail::new(
        world.clone(),
        Rules {
            floors: Arc::clone(&floors),
            ..rules(true, 2)
        },
        Vec::new(),
        1,
    );
    tail.scan(0);
    let block = tail.next(0).unwrap();
    assert_eq!(block.bytes, b"4\n");
    floors.raise((1, 0), 4);
    assert_eq!(texts(&mut tail, 0), ["3\n"]);
    assert_eq!((tail.progress().history_done, tail.progress().history_total), (4, 4));
    append(&world, "a", "5\n");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["5\n"]);
    let resume = tail.held[0].resume();
    assert_eq!(resume.covered, [4..10]);
    let mut tail = Tail::new(world.clone(), rules(true, 2), vec![resume], 1);
    tail.scan(2);
    assert_eq!(texts(&mut tail, 2), ["2\n", "1\n"]);
}

#[test]
fn a_late_newline_is_no_line_also_when_something_stood_there_meanwhile() {
    let world = Sim::default();
    append(&world, "a", "{\"n\":1}");
    let mut tail = tail_over(&world, true, 10);
    assert_eq!(texts(&mut tail, 10 * SECOND), ["{\"n\":1}"]);
    append(&world, "a", "half");
    tail.look(11 * SECOND);
    assert_eq!(texts(&mut tail, 11 * SECOND), [""; 0]);
    world.0.borrow_mut().write("a", |bytes| bytes.truncate(7));
    append(&world, "a", "\nnext\n");
    tail.look(12 * SECOND);
    assert_eq!(texts(&mut tail, 12 * SECOND), ["next\n"]);
}

#[test]
fn an_unfinished_line_that_was_rewritten_is_searched_again() {
    let world = Sim::default();
    append(&world, "a", "1\nunfinished");
    let mut tail = tail_over(&world, true, 100);
    assert_eq!(texts(&mut tail, 0), ["1\n"]);
    world.0.borrow_mut().write("a", |bytes| bytes.truncate(3));
    append(&world, "a", "\nanother unfinished one");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1), ["u\n"], "the newline stands where none was before");
}

#[test]
fn the_history_of_files_not_written_since_is_left_alone() {
    let world = Sim::default();
    append(&world, "a", "old\n");
    world.0.borrow_mut().clock = 100 * SECOND;
    append(&world, "b", "young\n");
    let mut tail = Tail::new(
        world.clone(),
        Rules {
            since: Some(50 * SECOND),
            ..rules(true, 100)
        },
        Vec::new(),
        1,
    );
    tail.scan(100 * SECOND);
    assert_eq!(texts(&mut tail, 100 * SECOND), ["young\n"]);
    assert_eq!(tail.progress().history_total, 6);
    append(&world, "a", "new\n");
    tail.look(101 * SECOND);
    assert_eq!(texts(&mut tail, 101 * SECOND), ["new\n", "old\n"], "now it was written since");
}

#[test]
fn a_number_used_again_is_not_taken_for_a_file_that_is_read_under_another() {
    let world = Sim::default();
    let line = format!("{}\n", "x".repeat(1_100));
    append(&world, "b", &line);
    let mut tail = tail_over(&world, true, 100);
    // Copied and cut before it could be read: the copy is read in its place.
    append(&world, "b.1", &line);
    world.0.borrow_mut().write("b", Vec::clear);
    world.0.borrow_mut().names.remove("b");
    let at = |tail: &mut Tail<Sim>, now: Nanos| {
        tail.scan(now);
        tail.look(now);
        std::iter::from_fn(|| tail.next(now))
            .map(|block| (block.source.id, block.source.generation))
            .collect::<Vec<_>>()
    };
    assert_eq!(at(&mut tail, SECOND), [(1, 0)]);
    assert!(at(&mut tail, 60 * SECOND).is_empty(), "the first file is let go");
    append(&world, "a", &line);
    assert_eq!(world.0.borrow().names["a"], 1, "its number is used again");
    assert_eq!(at(&mut tail, 61 * SECOND), [(2, 0)], "what stands there now was never read");
}

/// What a writer wrote up to now, with pauses, and a reader who looks, takes some blocks, or starts again where it committed.
fn read_while_written(text: &str, block_bytes: usize, steps: &[(usize, u8)]) -> Vec<Block> {
    let mut model = Model::new(block_bytes, false);
    let mut rest = text;
    let mut generations = BTreeSet::new();
    for (length, what) in steps.iter().cycle().take(steps.len().max(1) * 40) {
        let mut cut = (*length).min(rest.len());
        while !rest.is_char_boundary(cut) {
            cut += 1;
        }
        let (now, later) = rest.split_at(cut);
        append(&model.world, "a", now);
        rest = later;
        match what % 6 {
            0 => model.restart(255),
            1 => model.world.0.borrow_mut().clock += 2 * SECOND,
            2 => model.restart(what.wrapping_mul(37)),
            _ => {}
        }
        model.poll();
        for _ in 0..what % 4 {
            model.take();
        }
    }
    append(&model.world, "a", rest);
    model.world.0.borrow_mut().clock += 2 * SECOND;
    for _ in 0..2 {
        model.poll();
        while model.take() {}
        model.world.0.borrow_mut().clock += 2 * SECOND;
    }
    model.taken.sort_by_key(|block| block.offset);
    generations.extend(model.taken.iter().map(|block| block.source.generation));
    assert!(generations.len() <= 1, "nothing was destroyed");
    model.taken
}

fn records(block: &Block) -> Vec<String> {
    use crate::model::framing::{Documents, Mark};
    let (mut begins, mut found) = (0, Vec::new());
    let mut scan = Documents::at(block.offset);
    scan.pass(&block.bytes, |mark| match mark {
        Mark::Begin(at) => begins = (at - block.offset) as usize,
        Mark::End(at) => found.push(String::from_utf8_lossy(&block.bytes[begins..(at - block.offset) as usize]).into_owned()),
        Mark::Line(_) | Mark::Comma(_) => {}
    });
    assert!(scan.is_between(), "no record is parted");
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// However a document comes, each of its records is handed out once, whole.
    #[test]
    fn records_of_documents_are_handed_out_once(count in 1..12_usize, array: bool, lines: bool, block_bytes in 1..90_usize,
        steps in prop::collection::vec((0..60_usize, any::<u8>()), 1..8)) {
        let written: Vec<String> = (0..count).map(|n| format!("{{\n  \"n\": {n},\n  \"a\": [\n    {{\n      \"b\": \"}}\"\n    }}\n  ]\n}}")).collect();
        let text = match (array, lines) {
            (true, true) => format!("[\n{}\n]\n", written.join(",\n")),
            (true, false) => format!("[{}]", written.join(",")),
            (false, true) => written.join("\n") + "\n",
            (false, false) => written.join("\n"),
        };
        let blocks = read_while_written(&text, block_bytes, &steps);
        prop_assert_eq!(blocks.iter().flat_map(records).collect::<Vec<_>>(), written);
        for pair in blocks.windows(2) {
            check_gap(text.as_bytes(), pair[0].range().end as usize, pair[1].offset as usize);
        }
    }

    /// No block parts a line that a container runtime wrote in pieces, also read from the end.
    #[test]
    fn pieces_of_a_line_stay_together(lines in prop::collection::vec((0..4_usize, any::<bool>(), any::<bool>()), 1..20), block_bytes in 1..400_usize,
        steps in prop::collection::vec((0..200_usize, any::<u8>()), 1..8)) {
        use crate::model::framing::Open;
        let mut text = String::new();
        for (pieces, stream, between) in lines {
            let stream = if stream { "stdout" } else { "stderr" };
            for piece in 0..pieces {
                text += &format!("2026-11-22T15:04:05Z {stream} P piece {piece}\n");
                if between {
                    text += "2026-11-22T15:04:05Z other F x\n";
                }
            }
            text += &format!("2026-11-22T15:04:05Z {stream} F end\n");
        }
        for block in read_while_written(&text, block_bytes, &steps) {
            let mut open = Open::default();
            block.bytes.split(|byte| *byte == b'\n').for_each(|line| open.pass(block.framing, line));
            prop_assert!(open.is_none(), "{}", String::from_utf8_lossy(&block.bytes));
        }
    }
}

#[test]
fn a_document_whose_end_is_missing_waits() {
    let world = Sim::default();
    append(&world, "a", "[\n  {\n    \"n\": 1\n  },\n  {\n    \"n\": ");
    let mut tail = tail_over(&world, false, 100);
    assert_eq!(texts(&mut tail, 0), ["[\n  {\n    \"n\": 1\n  },\n"]);
    assert_eq!(tail.progress().pending, 13);
    append(&world, "a", "2\n  }\n]");
    tail.look(1);
    assert_eq!(texts(&mut tail, 1).concat(), "  {\n    \"n\": 2\n  }\n]");
    assert_eq!(tail.held[0].info.order, Order::Ordered);
}

//! What holds whatever is written, renamed, cut and started again: every line once, in its place.

use std::collections::BTreeMap;
use std::ops::Range;

use proptest::prelude::*;

use super::super::*;
use super::{SECOND, Sim, rules};

const NAMES: [&str; 4] = ["a", "a.1", "b", "b.1"];

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

pub(super) struct Model {
    pub(super) world: Sim,
    tail: Tail<Sim>,
    block_bytes: usize,
    serial: u64,
    pub(super) taken: Vec<Block>,
    /// Whether bytes were ever destroyed, or an inode used again.
    destroyed: bool,
}

impl Model {
    pub(super) fn new(block_bytes: usize, narrow: bool) -> Self {
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

    pub(super) fn poll(&mut self) {
        let now = self.now();
        self.tail.scan(now);
        self.tail.look(now);
    }

    /// Takes a block and checks that it says the truth.
    pub(super) fn take(&mut self) -> bool {
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
                let ends_a_line =
                    bytes[end - 1] == b'\n' || super::super::super::framing::is_complete(&bytes[start..end]) || end == bytes.len();
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

    pub(super) fn restart(&mut self, committed: u8) {
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
pub(super) fn check_gap(bytes: &[u8], from: usize, to: usize) {
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

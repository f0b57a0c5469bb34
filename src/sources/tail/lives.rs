//! The law of rotated logs: written, renamed, copied and cut, compressed, with looks between any two steps of it and restarts anywhere,
//! every line is handed out once. Rotation here destroys nothing that it did not keep a copy of.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::Range;

use proptest::prelude::*;

use super::tests::{Sim, rules};
use super::*;

const LOG: &str = "logs/app.jsonl";

#[derive(Clone, Debug)]
enum Action {
    Append(u8),
    Half,
    Rename,
    /// With looks after: half the copy, the whole copy.
    CopyTruncate([Option<u8>; 2]),
    /// With looks after: the empty file, half of it, all of it.
    Compress([Option<u8>; 3]),
    /// Whoever compressed was killed half-way: both files stay.
    CompressHalf(Option<u8>),
    /// What was read before is all that goes.
    Truncate,
    Wait(u8),
    /// Looks, then takes at most so many blocks.
    Poll(u8),
    Settle,
    /// Only so many of the blocks handed out were committed.
    Restart(u8),
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let look = || prop::option::of(0..4_u8);
    let action = prop_oneof![
        6 => (1..12_u8).prop_map(Action::Append),
        1 => Just(Action::Half),
        3 => Just(Action::Rename),
        2 => [look(), look()].prop_map(Action::CopyTruncate),
        2 => [look(), look(), look()].prop_map(Action::Compress),
        1 => look().prop_map(Action::CompressHalf),
        1 => Just(Action::Truncate),
        1 => (0..70_u8).prop_map(Action::Wait),
        3 => (0..6_u8).prop_map(Action::Poll),
        1 => Just(Action::Settle),
        2 => any::<u8>().prop_map(Action::Restart),
    ];
    prop::collection::vec(action, 1..40)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

struct Life {
    world: Sim,
    tail: Tail<Sim>,
    block_bytes: usize,
    written: Vec<String>,
    /// The rest of a line of which the first half stands in the log.
    half: Option<String>,
    taken: Vec<Block>,
    /// So many blocks are committed for certain.
    committed: usize,
}

impl Life {
    fn begin(block_bytes: usize, narrow: bool) -> Self {
        let world = Sim::default();
        world.0.borrow_mut().narrow = narrow;
        let tail = Tail::new(world.clone(), rules(true, block_bytes), Vec::new(), 1);
        let mut life = Self {
            world,
            tail,
            block_bytes,
            written: Vec::new(),
            half: None,
            taken: Vec::new(),
            committed: 0,
        };
        // What was rotated away before a file named by itself was first read is not asked for.
        life.act(&Action::Append(1));
        life.act(&Action::Settle);
        life.committed = life.taken.len();
        life
    }

    fn line(&mut self) -> String {
        let line = format!(
            "{{\"serial\":{:08},\"text\":\"as long as chance is not enough\"}}",
            self.written.len()
        );
        self.written.push(line.clone());
        line + "\n"
    }

    fn append_text(&self, text: &str) {
        self.world
            .0
            .borrow_mut()
            .write(LOG, |bytes| bytes.extend_from_slice(text.as_bytes()));
    }

    /// A line is not split over two files.
    fn finish_line(&mut self) {
        if let Some(rest) = self.half.take() {
            self.append_text(&rest);
        }
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        let world = self.world.0.borrow();
        world.nodes[&world.names[name]].0.clone()
    }

    fn write(&self, name: &str, new: &[u8]) {
        self.world.0.borrow_mut().write(name, |bytes| new.clone_into(bytes));
    }

    fn rename(&self, from: &str, to: &str) {
        let mut world = self.world.0.borrow_mut();
        if let Some(inode) = world.names.remove(from) {
            world.names.insert(to.to_owned(), inode);
        }
    }

    fn shift(&self) {
        for number in (1..50).rev() {
            for end in ["", ".gz"] {
                self.rename(&format!("{LOG}.{number}{end}"), &format!("{LOG}.{}{end}", number + 1));
            }
        }
    }

    /// The plain file that is compressed next.
    fn oldest(&self) -> Option<String> {
        let names = (1..=50).rev().map(|number| format!("{LOG}.{number}"));
        names.into_iter().find(|name| self.world.0.borrow().names.contains_key(name))
    }

    fn poll(&mut self, blocks: Option<u8>) {
        let Some(blocks) = blocks else { return };
        self.look();
        for _ in 0..blocks {
            self.take();
        }
    }

    fn look(&mut self) {
        let now = self.now();
        self.tail.scan(now);
        self.tail.look(now);
    }

    fn now(&self) -> Nanos {
        self.world.0.borrow().clock
    }

    fn take(&mut self) -> bool {
        let now = self.now();
        let block = self.tail.next(now);
        let more = block.is_some() || self.tail.is_busy();
        self.taken.extend(block);
        more
    }

    fn settle(&mut self) {
        for _ in 0..2 {
            self.look();
            while self.take() {}
        }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Append(lines) => {
                let mut text = self.half.take().unwrap_or_default();
                for _ in 0..lines {
                    text.push_str(&self.line());
                }
                self.append_text(&text);
            }
            Action::Half if self.half.is_none() => {
                let mut line = self.line();
                let rest = line.split_off(30);
                self.append_text(&line);
                self.half = Some(rest);
            }
            Action::Half => {}
            Action::Rename => {
                self.finish_line();
                self.shift();
                self.rename(LOG, &format!("{LOG}.1"));
                self.write(LOG, b"");
            }
            Action::CopyTruncate([half, whole]) => {
                self.finish_line();
                self.shift();
                let (copy, bytes) = (format!("{LOG}.1"), self.bytes(LOG));
                // Nobody copies a few bytes at a time.
                self.write(&copy, &bytes[..(bytes.len() / 2).max(LEAST as usize).min(bytes.len())]);
                self.poll(half);
                self.write(&copy, &bytes);
                self.poll(whole);
                self.write(LOG, b"");
            }
            Action::Compress([empty, half, whole]) => {
                let Some(plain) = self.oldest() else { return };
                let packed = format!("{plain}.gz");
                let bytes = gzip(&self.bytes(&plain));
                self.write(&packed, b"");
                self.poll(empty);
                self.write(&packed, &bytes[..bytes.len() / 2]);
                self.poll(half);
                self.write(&packed, &bytes);
                self.poll(whole);
                self.world.0.borrow_mut().names.remove(&plain);
            }
            Action::CompressHalf(look) => {
                let Some(plain) = self.oldest() else { return };
                let bytes = gzip(&self.bytes(&plain));
                self.write(&format!("{plain}.gz"), &bytes[..bytes.len() / 2]);
                self.poll(look);
            }
            Action::Wait(tenths) => self.world.0.borrow_mut().clock += Nanos::from(tenths) * 100_000_000,
            Action::Truncate => {
                self.finish_line();
                self.settle();
                self.committed = self.taken.len();
                self.write(LOG, b"");
            }
            Action::Poll(blocks) => self.poll(Some(blocks)),
            Action::Settle => self.settle(),
            Action::Restart(committed) => self.restart(committed, true),
        }
    }

    /// As the store tells it: every generation, what is covered of it, and what recognises it.
    fn restart(&mut self, committed: u8, follow: bool) {
        self.taken
            .truncate(self.committed.max(self.taken.len() * usize::from(committed) / 255));
        let mut known: BTreeMap<(u32, u32), Resume> = BTreeMap::new();
        for block in &self.taken {
            let resume = known.entry((block.source.id, block.source.generation)).or_insert_with(|| Resume {
                info: (*block.source).clone(),
                identity: block.identity,
                covered: Vec::new(),
            });
            if block.identity.anchor_end > resume.identity.anchor_end {
                resume.identity = block.identity;
            }
            resume.covered.push(block.range());
        }
        for resume in known.values_mut() {
            resume.covered.sort_by_key(|range| range.start);
            resume.covered = resume
                .covered
                .iter()
                .cloned()
                .fold(Vec::new(), |mut merged: Vec<Range<u64>>, range| {
                    match merged.last_mut() {
                        Some(last) if last.end == range.start => last.end = range.end,
                        _ => merged.push(range),
                    }
                    merged
                });
        }
        self.tail = Tail::new(
            self.world.clone(),
            rules(follow, self.block_bytes),
            known.into_values().collect(),
            1,
        );
    }

    /// By following on, or by a run that reads to the end of every file, after so much was committed.
    fn check(&mut self, committed: Option<u8>) {
        self.finish_line();
        // Whoever compressed is no longer at it.
        if let Some(committed) = committed {
            self.act(&Action::Wait(100));
            self.restart(committed, false);
            let now = self.now();
            self.tail.scan(now);
            while self.take() {}
        } else {
            self.settle();
            self.act(&Action::Wait(100));
            self.settle();
        }
        let mut seen: BTreeMap<&str, usize> = self.written.iter().map(|line| (line.as_str(), 0)).collect();
        for line in self
            .taken
            .iter()
            .flat_map(|block| std::str::from_utf8(&block.bytes).unwrap().lines())
        {
            *seen.get_mut(line).unwrap_or_else(|| panic!("{line} was never written")) += 1;
        }
        let wrong: Vec<_> = seen.into_iter().filter(|(_, count)| *count != 1).collect();
        assert!(wrong.is_empty(), "handed out so many times: {wrong:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn every_line_of_a_rotated_log_once(actions in actions(), block_bytes in 1..2_000_usize, narrow: bool, headless: Option<u8>) {
        let mut life = Life::begin(block_bytes, narrow);
        for action in &actions {
            life.act(action);
        }
        life.check(headless);
    }
}

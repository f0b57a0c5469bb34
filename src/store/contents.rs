//! Contents once: a bounded memory of bodies seen lately, and the sequential ids they got.
//!
//! Bounded means that a body may be stored twice; every query tolerates that. Sequential means that the contents of one trace lie
//! close together, which makes fetching them a matter of a few row groups.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use duckdb::arrow::array::AsArray;
use duckdb::arrow::datatypes::UInt64Type;
use duckdb::{Connection, Result};

use crate::model::span::TraceKey;

/// Bodies remembered in each of the two halves: about 16 MB together.
pub(super) const BODIES: usize = 229_000;
/// As many of what is met far less often, in a quarter of that.
pub(super) const SHAPES: usize = 57_000;

/// Hash of a body → id, forgetting the half that was not asked for longest.
#[derive(Debug)]
pub(super) struct Bodies {
    young: HashMap<u128, u64, AlreadyHashed>,
    old: HashMap<u128, u64, AlreadyHashed>,
    next: u64,
    /// How many each half remembers.
    half: usize,
}

impl Bodies {
    pub(super) fn new(next: u64, half: usize) -> Self {
        Self {
            half,
            young: HashMap::default(),
            old: HashMap::default(),
            next,
        }
    }

    /// The id of the body with this hash, and whether it is new and must be stored.
    pub(super) fn id(&mut self, key: u128) -> (u64, bool) {
        if let Some(id) = self.young.get(&key) {
            return (*id, false);
        }
        let known = self.old.get(&key).copied();
        let id = known.unwrap_or(self.next);
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, id);
        if known.is_none() {
            self.next += 1;
        }
        (id, known.is_none())
    }

    /// Forgets those whose ids do not pass. No id is given twice.
    pub(super) fn retain(&mut self, mut passes: impl FnMut(u64) -> bool) {
        for half in [&mut self.young, &mut self.old] {
            half.retain(|_, id| passes(*id));
        }
    }
}

/// A set of ids, which are counted up: a bit for each.
#[derive(Default)]
pub(super) struct Ids(Vec<u64>);

impl Ids {
    /// Those that a question's one column answers.
    pub(super) fn read(connection: &Connection, sql: &str) -> Result<Self> {
        let mut ids = Self::default();
        let mut statement = connection.prepare(sql)?;
        for batch in statement.stream_arrow([])? {
            let batch = batch?;
            batch
                .column(0)
                .as_primitive::<UInt64Type>()
                .values()
                .iter()
                .for_each(|id| ids.insert(*id));
        }
        Ok(ids)
    }

    fn insert(&mut self, id: u64) {
        let at = (id / 64) as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (id % 64);
    }

    pub(super) fn has(&self, id: u64) -> bool {
        self.0.get((id / 64) as usize).is_some_and(|bits| bits >> (id % 64) & 1 == 1)
    }
}

/// Keys that are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }
    fn write_u64(&mut self, value: u64) {
        self.0 ^= value;
    }
    fn write_u128(&mut self, value: u128) {
        self.0 ^= value as u64;
    }
}

/// Hashes nothing twice.
pub(super) type AlreadyHashed = BuildHasherDefault<Taken>;
/// A set of traces.
pub(super) type TraceSet = HashSet<TraceKey, AlreadyHashed>;

/// Which traces are surely new: a Bloom filter of 8 MiB. A wrong "maybe" costs a query, nothing else.
#[derive(Debug)]
pub(super) struct Seen {
    bits: Vec<u64>,
}

impl Seen {
    const BITS: u64 = 1 << 26;

    pub(super) fn new() -> Self {
        Self {
            bits: vec![0; (Self::BITS / 64) as usize],
        }
    }

    /// Four places from one key, which is a hash already.
    fn places(trace: TraceKey) -> [u64; 4] {
        let step = (trace.0 >> 32) | 1;
        [0, 1, 2, 3].map(|n: u64| trace.0.wrapping_add(step.wrapping_mul(n).wrapping_mul(0x9e37_79b9)) % Self::BITS)
    }

    pub(super) fn insert(&mut self, trace: TraceKey) {
        for place in Self::places(trace) {
            self.bits[(place / 64) as usize] |= 1 << (place % 64);
        }
    }

    pub(super) fn maybe(&self, trace: TraceKey) -> bool {
        Self::places(trace)
            .iter()
            .all(|place| self.bits[(place / 64) as usize] >> (place % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bodies_share_an_id() {
        let mut bodies = Bodies::new(7, BODIES);
        assert_eq!(bodies.id(1), (7, true));
        assert_eq!(bodies.id(2), (8, true));
        assert_eq!(bodies.id(1), (7, false));
        bodies.retain(|id| id != 8);
        assert_eq!(bodies.id(2), (9, true));
        assert_eq!(bodies.id(1), (7, false));
    }

    #[test]
    fn seen_traces_are_never_called_new() {
        let mut seen = Seen::new();
        let keys: Vec<TraceKey> = (0..1000u64)
            .map(|n| TraceKey(xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes())))
            .collect();
        keys.iter().for_each(|key| seen.insert(*key));
        assert!(keys.iter().all(|key| seen.maybe(*key)));
        let wrong = (1000..11_000u64)
            .filter(|n| seen.maybe(TraceKey(xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()))))
            .count();
        assert!(wrong < 10, "{wrong} of 10,000 unknown traces looked known");
    }
}

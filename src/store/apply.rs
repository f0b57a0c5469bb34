//! One transaction: facts, coverage, and what follows from them for the traces they touch. All of it or nothing.

use std::collections::HashMap;

use duckdb::{Connection, Result, params};

use super::columns::{self, InteractionRow, PartRow, ShapeRow};
use super::contents::{AlreadyHashed, Bodies, TraceSet};
use super::coverage::{Coverage, Covered};
use super::intake::{Body, Derived, Packed, Spend};
use super::recent::Recent;
use super::rows::{read_part, write_places};
use super::shape;
use crate::model::content::Slot;
use crate::model::filter::Step;
use crate::model::record::{Other, Reject};
use crate::model::span::{Nanos, Origin, Part, TraceKey};
use crate::pricing::Prices;

/// A batch whose contents have got their ids. It survives a failed transaction and can be applied again.
pub(super) struct Prepared {
    pub(super) packed: Packed,
    /// The content id of each body of the batch.
    ids: Vec<u64>,
    /// The bodies that are not stored yet.
    bodies: Vec<(u64, Body)>,
    /// About what it holds in memory, in bytes.
    pub(super) held: u64,
    /// Its facts are in the transaction that is open.
    pub(super) appended: bool,
}

/// A part with its texts, its places, and as good as always its own row of `interaction`.
const PART_BYTES: usize = 3 << 10;

impl Prepared {
    pub(super) fn new(mut packed: Packed, known: &mut Bodies) -> Self {
        let mut ids = Vec::with_capacity(packed.bodies.len());
        let mut bodies = Vec::new();
        for body in std::mem::take(&mut packed.bodies) {
            let (id, new) = known.id(body.hash);
            ids.push(id);
            if new {
                bodies.push((id, body));
            }
        }
        let texts = bodies.iter().map(|(_, body)| body.text.len()).sum::<usize>();
        let rest = packed.others.iter().map(|other| other.text.len()).sum::<usize>();
        let rest = rest + packed.rejects.iter().map(|reject| reject.bytes.len()).sum::<usize>();
        let held = (texts + rest + packed.parts.len() * PART_BYTES) as u64;
        Self {
            packed,
            ids,
            bodies,
            held,
            appended: false,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.packed.range.end - self.packed.range.start
    }

    /// Whether the record stands in its bytes.
    fn holds(&self, origin: &Origin) -> bool {
        let (source, range) = (&self.packed.source, &self.packed.range);
        (source.id, source.generation) == (origin.source, origin.generation) && range.contains(&origin.offset)
    }

    fn part_rows(&self) -> impl Iterator<Item = PartRow<'_>> {
        let list = |places: &[(Slot, u32)]| write_places(places.iter().map(|(slot, index)| (*slot, self.ids[*index as usize])));
        self.packed
            .parts
            .iter()
            .zip(&self.packed.places)
            .map(move |(part, places)| (part, list(places)))
    }

    fn uses(&self) -> impl Iterator<Item = (u64, u64)> {
        self.packed.uses.iter().map(|(index, trace)| (self.ids[*index as usize], trace.0))
    }
}

/// What a transaction changed.
pub(super) struct Change {
    pub(super) traces: Vec<TraceKey>,
    /// Traces that were not there before.
    pub(super) new: u64,
    /// Rows of `interaction` and `spend` that changed begin within these, which are ascending and apart.
    pub(super) times: Vec<(Nanos, Nanos)>,
    /// Rows of shapes that were written.
    pub(super) shape_rows: u64,
    /// What is now covered of the sources that were written.
    pub(super) coverage: Coverage,
}

/// How many of the touched traces are stored already, and the time that their parts span.
#[derive(Clone, Copy)]
struct Stored {
    count: u64,
    first: Nanos,
    last: Nanos,
}

impl Stored {
    fn of(parts: &[Part]) -> Option<Self> {
        // A span may have got its beginning from another's end.
        let first = parts
            .iter()
            .map(|part| part.end.map_or(part.start, |end| end.min(part.start)))
            .min()?;
        Some(Self {
            count: 1,
            first,
            last: parts.iter().map(|part| part.start).max()?,
        })
    }

    fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

/// Writes the facts of one batch into the transaction that is open, or opens one. Appending a large transaction piece by piece leaves the
/// parsing threads something to do meanwhile; the batch is kept until the commit, in case that it fails.
pub(super) fn append_ahead(connection: &Connection, batch: &mut Prepared, open: bool) -> Result<()> {
    if !open {
        connection.execute_batch("BEGIN TRANSACTION")?;
    }
    append_facts(connection, &[batch])?;
    batch.appended = true;
    Ok(())
}

/// What the writer knows of the store without asking.
pub(super) struct Known<'a> {
    /// The traces of this transaction that may be stored.
    pub(super) maybe: &'a TraceSet,
    /// Traces whose parts are known.
    pub(super) recent: &'a Recent,
    pub(super) coverage: &'a Coverage,
}

/// Writes everything that waits, and derives anew the traces it touches and those of `stale`. `changing` is told when rows are about to change
/// that begin in these times. After an error what `shapes` knows may not be stored.
pub(super) fn apply(
    connection: &Connection,
    prices: &Prices,
    waiting: &[Prepared],
    stale: &[TraceKey],
    known: &Known<'_>,
    shapes: &mut Bodies,
    changing: &dyn Fn(&[(Nanos, Nanos)]),
) -> Result<Change> {
    // What a batch derived stands, unless the trace has parts elsewhere too.
    let mut whole: HashMap<TraceKey, Option<&Derived>, AlreadyHashed> = HashMap::default();
    for derived in waiting.iter().flat_map(|batch| &batch.packed.derived) {
        let trace = derived.row.trace;
        let alone = !known.maybe.contains(&trace);
        whole
            .entry(trace)
            .and_modify(|other| *other = None)
            .or_insert(alone.then_some(derived));
    }
    whole.extend(stale.iter().map(|trace| (*trace, None)));
    let mut groups: HashMap<TraceKey, Vec<Part>, AlreadyHashed> = HashMap::default();
    groups.extend(
        whole
            .iter()
            .filter(|(_, derived)| derived.is_none())
            .map(|(trace, _)| (*trace, Vec::new())),
    );
    if !groups.is_empty() {
        for part in waiting.iter().flat_map(|batch| &batch.packed.parts) {
            if let Some(parts) = groups.get_mut(&part.trace) {
                parts.push(part.clone());
            }
        }
    }
    let candidates: Vec<TraceKey> = groups.keys().copied().filter(|trace| known.maybe.contains(trace)).collect();
    let open = waiting.iter().any(|batch| batch.appended);
    let waits = |origin: &Origin| open && waiting.iter().any(|batch| batch.appended && batch.holds(origin));
    let stored = stored(connection, &candidates, known.recent, &mut groups, &waits)?;
    let before = stored.as_ref().map_or(0, |stored| stored.count);
    let anew: Vec<Derived> = groups
        .into_values()
        .filter(|parts| !parts.is_empty())
        .map(|parts| Derived::of(parts, prices))
        .collect();
    let mut derived: Vec<&Derived> = whole.into_values().flatten().chain(&anew).collect();
    let new = (derived.len() as u64).saturating_sub(before);
    // Neighbours in time lie together on disk: zone maps of `start` then skip most of the table.
    derived.sort_unstable_by_key(|derived| (derived.row.start, derived.row.place));

    let times = joined(derived.iter().map(|derived| {
        let row = &derived.row;
        // All parts of the trace are known here: what was stored of it began within the same time.
        (row.first.min(row.start), row.last.max(row.start))
    }));
    if !open {
        connection.execute_batch("BEGIN TRANSACTION")?;
    }
    let mut shape_rows = 0;
    let done = (|| {
        let rest: Vec<&Prepared> = waiting.iter().filter(|batch| !batch.appended).collect();
        append_facts(connection, &rest)?;
        if let Some(Stored { first, last, .. }) = stored {
            connection.execute(include_str!("sql/forget_interactions.sql"), params![first, last])?;
            connection.execute(include_str!("sql/forget_spend.sql"), params![first, last])?;
            connection.execute(include_str!("sql/forget_steps.sql"), params![first, last])?;
        }
        let mut rows: Vec<InteractionRow<'_>> = Vec::with_capacity(derived.len());
        let mut words: Vec<ShapeRow<'_>> = Vec::new();
        for one in &derived {
            let (id, new) = shapes.id(one.summary.shape);
            rows.push((one, id));
            if new {
                words.extend(
                    shape::words(&one.row, &one.steps)
                        .into_iter()
                        .map(|(field, value)| (id, field, value)),
                );
            }
        }
        shape_rows = words.len() as u64;
        columns::append(connection, "shape", &words, columns::shapes)?;
        columns::append(connection, "interaction", &rows, columns::interactions)?;
        let spend: Vec<&Spend> = derived.iter().flat_map(|derived| &derived.spend).collect();
        columns::append(connection, "spend", &spend, columns::spend)?;
        let steps: Vec<&Step> = derived.iter().flat_map(|derived| &derived.steps).collect();
        columns::append(connection, "step", &steps, columns::steps)?;
        let covered = waiting.iter().map(|Prepared { packed: batch, .. }| {
            let covered = Covered {
                range: batch.range.clone(),
                tally: batch.tally.clone(),
            };
            (&*batch.source, batch.identity, covered)
        });
        known.coverage.write(connection, covered)
    })();
    let coverage = match done {
        Ok(after) => {
            changing(&times);
            connection.execute_batch("COMMIT").map(|()| after)?
        }
        Err(error) => {
            // The instance is dropped after any error; this only spares the log a half transaction.
            let _ = connection.execute_batch("ROLLBACK");
            return Err(error);
        }
    };
    Ok(Change {
        times,
        traces: derived.iter().map(|derived| derived.row.trace).collect(),
        new,
        shape_rows,
        coverage,
    })
}

/// So many changes of one commit are told apart.
const TIMES: usize = 16;

/// Ranges as a few that hold them all: where they overlap and, when there are too many, where the gaps are smallest.
fn joined(ranges: impl Iterator<Item = (Nanos, Nanos)>) -> Vec<(Nanos, Nanos)> {
    let mut ranges: Vec<(Nanos, Nanos)> = ranges.collect();
    ranges.sort_unstable();
    let mut apart: Vec<(Nanos, Nanos)> = Vec::new();
    for (since, last) in ranges {
        match apart.last_mut() {
            Some(known) if since <= known.1 => known.1 = known.1.max(last),
            _ => apart.push((since, last)),
        }
    }
    if apart.len() <= TIMES {
        return apart;
    }
    let mut gaps: Vec<(Nanos, usize)> = (1..apart.len())
        .map(|at| (apart[at].0.saturating_sub(apart[at - 1].1), at))
        .collect();
    gaps.sort_unstable_by_key(|(gap, _)| std::cmp::Reverse(*gap));
    let mut cuts: Vec<usize> = gaps[..TIMES - 1].iter().map(|(_, at)| *at).collect();
    cuts.push(0);
    cuts.sort_unstable();
    let ends = cuts.iter().skip(1).copied().chain([apart.len()]).map(|end| end - 1);
    cuts.iter().zip(ends).map(|(from, to)| (apart[*from].0, apart[to].1)).collect()
}

/// Adds the stored parts of these traces to `groups`, and leaves the traces in the table `touched`.
fn stored(
    connection: &Connection,
    candidates: &[TraceKey],
    recent: &Recent,
    groups: &mut HashMap<TraceKey, Vec<Part>, AlreadyHashed>,
    waits: &dyn Fn(&Origin) -> bool,
) -> Result<Option<Stored>> {
    let mut stored: Option<Stored> = None;
    let mut rest = Vec::new();
    for trace in candidates {
        let Some(parts) = recent.parts(*trace) else {
            rest.push(*trace);
            continue;
        };
        groups.entry(*trace).or_default().extend_from_slice(parts);
        stored = Stored::of(parts).map(|one| stored.map_or(one, |sum| sum.and(one))).or(stored);
    }
    if !rest.is_empty() {
        touch(connection, &rest)?;
        let asked: (Option<Nanos>, Option<Nanos>, u64) = connection.query_row(include_str!("sql/stored_window.sql"), [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        if let (Some(first), Some(last), count) = asked {
            let mut statement = connection.prepare(include_str!("sql/touched_parts.sql"))?;
            let mut found = statement.query(params![first, last])?;
            while let Some(row) = found.next()? {
                let (part, _) = read_part(row)?;
                // A batch that is appended already is among the rows, and its parts are known.
                if !waits(&part.origin) {
                    groups.entry(part.trace).or_default().push(part);
                }
            }
            let one = Stored { count, first, last };
            stored = Some(stored.map_or(one, |sum| sum.and(one)));
        }
    }
    if stored.is_some() && rest.len() < candidates.len() {
        touch(connection, candidates)?;
    }
    Ok(stored)
}

/// The table `touched` holds just these traces.
fn touch(connection: &Connection, traces: &[TraceKey]) -> Result<()> {
    connection.execute_batch("CREATE OR REPLACE TEMP TABLE touched (trace UBIGINT NOT NULL)")?;
    let mut touched = connection.appender_to_catalog_and_db("touched", "temp", "main")?;
    for trace in traces {
        touched.append_row([trace.0])?;
    }
    touched.flush()
}

fn append_facts(connection: &Connection, waiting: &[&Prepared]) -> Result<()> {
    let parts: Vec<PartRow<'_>> = waiting.iter().flat_map(|batch| batch.part_rows()).collect();
    columns::append(connection, "part", &parts, columns::parts)?;
    let bodies: Vec<&(u64, Body)> = waiting.iter().flat_map(|batch| &batch.bodies).collect();
    columns::append(connection, "content", &bodies, columns::contents)?;
    let uses: Vec<(u64, u64)> = waiting.iter().flat_map(|batch| batch.uses()).collect();
    columns::append(connection, "use", &uses, columns::uses)?;
    let others: Vec<&Other> = waiting.iter().flat_map(|batch| &batch.packed.others).collect();
    columns::append(connection, "other", &others, columns::others)?;
    let rejects: Vec<&Reject> = waiting.iter().flat_map(|batch| &batch.packed.rejects).collect();
    columns::append(connection, "reject", &rejects, columns::rejects)
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn changes_are_told_by_few_ranges_that_hold_them_all() {
        assert_eq!(joined([(5, 9), (1, 2), (8, 12), (2, 3)].into_iter()), [(1, 3), (5, 12)]);
        assert_eq!(joined(std::iter::empty()), []);
        // A wide gap after every fifth moment.
        let moment = |n: i64| (n + n / 5 * 1_000) * 10;
        let joined = joined((0..400).rev().map(|n| (moment(n), moment(n) + 1)));
        assert_eq!(joined.len(), 16);
        assert!(joined.windows(2).all(|two| two[0].1 < two[1].0));
        assert!((0..400).all(|n| joined.iter().any(|(since, last)| *since <= moment(n) && moment(n) < *last)));
    }
}

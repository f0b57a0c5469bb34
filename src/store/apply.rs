//! One transaction: facts, coverage, and what follows from them for the traces they touch. All of it or nothing.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use duckdb::{Connection, Result, params};

use super::contents::{AlreadyHashed, Bodies, TraceSet};
use super::coverage::{Coverage, Covered};
use super::rows;
use crate::derive::derive;
use crate::model::content::{Form, Slot};
use crate::model::record::{Batch, Identity, Other, Reject, SourceInfo, Tally};
use crate::model::span::{Nanos, Part, TraceKey};
use crate::model::trace::Trace;
use crate::pricing::Prices;

/// A batch whose contents have got their ids. It survives a failed transaction and can be applied again.
pub(super) struct Prepared {
    pub(super) source: Arc<SourceInfo>,
    identity: Identity,
    pub(super) range: Range<u64>,
    /// Without contents.
    pub(super) parts: Vec<Part>,
    /// For each part its `contents` column.
    lists: Vec<Option<String>>,
    /// New bodies.
    bodies: Vec<(u64, Form, String)>,
    /// Content id and trace.
    uses: Vec<(u64, TraceKey)>,
    pub(super) others: Vec<Other>,
    pub(super) rejects: Vec<Reject>,
    pub(super) tally: Tally,
}

impl Prepared {
    pub(super) fn new(batch: Batch, known: &mut Bodies) -> Self {
        let Batch {
            source,
            identity,
            range,
            mut parts,
            others,
            rejects,
            tally,
        } = batch;
        let mut lists = Vec::with_capacity(parts.len());
        let (mut bodies, mut uses) = (Vec::new(), Vec::new());
        for part in &mut parts {
            let pieces = std::mem::take(&mut part.contents);
            let mut places: Vec<(Slot, String, u64)> = Vec::with_capacity(pieces.len());
            for piece in pieces {
                let (id, new) = known.id(piece.form, &piece.body);
                uses.push((id, part.trace));
                places.push((piece.slot, piece.role, id));
                if new {
                    bodies.push((id, piece.form, piece.body));
                }
            }
            let list: Vec<_> = places.iter().map(|(slot, role, id)| (*slot, role.as_str(), *id)).collect();
            lists.push(rows::write_places(&list));
        }
        uses.sort_unstable();
        uses.dedup();
        Self {
            source,
            identity,
            range,
            parts,
            lists,
            bodies,
            uses,
            others,
            rejects,
            tally,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Leaves out the records that stand in these bytes. Their bodies stay: another record may point at them.
    pub(super) fn without(&mut self, covered: &[Range<u64>]) {
        let fresh = |offset: u64| !covered.iter().any(|range| range.contains(&offset));
        let mut lists = std::mem::take(&mut self.lists).into_iter();
        let parts = std::mem::take(&mut self.parts);
        for part in parts {
            let list = lists.next().flatten();
            if fresh(part.origin.offset) {
                self.parts.push(part);
                self.lists.push(list);
            }
        }
        self.others.retain(|other| fresh(other.origin.offset));
        self.rejects.retain(|reject| fresh(reject.origin.offset));
    }
}

/// What a transaction changed.
pub(super) struct Change {
    pub(super) traces: Vec<TraceKey>,
    /// Traces that were not there before.
    pub(super) new: u64,
    /// The picture after it.
    pub(super) coverage: Coverage,
}

/// Parts of a trace that are already stored, and the time they span.
struct Stored {
    first: Nanos,
    last: Nanos,
}

/// Writes everything that waits, and derives anew the traces it touches and those of `stale`. `maybe` are the traces that may be stored.
pub(super) fn apply(
    connection: &Connection,
    prices: &Prices,
    waiting: &[Prepared],
    stale: &[TraceKey],
    maybe: &TraceSet,
    coverage: &Coverage,
) -> Result<Change> {
    let mut groups: HashMap<TraceKey, Vec<Part>, AlreadyHashed> = HashMap::default();
    for part in waiting.iter().flat_map(|batch| &batch.parts) {
        groups.entry(part.trace).or_default().push(part.clone());
    }
    for trace in stale {
        groups.entry(*trace).or_default();
    }
    let candidates: Vec<TraceKey> = groups.keys().copied().filter(|trace| maybe.contains(trace)).collect();
    let window = stored_window(connection, &candidates, &mut groups)?;
    let known = window.as_ref().map_or(0, |(_, count)| *count);
    let new = groups.values().filter(|parts| !parts.is_empty()).count() as u64;
    let mut derived: Vec<Trace> = groups
        .into_values()
        .filter(|parts| !parts.is_empty())
        .map(|parts| derive(parts, prices))
        .collect();
    // Neighbours in time lie together on disk: zone maps of `start` then skip most of the table.
    derived.sort_unstable_by_key(|trace| (trace.row.start, trace.row.place));

    connection.execute_batch("BEGIN TRANSACTION")?;
    let done = (|| {
        append_facts(connection, waiting)?;
        if let Some((window, _)) = &window {
            connection.execute(include_str!("sql/forget_interactions.sql"), params![window.first, window.last])?;
            connection.execute(include_str!("sql/forget_calls.sql"), params![window.first, window.last])?;
        }
        let mut interactions = connection.appender("interaction")?;
        let mut calls = connection.appender("call")?;
        for trace in &derived {
            rows::append_interaction(&mut interactions, trace)?;
            rows::append_calls(&mut calls, trace)?;
        }
        interactions.flush()?;
        calls.flush()?;
        let mut after = coverage.clone();
        for batch in waiting {
            let covered = Covered {
                range: batch.range.clone(),
                tally: batch.tally.clone(),
            };
            after.add(connection, &batch.source, batch.identity, covered)?;
        }
        Ok(after)
    })();
    let coverage = match done {
        Ok(after) => connection.execute_batch("COMMIT").map(|()| after)?,
        Err(error) => {
            // The instance is dropped after any error; this only spares the log a half transaction.
            let _ = connection.execute_batch("ROLLBACK");
            return Err(error);
        }
    };
    Ok(Change {
        traces: derived.iter().map(|trace| trace.row.trace).collect(),
        new: new.saturating_sub(known),
        coverage,
    })
}

/// Fetches the stored parts of these traces into `groups`; the time all of them span, and how many traces were stored.
fn stored_window(
    connection: &Connection,
    candidates: &[TraceKey],
    groups: &mut HashMap<TraceKey, Vec<Part>, AlreadyHashed>,
) -> Result<Option<(Stored, u64)>> {
    if candidates.is_empty() {
        return Ok(None);
    }
    connection.execute_batch("CREATE OR REPLACE TEMP TABLE touched (trace UBIGINT NOT NULL)")?;
    let mut touched = connection.appender_to_catalog_and_db("touched", "temp", "main")?;
    for trace in candidates {
        touched.append_row([trace.0])?;
    }
    touched.flush()?;
    drop(touched);
    let (first, last, count): (Option<Nanos>, Option<Nanos>, u64) =
        connection.query_row(include_str!("sql/stored_window.sql"), [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let (Some(first), Some(last)) = (first, last) else {
        return Ok(None);
    };
    let mut statement = connection.prepare(include_str!("sql/touched_parts.sql"))?;
    let mut stored = statement.query(params![first, last])?;
    while let Some(row) = stored.next()? {
        let (part, _) = rows::read_part(row)?;
        groups.entry(part.trace).or_default().push(part);
    }
    Ok(Some((Stored { first, last }, count)))
}

fn append_facts(connection: &Connection, waiting: &[Prepared]) -> Result<()> {
    let mut table = connection.appender("part")?;
    for batch in waiting {
        for (part, contents) in batch.parts.iter().zip(&batch.lists) {
            rows::append_part(&mut table, part, contents.as_deref())?;
        }
    }
    table.flush()?;
    let mut table = connection.appender("content")?;
    for (id, form, body) in waiting.iter().flat_map(|batch| &batch.bodies) {
        table.append_row(params![id, form.name(), body])?;
    }
    table.flush()?;
    let mut table = connection.appender("use")?;
    for (content, trace) in waiting.iter().flat_map(|batch| &batch.uses) {
        table.append_row([*content, trace.0])?;
    }
    table.flush()?;
    if waiting.iter().any(|batch| !batch.others.is_empty()) {
        let mut table = connection.appender("other")?;
        for other in waiting.iter().flat_map(|batch| &batch.others) {
            rows::append_other(&mut table, other)?;
        }
        table.flush()?;
    }
    if waiting.iter().any(|batch| !batch.rejects.is_empty()) {
        let mut table = connection.appender("reject")?;
        for reject in waiting.iter().flat_map(|batch| &batch.rejects) {
            rows::append_reject(&mut table, reject)?;
        }
        table.flush()?;
    }
    Ok(())
}

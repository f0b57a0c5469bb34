//! Which bytes of which source are in the store, and what their lines became. The writer's own picture of the tables `source` and
//! `coverage`: read at open and again after a write error, since only what is committed counts.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use duckdb::{Connection, Result, params};

use super::rows::Columns;
use crate::model::record::{Identity, Order, Resume, SourceInfo, Tally};

/// Rows of one source and generation beyond which neighbours are merged.
const PILE: usize = 16;

/// A source and one of its generations.
pub(super) type Key = (u32, u32);

/// One row of `coverage`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Covered {
    pub(super) range: Range<u64>,
    pub(super) tally: Tally,
}

/// Everything committed.
#[derive(Clone, Debug, Default)]
pub(super) struct Coverage {
    pub(super) sources: BTreeMap<Key, (SourceInfo, Identity)>,
    pub(super) rows: HashMap<Key, Vec<Covered>>,
}

impl Coverage {
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let mut coverage = Self::default();
        let mut statement = connection.prepare(
            "SELECT id, uri, device, inode, generation, file_time, ordered, head_length, head_hash, anchor_end, anchor_hash FROM source",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut at = Columns { row, next: 0 };
            let info = SourceInfo {
                id: at.get()?,
                uri: at.get()?,
                device: at.get()?,
                inode: at.get()?,
                generation: at.get()?,
                file_time: at.get()?,
                order: if at.get()? { Order::Ordered } else { Order::Random },
            };
            let identity = Identity {
                head_length: at.get()?,
                head_hash: at.get()?,
                anchor_end: at.get()?,
                anchor_hash: at.get()?,
            };
            coverage.sources.insert((info.id, info.generation), (info, identity));
        }
        let mut statement = connection.prepare(
            "SELECT source, generation, start, stop, lines, span, other, rejected, blank, dialects, rejects FROM coverage ORDER BY ALL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut at = Columns { row, next: 0 };
            let key = (at.get()?, at.get()?);
            let range = at.get()?..at.get()?;
            let tally = Tally {
                lines: at.get()?,
                span: at.get()?,
                other: at.get()?,
                rejected: at.get()?,
                blank: at.get()?,
                dialects: counts(&at.get::<String>()?),
                rejects: counts(&at.get::<String>()?),
            };
            coverage.rows.entry(key).or_default().push(Covered { range, tally });
        }
        Ok(coverage)
    }

    /// The committed bytes that this range touches: sorted, disjoint.
    pub(super) fn overlap(&self, key: Key, range: &Range<u64>) -> Vec<Range<u64>> {
        let rows = self.rows.get(&key).map_or(&[][..], Vec::as_slice);
        joined(rows.iter().map(|row| row.range.clone()))
            .into_iter()
            .map(|have| have.start.max(range.start)..have.end.min(range.end))
            .filter(|common| common.start < common.end)
            .collect()
    }

    /// Every generation of each source, for a restart: a rotated copy may hold more of one that ended.
    pub(super) fn resume(&self) -> Vec<Resume> {
        self.sources
            .values()
            .map(|(info, identity)| {
                let rows = self.rows.get(&(info.id, info.generation)).map_or(&[][..], Vec::as_slice);
                Resume {
                    info: info.clone(),
                    identity: *identity,
                    covered: joined(rows.iter().map(|row| row.range.clone())),
                }
            })
            .collect()
    }

    /// Writes what a transaction covers, a statement per table however many sources there are. Returns what the tables now say of those
    /// sources, to be taken in by `settle` once it is committed.
    pub(super) fn write<'a>(
        &self,
        connection: &Connection,
        batches: impl Iterator<Item = (&'a SourceInfo, Identity, Covered)>,
    ) -> Result<Self> {
        let mut after = Self::default();
        let mut new: Vec<(Key, Covered)> = Vec::new();
        for (info, identity, covered) in batches {
            let key = (info.id, info.generation);
            let known = after
                .sources
                .get(&key)
                .or_else(|| self.sources.get(&key))
                .map(|(_, identity)| *identity);
            // Blocks may come in any order: the file is recognised at the largest end.
            let identity = known.filter(|known| known.anchor_end > identity.anchor_end).unwrap_or(identity);
            if known != Some(identity) {
                after.sources.insert(key, (info.clone(), identity));
            }
            let rows = after
                .rows
                .entry(key)
                .or_insert_with(|| self.rows.get(&key).cloned().unwrap_or_default());
            rows.push(covered.clone());
            new.push((key, covered));
        }
        let moved: Vec<Key> = after.sources.keys().copied().filter(|key| self.sources.contains_key(key)).collect();
        forget(connection, "source", "id", &moved)?;
        if !after.sources.is_empty() {
            let mut sources = connection.appender("source")?;
            for (info, identity) in after.sources.values() {
                sources.append_row(params![
                    info.id,
                    info.uri,
                    info.device,
                    info.inode,
                    info.generation,
                    info.file_time,
                    info.order == Order::Ordered,
                    identity.head_length,
                    identity.head_hash,
                    identity.anchor_end,
                    identity.anchor_hash
                ])?;
            }
            sources.flush()?;
        }
        let mut piled = Vec::new();
        for (key, rows) in after.rows.iter_mut().filter(|(_, rows)| rows.len() > PILE) {
            let merged = merge(std::mem::take(rows));
            if merged.len() * 2 <= PILE {
                piled.push(*key);
                new.retain(|(other, _)| other != key);
                new.extend(merged.iter().map(|row| (*key, row.clone())));
            }
            *rows = merged;
        }
        forget(connection, "coverage", "source", &piled)?;
        if !new.is_empty() {
            let mut coverage = connection.appender("coverage")?;
            for ((source, generation), Covered { range, tally }) in &new {
                coverage.append_row(params![
                    source,
                    generation,
                    range.start,
                    range.end,
                    tally.lines,
                    tally.span,
                    tally.other,
                    tally.rejected,
                    tally.blank,
                    serde_json::to_string(&tally.dialects).unwrap_or_default(),
                    serde_json::to_string(&tally.rejects).unwrap_or_default()
                ])?;
            }
            coverage.flush()?;
        }
        Ok(after)
    }

    /// Takes in what is committed.
    pub(super) fn settle(&mut self, committed: Self) {
        self.sources.extend(committed.sources);
        self.rows.extend(committed.rows);
    }
}

/// Removes all rows of these sources and generations.
fn forget(connection: &Connection, table: &str, id: &str, keys: &[Key]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<String> = keys.iter().map(|(id, generation)| format!("({id}, {generation})")).collect();
    connection.execute_batch(&format!("DELETE FROM {table} WHERE ({id}, generation) IN ({})", keys.join(", ")))
}

fn counts(text: &str) -> BTreeMap<String, u64> {
    serde_json::from_str(text).unwrap_or_default()
}

/// Neighbours become one row; nothing that was counted is lost.
fn merge(mut rows: Vec<Covered>) -> Vec<Covered> {
    rows.sort_by_key(|row| (row.range.start, row.range.end));
    let mut merged: Vec<Covered> = Vec::new();
    for row in rows {
        match merged.last_mut() {
            Some(last) if row.range.start <= last.range.end => {
                last.range.end = last.range.end.max(row.range.end);
                last.tally.add(&row.tally);
            }
            _ => merged.push(row),
        }
    }
    merged
}

/// Sorted, disjoint, not touching.
fn joined(ranges: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    merge(
        ranges
            .filter(|range| !range.is_empty())
            .map(|range| Covered {
                range,
                tally: Tally::default(),
            })
            .collect(),
    )
    .into_iter()
    .map(|row| row.range)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_merge_and_gaps_stay() {
        let row = |range: Range<u64>| Covered {
            range,
            tally: Tally {
                lines: 1,
                blank: 1,
                ..Tally::default()
            },
        };
        let merged = merge(vec![row(20..30), row(0..10), row(10..12), row(30..31)]);
        assert_eq!(
            merged.iter().map(|row| (row.range.clone(), row.tally.lines)).collect::<Vec<_>>(),
            [(0..12, 2), (20..31, 2)]
        );
    }

    #[test]
    fn the_overlap_is_what_is_already_there() {
        let mut coverage = Coverage::default();
        coverage.rows.insert(
            (1, 0),
            [0..10, 10..20, 30..40]
                .map(|range| Covered {
                    range,
                    tally: Tally::default(),
                })
                .to_vec(),
        );
        assert_eq!(coverage.overlap((1, 0), &(5..20)), [5..20]);
        assert_eq!(coverage.overlap((1, 0), &(15..35)), [15..20, 30..35]);
        assert!(coverage.overlap((1, 0), &(20..30)).is_empty());
        assert!(coverage.overlap((1, 1), &(0..10)).is_empty());
    }
}

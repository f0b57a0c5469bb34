//! The sums of the cost panel, kept. Over all that is stored they take the engine longer than a panel may take, and next to nothing of it
//! changes from one question to the next: so time is cut into slices, and only a slice in which something changed is summed again.
//!
//! One key is kept, without a filter and up to now: the one that was asked for twice in a row. Every other question goes to the engine.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, TryLockError};

use duckdb::arrow::array::{Array as _, AsArray as _};
use duckdb::arrow::datatypes::Int64Type;
use duckdb::{Connection, Result, params};

use super::costs::{self, Sums, place};
use crate::model::query::{CostKey, CostRow};
use crate::model::span::Nanos;
use crate::model::usage::Cost;

/// From one start to another, the last included.
type Times = (Nanos, Nanos);

/// A slice is cut when it holds eight times as many rows as this, the newest, in which most changes, when it holds twice as many.
const SLICE: u64 = if cfg!(test) { 8 } else { 65_536 };
/// Of so many rows one is asked when it began, to find where to cut.
const SAMPLE: u64 = if cfg!(test) { 2 } else { 64 };
/// With more rows than this nothing is kept: each holds eight bytes.
const KEPT: u64 = 6_000_000;
/// With more sums than this, of all slices together, nothing is kept: each holds about 300 bytes.
const GROUPS: usize = 60_000;
/// So many changes are told apart while nobody asks.
const CHANGES: usize = 256;

/// Knows sums, and where they are not true any more.
#[derive(Default)]
pub(super) struct Bill {
    changes: Mutex<Vec<Times>>,
    kept: Mutex<Slices>,
}

#[derive(Default)]
struct Slices {
    by: Option<CostKey>,
    /// By start; the first reaches back for ever. Empty when there is too much to keep.
    slices: Vec<Slice>,
    /// The values of the key; sums name them by their place.
    names: Vec<Option<String>>,
    places: HashMap<Option<String>, usize>,
}

#[derive(Default)]
struct Slice {
    since: Nanos,
    /// `None`: to be summed again.
    groups: Option<Vec<Group>>,
}

struct Group {
    name: usize,
    sums: Sums,
    /// Every cost that is known.
    costs: Vec<i64>,
}

impl Bill {
    /// Rows that begin in these times are about to change, or have changed just now: said before the commit and after it, so that no question sees
    /// a part of a change.
    pub(super) fn changed(&self, times: &[Times]) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        for times in times {
            let full = changes.len() >= CHANGES;
            match changes.last_mut() {
                Some(last) if full || (last.0 <= times.1 && times.0 <= last.1) => *last = (last.0.min(times.0), last.1.max(times.1)),
                _ => changes.push(*times),
            }
        }
    }

    /// Costs by a key of what began at a moment or later, dearest first; `None` when nothing of that key is kept.
    pub(super) fn costs(&self, connection: &Connection, by: CostKey, since: Option<Nanos>) -> Result<Option<Vec<CostRow>>> {
        let mut kept = match self.kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
            // Another question sums: the engine can answer this one meanwhile.
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let changes = std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner));
        if kept.by != Some(by) || changes.contains(&(Nanos::MIN, Nanos::MAX)) {
            // To sum slice after slice takes longer than to sum once.
            *kept = Slices::new(by);
            return Ok(None);
        }
        kept.forget(&changes);
        // It begins after the changes were taken: what it does not see yet is said again.
        connection.execute_batch("BEGIN TRANSACTION READ ONLY")?;
        let rows = kept.costs(connection, by, since.unwrap_or(Nanos::MIN))?;
        connection.execute_batch("COMMIT")?;
        Ok(rows)
    }
}

impl Slices {
    fn new(by: CostKey) -> Self {
        let slice = Slice {
            since: Nanos::MIN,
            ..Slice::default()
        };
        Self {
            by: Some(by),
            slices: vec![slice],
            ..Self::default()
        }
    }

    fn forget(&mut self, changes: &[Times]) {
        for at in 0..self.slices.len() {
            let (since, last) = self.times(at);
            if changes.iter().any(|times| times.0 <= last && since <= times.1) {
                self.slices[at].groups = None;
            }
        }
    }

    fn times(&self, at: usize) -> Times {
        let next = self.slices.get(at + 1);
        (self.slices[at].since, next.map_or(Nanos::MAX, |next| next.since - 1))
    }

    fn costs(&mut self, connection: &Connection, by: CostKey, since: Nanos) -> Result<Option<Vec<CostRow>>> {
        if self.slices.len() == 1 && self.slices[0].groups.is_none() {
            self.cut(connection, by, 0)?;
        }
        let first = self.slices.partition_point(|slice| slice.since < since);
        // What the moment cuts through is summed for this question alone.
        let part = match first.checked_sub(1) {
            Some(at) => self.read(connection, by, (since, self.times(at).1))?,
            None => Vec::new(),
        };
        let mut at = first;
        while at < self.slices.len() {
            if self.slices[at].groups.is_none() {
                let groups = self.read(connection, by, self.times(at))?;
                let rows = groups.iter().map(|group| group.sums.row.interactions).sum::<u64>();
                let most = if at + 1 == self.slices.len() { 2 * SLICE } else { 8 * SLICE };
                if rows > most {
                    if self.cut(connection, by, at)? {
                        continue;
                    }
                    // All began at once: as much again would be summed after each change.
                    return Ok(self.let_go());
                }
                self.slices[at].groups = Some(groups);
                if self.is_too_much() {
                    return Ok(self.let_go());
                }
            }
            at += 1;
        }
        let whole = self.slices.iter().skip(first).filter_map(|slice| slice.groups.as_ref());
        Ok((!self.slices.is_empty()).then(|| self.join(part.iter().chain(whole.flatten()))))
    }

    fn is_too_much(&self) -> bool {
        let groups = || self.slices.iter().filter_map(|slice| slice.groups.as_ref()).flatten();
        groups().count() > GROUPS || groups().map(|group| group.costs.len() as u64).sum::<u64>() > KEPT
    }

    /// Too much to keep, until everything is new.
    fn let_go(&mut self) -> Option<Vec<CostRow>> {
        *self = Self {
            by: self.by,
            ..Self::default()
        };
        None
    }

    /// Cuts a slice into some that hold less, the newest of them least; whether it could be cut.
    fn cut(&mut self, connection: &Connection, by: CostKey, at: usize) -> Result<bool> {
        let (since, last) = self.times(at);
        let sql = format!(
            "SELECT start FROM {} WHERE start BETWEEN ? AND ? AND trace % {SAMPLE} = 0 ORDER BY start",
            place(by).0
        );
        let mut statement = connection.prepare(&sql)?;
        let starts = statement
            .query_map([since, last], |row| row.get(0))?
            .collect::<Result<Vec<Nanos>>>()?;
        let slice = (SLICE / SAMPLE) as usize;
        let mut rest = starts.as_slice();
        let mut bounds = Vec::new();
        while rest.len() > 2 * slice {
            rest = &rest[(4 * slice).min(rest.len() / 2)..];
            bounds.push(rest[0]);
        }
        bounds.dedup();
        bounds.retain(|bound| *bound > since);
        let cut = !bounds.is_empty();
        let new = bounds.into_iter().map(|since| Slice { since, groups: None });
        let next = at + 1;
        self.slices.splice(next..next, new);
        Ok(cut)
    }

    /// Sums what began between two moments.
    fn read(&mut self, connection: &Connection, by: CostKey, times: Times) -> Result<Vec<Group>> {
        let mut groups = Vec::new();
        let mut at: HashMap<Option<String>, usize> = HashMap::new();
        costs::sums(
            connection,
            by,
            "start BETWEEN ? AND ?",
            vec![Box::new(times.0), Box::new(times.1)],
            false,
            |sums| {
                let key = &sums.row.key;
                let name = *self.places.entry(key.clone()).or_insert_with(|| {
                    self.names.push(key.clone());
                    self.names.len() - 1
                });
                at.insert(key.clone(), groups.len());
                groups.push(Group {
                    name,
                    sums,
                    costs: Vec::new(),
                });
            },
        )?;
        let (table, key) = place(by);
        let sql = format!("SELECT {key}, cost FROM {table} WHERE start BETWEEN ? AND ? AND cost IS NOT NULL");
        let mut named: HashMap<&str, usize> = HashMap::new();
        let mut unnamed = None;
        for (key, place) in &at {
            match key {
                Some(key) => drop(named.insert(key, *place)),
                None => unnamed = Some(*place),
            }
        }
        let mut statement = connection.prepare(&sql)?;
        for batch in statement.stream_arrow(params![times.0, times.1])? {
            let batch = batch?;
            let keys = batch.column(0).as_string::<i32>();
            let costs = batch.column(1).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let place = if keys.is_null(row) {
                    unnamed
                } else {
                    named.get(keys.value(row)).copied()
                };
                if let Some(group) = place.and_then(|place| groups.get_mut(place)) {
                    group.costs.push(costs.value(row));
                }
            }
        }
        groups.iter_mut().for_each(|group: &mut Group| group.costs.shrink_to_fit());
        Ok(groups)
    }

    /// Sums of slices to one row a name.
    fn join<'a>(&self, groups: impl Iterator<Item = &'a Group>) -> Vec<CostRow> {
        let mut of_name: Vec<Vec<&Group>> = vec![Vec::new(); self.names.len()];
        groups.for_each(|group| of_name[group.name].push(group));
        let mut costs = Vec::new();
        let rows = of_name.into_iter().filter_map(|groups| {
            let mut sums = groups.first()?.sums.clone();
            groups[1..].iter().for_each(|group| sums.add(&group.sums));
            costs.clear();
            groups.iter().for_each(|group| costs.extend_from_slice(&group.costs));
            sums.row.p50_cost = middle(&mut costs);
            Some(sums.finish())
        });
        let mut rows: Vec<CostRow> = rows.collect();
        rows.sort_by(|a, b| {
            let dear = |row: &CostRow| std::cmp::Reverse(row.cost);
            let name = |row: &CostRow| (row.key.is_none(), row.key.clone());
            dear(a).cmp(&dear(b)).then_with(|| name(a).cmp(&name(b)))
        });
        rows
    }
}

/// The lower of two middle ones.
fn middle(costs: &mut [i64]) -> Option<Cost> {
    let nth = costs.len().checked_sub(1)? / 2;
    Some(Cost(i128::from(*costs.select_nth_unstable(nth).1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::filter::Filter;
    use crate::model::query::{Reply, Window};

    const KEYS: [CostKey; 5] = [CostKey::Feature, CostKey::Model, CostKey::User, CostKey::Session, CostKey::Service];

    /// As the engine sums it.
    fn summed(connection: &Connection, by: CostKey, since: Option<Nanos>) -> Reply {
        costs::costs(connection, by, &Filter::All, Window { since, until: None }).expect("the engine answers")
    }

    fn empty() -> Connection {
        let connection = Connection::open_in_memory().expect("an engine");
        connection.execute_batch(include_str!("sql/schema.sql")).expect("tables");
        connection
    }

    fn add(connection: &Connection, trace: u64, start: Nanos, name: Option<u8>, cost: Option<i64>) {
        let name = name.map(|name| format!("n{name}"));
        let unpriced = u32::from(cost.is_none());
        connection
            .execute(
                "INSERT INTO interaction SELECT ?, '', '', ?, '', NULL, ?, ?, ?, ?, NULL, 1, 1, 0, 0, 1, ?, 7, NULL, NULL, NULL, 2, NULL, ?, '', NULL, '', NULL, '', '', '',
                 ?, ?, 0, 9, false, NULL, false",
                params![trace, start, name, name, name, name, unpriced, cost, start, start],
            )
            .expect("a row");
        connection
            .execute(
                // A call begins after its interaction.
                "INSERT INTO spend SELECT ?, ?, ?, 1, ?, 7, NULL, NULL, NULL, 2, NULL, ?, false, NULL, false",
                params![trace, start + 3, name, unpriced, cost],
            )
            .expect("a row");
    }

    fn remove(connection: &Connection, times: Times) {
        for table in ["interaction", "spend"] {
            let sql = format!("DELETE FROM {table} WHERE start BETWEEN ? AND ?");
            connection.execute(&sql, [times.0, times.1]).expect("rows can go");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

        /// Whatever was asked before and whatever changed since, the answer is the engine's own.
        #[test]
        fn what_is_kept_is_what_the_engine_would_say(
            steps in prop::collection::vec((
                0_usize..5,
                prop::option::of(-5_i64..130),
                prop::collection::vec((0_i64..120, prop::option::of(0_u8..3), prop::option::of(-3_i64..50)), 0..40),
                prop::option::of((0_i64..120, 0_i64..20)),
            ), 1..8),
        ) {
            let connection = empty();
            let bill = Bill::default();
            let mut trace = 0;
            for (key, since, rows, gone) in steps {
                for (start, name, cost) in &rows {
                    trace += 1;
                    add(&connection, trace, *start, *name, *cost);
                }
                let starts = || rows.iter().map(|(start, ..)| *start);
                if let (Some(first), Some(last)) = (starts().min(), starts().max()) {
                    bill.changed(&[(first, last)]);
                }
                if let Some((first, length)) = gone {
                    remove(&connection, (first, first + length));
                    bill.changed(&[(first, first + length)]);
                }
                for by in [KEYS[key], KEYS[key], CostKey::Feature, CostKey::Feature] {
                    let window = Window { since, until: None };
                    let kept = costs::of_all(&connection, &bill, by, window).expect("an answer");
                    prop_assert_eq!(kept, summed(&connection, by, since), "{:?} since {:?}", by, since);
                }
                let kept = bill.kept.lock().expect("nobody panicked");
                prop_assert!(kept.slices.windows(2).all(|two| two[0].since < two[1].since));
            }
        }
    }

    #[test]
    fn only_a_slice_in_which_something_changed_is_summed_again() {
        let connection = empty();
        let bill = Bill::default();
        for n in 0..100 {
            add(&connection, n, n as Nanos, Some(0), Some(5));
        }
        let ask = || bill.costs(&connection, CostKey::Feature, None).expect("an answer");
        let sum = || {
            let rows = ask().expect("kept");
            (rows[0].interactions, rows[0].cost)
        };
        assert_eq!(ask(), None, "asked for once");
        assert_eq!(sum(), (100, Some(Cost(500))));
        let slices = bill.kept.lock().expect("nobody panicked").slices.len();
        assert!(slices > 3, "{slices}");
        // Nobody said that these go: what is kept is not looked at again, unless it shares a slice with what was told.
        remove(&connection, (0, 0));
        remove(&connection, (90, 99));
        assert_eq!(sum(), (100, Some(Cost(500))));
        bill.changed(&[(90, 99)]);
        assert_eq!(sum(), (90, Some(Cost(450))));
        bill.changed(&[(Nanos::MIN, Nanos::MAX)]);
        assert_eq!(ask(), None, "as new");
        assert_eq!(sum(), (89, Some(Cost(445))));
    }

    #[test]
    fn equal_moments_cannot_be_cut_and_too_much_is_not_kept() {
        let connection = empty();
        for n in 0..10 {
            add(&connection, n, 7, Some(0), Some(1));
        }
        let bill = Bill::default();
        let ask = |since| bill.costs(&connection, CostKey::Feature, Some(since)).expect("an answer");
        assert_eq!(ask(7), None);
        assert_eq!(ask(7).expect("kept")[0].interactions, 10);
        assert_eq!(ask(8), Some(Vec::new()));
        for n in 10..100 {
            add(&connection, n, 7, Some(0), Some(1));
        }
        bill.changed(&[(7, 7)]);
        assert_eq!(ask(7), None, "the engine has to say it");
        let mut kept = Slices::new(CostKey::Feature);
        assert_eq!(kept.let_go(), None);
        assert_eq!(kept.costs(&connection, CostKey::Feature, Nanos::MIN).expect("an answer"), None);
    }
}

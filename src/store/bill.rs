//! The sums of the cost panel, kept. Over all that is stored they take the engine longer than a panel may take, and next to nothing of it
//! changes from one question to the next: so time is cut into slices, and only a slice in which something changed is summed again.
//!
//! One key is kept, without a filter and up to now: the one that was asked for twice in a row. Every other question goes to the engine.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, TryLockError};

use duckdb::arrow::array::{Array as _, AsArray as _};
use duckdb::{Connection, Result, params};

use super::changes::{Changes, EVER, Times};
use super::costs::{Rows, Sums, place};
use crate::model::query::CostKey;
use crate::model::span::Nanos;
use crate::model::spend::{Spend, Totals};
use crate::model::usage::Cost;

/// The newest slice, in which most changes, is cut when it holds four times as many rows as this.
const SLICE: u64 = if cfg!(test) { 8 } else { 4_096 };
/// Slices that nothing changes in any more are joined up to so many rows: each has a sum of its own for every value.
const JOINED: u64 = if cfg!(test) { 128 } else { 262_144 };
/// Of so many rows one is asked when it began, to find where to cut.
const SAMPLE: u64 = if cfg!(test) { 2 } else { 64 };
/// With more rows than this nothing is kept: each holds eight bytes.
const KEPT: u64 = 6_000_000;
/// With more sums than this, of all slices together, nothing is kept: each holds 144 bytes, and a name about as much.
const GROUPS: usize = 600_000;

/// Knows sums, and where they are not true any more.
#[derive(Default)]
pub(super) struct Bill {
    pub(super) changes: Changes,
    kept: Mutex<Slices>,
}

#[derive(Default)]
struct Slices {
    by: Option<CostKey>,
    /// By start; the first reaches back for ever. Empty when there is too much to keep.
    slices: Vec<Slice>,
    names: Names,
}

struct Slice {
    since: Nanos,
    /// `None`: to be summed again.
    summed: Option<Summed>,
}

/// The values of the key; sums name them by their place.
#[derive(Default)]
struct Names {
    all: Vec<Option<Arc<str>>>,
    places: HashMap<Arc<str>, u32>,
    /// Of what was not logged.
    unnamed: Option<u32>,
}

/// The sums of a slice.
#[derive(Default)]
struct Summed {
    rows: u64,
    /// By place of the name.
    groups: Vec<Group>,
    /// Every cost that is known, a group's after another's.
    costs: Vec<i64>,
}

struct Group {
    name: u32,
    /// `sums.priced` costs end here.
    end: u32,
    sums: Sums,
}

impl Bill {
    /// Costs by a key of what began at a moment or later, dearest first; `None` when nothing of that key is kept.
    pub(super) fn costs(&self, connection: &Connection, by: CostKey, since: Option<Nanos>, limit: usize) -> Result<Option<Spend>> {
        let mut kept = match self.kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
            // Another question sums: the engine can answer this one meanwhile.
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let changes = self.changes.take();
        if kept.by != Some(by) || changes.contains(&EVER) {
            *kept = Slices::new(by);
            return Ok(None);
        }
        if !kept.forget(&changes) {
            return Ok(None);
        }
        connection.execute_batch("BEGIN TRANSACTION READ ONLY")?;
        let spend = kept.costs(connection, by, since.unwrap_or(Nanos::MIN), limit)?;
        connection.execute_batch("COMMIT")?;
        Ok(spend)
    }
}

impl Names {
    fn place(&mut self, name: Option<&str>) -> u32 {
        let next = self.all.len() as u32;
        let place = match name {
            None => *self.unnamed.get_or_insert(next),
            Some(name) => self.places.get(name).copied().unwrap_or(next),
        };
        if place == next {
            let name: Option<Arc<str>> = name.map(Arc::from);
            if let Some(name) = &name {
                self.places.insert(Arc::clone(name), place);
            }
            self.all.push(name);
        }
        place
    }
}

impl Summed {
    fn costs(&self, group: &Group) -> &[i64] {
        let end = group.end as usize;
        &self.costs[end - group.sums.priced as usize..end]
    }

    fn push(&mut self, name: u32, sums: Sums, costs: &[&[i64]]) {
        costs.iter().for_each(|costs| self.costs.extend_from_slice(costs));
        self.rows += sums.interactions;
        self.groups.push(Group {
            name,
            end: self.costs.len() as u32,
            sums,
        });
    }

    /// Of two slices as one.
    fn join(&self, other: &Self) -> Self {
        let mut joined = Self::default();
        let (mut own, mut more) = (self.groups.iter().peekable(), other.groups.iter().peekable());
        loop {
            match (own.peek(), more.peek()) {
                (Some(a), Some(b)) if a.name == b.name => {
                    let mut sums = a.sums.clone();
                    sums.add(&b.sums);
                    joined.push(a.name, sums, &[self.costs(a), other.costs(b)]);
                    own.next();
                    more.next();
                }
                (Some(a), b) if b.is_none_or(|b| a.name < b.name) => {
                    joined.push(a.name, a.sums.clone(), &[self.costs(a)]);
                    own.next();
                }
                (_, Some(b)) => {
                    joined.push(b.name, b.sums.clone(), &[other.costs(b)]);
                    more.next();
                }
                (_, None) => {
                    joined.groups.shrink_to_fit();
                    joined.costs.shrink_to_fit();
                    return joined;
                }
            }
        }
    }
}

impl Slices {
    fn new(by: CostKey) -> Self {
        let slice = Slice {
            since: Nanos::MIN,
            summed: None,
        };
        Self {
            by: Some(by),
            slices: vec![slice],
            ..Self::default()
        }
    }

    /// Forgets what changed; whether that is little of all.
    fn forget(&mut self, changes: &[Times]) -> bool {
        let (mut gone, mut all) = (0, 0);
        for at in 0..self.slices.len() {
            let (since, last) = self.times(at);
            let rows = self.slices[at].summed.as_ref().map_or(0, |summed| summed.rows);
            all += rows;
            if changes.iter().any(|times| times.0 <= last && since <= times.1) {
                gone += rows;
                self.slices[at].summed = None;
            }
        }
        gone <= JOINED || 2 * gone <= all
    }

    /// A slice is cut when it holds more rows than this.
    fn most(&self, at: usize) -> u64 {
        4 * if at + 1 == self.slices.len() { SLICE } else { JOINED }
    }

    fn times(&self, at: usize) -> Times {
        let next = self.slices.get(at + 1);
        (self.slices[at].since, next.map_or(Nanos::MAX, |next| next.since - 1))
    }

    fn costs(&mut self, connection: &Connection, by: CostKey, since: Nanos, limit: usize) -> Result<Option<Spend>> {
        if self.slices.len() == 1 && self.slices[0].summed.is_none() {
            self.cut(connection, by, 0)?;
        }
        self.join_old();
        let (first, part) = loop {
            let first = self.slices.partition_point(|slice| slice.since < since);
            let Some(at) = first.checked_sub(1) else { break (first, None) };
            // What the moment cuts through is summed for this question alone.
            let times = (since, self.times(at).1);
            match self.read(connection, by, times, self.most(at))? {
                Some(part) => break (first, Some(part)),
                None if self.cut(connection, by, at)? => {}
                None => return Ok(self.let_go()),
            }
        };
        let mut at = first;
        while at < self.slices.len() {
            if self.slices[at].summed.is_none() {
                match self.read(connection, by, self.times(at), self.most(at))? {
                    Some(summed) => self.slices[at].summed = Some(summed),
                    None if self.cut(connection, by, at)? => continue,
                    // All began at once: as much again would be summed after each change.
                    None => return Ok(self.let_go()),
                }
                if self.is_too_much() {
                    return Ok(self.let_go());
                }
            }
            at += 1;
        }
        let whole = self.slices.iter().skip(first).filter_map(|slice| slice.summed.as_ref());
        let parts: Vec<&Summed> = part.iter().chain(whole).collect();
        Ok((!self.slices.is_empty()).then(|| spend(&self.names, &parts, limit)))
    }

    fn is_too_much(&self) -> bool {
        let all = || self.slices.iter().filter_map(|slice| slice.summed.as_ref());
        let groups = all().map(|summed| summed.groups.len()).sum::<usize>();
        groups.max(self.names.all.len()) > GROUPS || all().map(|summed| summed.rows).sum::<u64>() > KEPT
    }

    /// Too much to keep, until everything is new.
    fn let_go(&mut self) -> Option<Spend> {
        *self = Self {
            by: self.by,
            ..Self::default()
        };
        None
    }

    /// Neighbours of about a size become one, so that slices are few and smaller the newer they are. What nothing changes in is not read again.
    fn join_old(&mut self) {
        let mut at = 1;
        while at + 1 < self.slices.len() {
            let (older, newer) = (&self.slices[at - 1], &self.slices[at]);
            let joined = match (&older.summed, &newer.summed) {
                (Some(a), Some(b)) if a.rows + b.rows <= JOINED && a.rows <= 2 * b.rows => a.join(b),
                _ => {
                    at += 1;
                    continue;
                }
            };
            self.slices[at - 1].summed = Some(joined);
            self.slices.remove(at);
            at = (at - 1).max(1);
        }
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
        let (slice, joined) = ((SLICE / SAMPLE) as usize, (JOINED / SAMPLE) as usize);
        let mut rest = starts.as_slice();
        let mut bounds = Vec::new();
        while rest.len() > 2 * slice {
            rest = &rest[joined.min(rest.len() / 2)..];
            bounds.push(rest[0]);
        }
        bounds.dedup();
        bounds.retain(|bound| *bound > since);
        let cut = !bounds.is_empty();
        let new = bounds.into_iter().map(|since| Slice { since, summed: None });
        let next = at + 1;
        self.slices.splice(next..next, new);
        Ok(cut)
    }

    /// Sums what began between two moments; `None` when that is more than so many rows.
    fn read(&mut self, connection: &Connection, by: CostKey, times: Times, most: u64) -> Result<Option<Summed>> {
        let (table, key) = place(by);
        let sql = format!("SELECT {key}, {} FROM {table} WHERE start BETWEEN ? AND ?", Rows::SUMMED);
        let mut statement = connection.prepare(&sql)?;
        let mut groups: Vec<Group> = Vec::new();
        let mut group_of = vec![u32::MAX; self.names.all.len()];
        let mut found = Vec::new();
        let mut count = 0;
        for batch in statement.stream_arrow(params![times.0, times.1])? {
            let batch = batch?;
            count += batch.num_rows() as u64;
            if count > most {
                return Ok(None);
            }
            let keys = batch.column(0).as_string::<i32>();
            let rows = Rows::of(&batch, 1);
            for row in 0..batch.num_rows() {
                let name = self.names.place((!keys.is_null(row)).then(|| keys.value(row)));
                group_of.resize(self.names.all.len(), u32::MAX);
                let group = &mut group_of[name as usize];
                if *group == u32::MAX {
                    *group = groups.len() as u32;
                    groups.push(Group {
                        name,
                        end: 0,
                        sums: Sums::default(),
                    });
                }
                groups[*group as usize].sums.add(&rows.sums(row));
                found.extend(rows.cost(row).map(|cost| (*group, cost)));
            }
        }
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_unstable_by_key(|group| groups[*group].name);
        let mut end = 0;
        for group in order {
            // Where its next cost belongs, until it has all of them.
            groups[group].end = end;
            end += groups[group].sums.priced as u32;
        }
        let mut costs = vec![0; end as usize];
        for (group, cost) in found {
            let end = &mut groups[group as usize].end;
            costs[*end as usize] = cost;
            *end += 1;
        }
        groups.sort_unstable_by_key(|group| group.name);
        groups.shrink_to_fit();
        Ok(Some(Summed {
            rows: count,
            groups,
            costs,
        }))
    }
}

/// What a value of the key came to, in all slices.
#[derive(Clone, Default)]
struct Value {
    cost: Option<Cost>,
    interactions: u64,
    at_least: bool,
}

/// What slices come to: the dearest values, and the sum of all.
fn spend(names: &Names, parts: &[&Summed], limit: usize) -> Spend {
    let groups = || parts.iter().flat_map(|part| part.groups.iter().map(move |group| (*part, group)));
    let mut values = vec![Value::default(); names.all.len()];
    for (_, group) in groups() {
        let value = &mut values[group.name as usize];
        if let Some(cost) = group.sums.cost() {
            value.cost = Some(Cost(value.cost.map_or(0, |sum| sum.0) + cost.0));
        }
        value.interactions += group.sums.interactions;
        value.at_least |= group.sums.is_at_least();
    }
    let (mut totals, mut dearest) = (Totals::default(), Vec::new());
    for (name, value) in values.iter().enumerate().filter(|(_, value)| value.interactions > 0) {
        totals.add(value.cost, value.at_least);
        dearest.push(name);
    }
    let order = |name: &usize| (names.all[*name].is_none(), names.all[*name].as_deref());
    let dearer = |a: &usize, b: &usize| {
        let cost = |name: &usize| Reverse(values[*name].cost);
        cost(a).cmp(&cost(b)).then_with(|| order(a).cmp(&order(b)))
    };
    if limit < dearest.len() {
        dearest.select_nth_unstable_by(limit, dearer);
        dearest.truncate(limit);
    }
    dearest.sort_unstable_by(dearer);
    let mut places = vec![usize::MAX; names.all.len()];
    for (place, name) in dearest.iter().enumerate() {
        places[*name] = place;
    }
    let mut own: Vec<Vec<(&Summed, &Group)>> = vec![Vec::new(); dearest.len()];
    for (part, group) in groups() {
        if let Some(own) = own.get_mut(places[group.name as usize]) {
            own.push((part, group));
        }
    }
    let mut costs = Vec::new();
    let rows = dearest.iter().zip(own).map(|(name, own)| {
        let mut sums = Sums::default();
        costs.clear();
        for (part, group) in own {
            sums.add(&group.sums);
            costs.extend_from_slice(part.costs(group));
        }
        sums.row(names.all[*name].as_deref().map(str::to_owned), middle(&mut costs))
    });
    Spend::new(rows.collect(), totals.finish())
}

/// The lower of two middle ones.
fn middle(costs: &mut [i64]) -> Option<Cost> {
    let nth = costs.len().checked_sub(1)? / 2;
    Some(Cost(i128::from(*costs.select_nth_unstable(nth).1)))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::costs;
    use super::*;
    use crate::model::filter::Filter;
    use crate::model::query::{Reply, Window};

    const KEYS: [CostKey; 5] = [CostKey::Feature, CostKey::Model, CostKey::User, CostKey::Session, CostKey::Service];

    /// As the engine sums it.
    fn summed(connection: &Connection, by: CostKey, since: Option<Nanos>, limit: usize) -> Reply {
        costs::costs(connection, by, &Filter::All, Window { since, until: None }, limit).expect("the engine answers")
    }

    pub(in crate::store) fn empty() -> Connection {
        let connection = Connection::open_in_memory().expect("an engine");
        connection.execute_batch(include_str!("sql/schema.sql")).expect("tables");
        connection
    }

    pub(in crate::store) fn add(connection: &Connection, trace: u64, start: Nanos, name: Option<u8>, cost: Option<i64>) {
        let name = name.map(|name| format!("n{name}"));
        let unpriced = u32::from(cost.is_none());
        connection
            .execute(
                "INSERT INTO interaction SELECT ?, '', '', ?, '', NULL, ?, ?, ?, ?, NULL, 1, 1, 0, 0, 1, ?, 7, NULL, NULL, NULL, 2, NULL, ?, '', NULL, '', NULL, '', '', '',
                 ?, ?, 0, 9, false, NULL, false,
                 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
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

    pub(in crate::store) fn remove(connection: &Connection, times: Times) {
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
                prop_oneof![Just(usize::MAX), 0_usize..4],
            ), 1..8),
        ) {
            let connection = empty();
            let bill = Bill::default();
            let mut trace = 0;
            for (key, since, rows, gone, limit) in steps {
                for (start, name, cost) in &rows {
                    trace += 1;
                    add(&connection, trace, *start, *name, *cost);
                }
                let starts = || rows.iter().map(|(start, ..)| *start);
                if let (Some(first), Some(last)) = (starts().min(), starts().max()) {
                    bill.changes.add(&[(first, last)]);
                }
                if let Some((first, length)) = gone {
                    remove(&connection, (first, first + length));
                    bill.changes.add(&[(first, first + length)]);
                }
                for by in [KEYS[key], KEYS[key], CostKey::Feature, CostKey::Feature] {
                    let window = Window { since, until: None };
                    let kept = costs::of_all(&connection, &bill, by, window, limit).expect("an answer");
                    prop_assert_eq!(kept, summed(&connection, by, since, limit), "{:?} since {:?}", by, since);
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
        let ask = || bill.costs(&connection, CostKey::Feature, None, 9).expect("an answer");
        let sum = || {
            let spend = ask().expect("kept");
            (spend.rows[0].interactions, spend.rows[0].cost)
        };
        assert_eq!(ask(), None, "asked for once");
        assert_eq!(sum(), (100, Some(Cost(500))));
        let slices = bill.kept.lock().expect("nobody panicked").slices.len();
        assert!(slices > 3, "{slices}");
        // Nobody said that these go: what is kept is not looked at again, unless it shares a slice with what was told.
        remove(&connection, (0, 0));
        remove(&connection, (90, 99));
        assert_eq!(sum(), (100, Some(Cost(500))));
        bill.changes.add(&[(90, 99)]);
        assert_eq!(sum(), (90, Some(Cost(450))));
        bill.changes.add(&[EVER]);
        assert_eq!(ask(), None, "as new");
        assert_eq!(sum(), (89, Some(Cost(445))));
    }

    /// The panel looks back to midnight, and history comes in behind it, newest first.
    #[test]
    fn the_slice_that_a_question_begins_in_is_cut_too() {
        let connection = empty();
        let bill = Bill::default();
        let mut trace = 0;
        let mut fill = |starts: std::ops::Range<Nanos>| {
            for start in starts.clone() {
                trace += 1;
                add(&connection, trace, start, Some(0), Some(5));
            }
            bill.changes.add(&[(starts.start, starts.end - 1)]);
        };
        let ask = || bill.costs(&connection, CostKey::Feature, Some(100), 9).expect("an answer");
        fill(2_000..2_010);
        assert_eq!(ask(), None, "asked for once");
        assert_eq!(ask().expect("kept").rows[0].interactions, 10);
        fill(50..2_000);
        assert_eq!(ask().expect("kept").rows[0].interactions, 1_910);
        let kept = bill.kept.lock().expect("nobody panicked");
        let first = kept.slices.partition_point(|slice| slice.since < 100);
        let part = kept.times(first - 1).1 - 100;
        assert!(part < 4 * JOINED as Nanos, "{part} of 1,910 rows are summed for each question");
    }

    #[test]
    fn equal_moments_cannot_be_cut_and_too_much_is_not_kept() {
        let connection = empty();
        for n in 0..10 {
            add(&connection, n, 7, Some(0), Some(1));
        }
        let bill = Bill::default();
        let ask = |since| bill.costs(&connection, CostKey::Feature, Some(since), 9).expect("an answer");
        assert_eq!(ask(7), None);
        assert_eq!(ask(7).expect("kept").rows[0].interactions, 10);
        assert_eq!(ask(8), Some(Spend::default()));
        for n in 10..100 {
            add(&connection, n, 7, Some(0), Some(1));
        }
        bill.changes.add(&[(7, 7)]);
        assert_eq!(ask(7), None, "the engine has to say it");
        let mut kept = Slices::new(CostKey::Feature);
        assert_eq!(kept.let_go(), None);
        assert_eq!(kept.costs(&connection, CostKey::Feature, Nanos::MIN, 9).expect("an answer"), None);
    }
}

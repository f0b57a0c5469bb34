//! Which interactions are out of the ordinary: the engine reads, `model::anomaly` judges. A median over a window in SQL took a minute over 2.5
//! million interactions, and sorting them there six seconds; this is faster, and it is the one rule that everybody judges by.
//!
//! What was judged is kept. The writer says from which moment on something changed since; only what began then or later is read and judged
//! again. Older lines that are filled in behind change what comes after them: then everything is.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duckdb::arrow::array::{Array as _, AsArray as _};
use duckdb::arrow::datatypes::{Int64Type, UInt64Type};
use duckdb::{Connection, Result, params_from_iter};

use super::rows::Bind;
use crate::model::anomaly::{Baseline, Judging, Sweep, Verdict};
use crate::model::filter::{ANOMALY, Field, Filter};
use crate::model::query::{Trend, TrendRow};
use crate::model::span::{Nanos, TraceKey};
use crate::model::usage::Cost;

/// What is known of one feature.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) feature: Option<String>,
    /// Dear interactions by start.
    pub(super) dear: Vec<(TraceKey, Nanos)>,
    /// From start to start, the last included: interactions between that had a baseline.
    pub(super) spans: Vec<(Nanos, Nanos)>,
    /// The mean of the hour before the newest, and whether that is above the multiple; `None` without a baseline or with too few in it.
    pub(super) hour: Option<(Cost, bool)>,
    /// Interactions with a known cost.
    pub(super) priced: u64,
    /// Those interactions. Nothing when there were too many to keep.
    sweep: Sweep,
    /// When those without a known cost began, ascending.
    unpriced: Vec<Nanos>,
}

/// An interaction as it is read; the cost may be unknown.
type Row = (Nanos, Option<Cost>, TraceKey);

/// So many interactions are read at once; a feature with more than that is read whole.
const HELD: u64 = 500_000;
/// With more than so many nothing is kept: at about 40 bytes each they would need half as much memory as the engine has.
const KEPT: u64 = 3_000_000;

/// Judges, and knows what was judged before.
pub(super) struct Judge {
    pub(super) judging: Arc<Judging>,
    /// The earliest moment that changed since `known` was brought up to date; the far future when nothing did.
    changed: AtomicI64,
    known: Mutex<Known>,
}

/// All features as they were judged last.
#[derive(Default)]
pub(super) struct Known {
    pub(super) all: Vec<Judged>,
    /// `all` holds every interaction.
    pub(super) whole: bool,
    read: bool,
}

impl Judge {
    pub(super) fn new(judging: Arc<Judging>) -> Self {
        Self {
            judging,
            changed: AtomicI64::new(Nanos::MAX),
            known: Mutex::default(),
        }
    }

    /// What began at this moment or later is not what it was. Said after the commit: said before, a reader could see the old rows and be content.
    pub(super) fn changed(&self, since: Nanos) {
        self.changed.fetch_min(since, Ordering::SeqCst);
    }

    /// All features as they stand now.
    pub(super) fn known(&self, connection: &Connection) -> Result<MutexGuard<'_, Known>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let since = self.changed.swap(Nanos::MAX, Ordering::SeqCst);
        if known.read && since == Nanos::MAX {
            return Ok(known);
        }
        let done = if known.read && known.whole && known.is_recent(since) {
            known.renew(connection, &self.judging, since)
        } else {
            // What is forgotten is freed first.
            *known = Known::default();
            Known::new(connection, &self.judging).map(|new| *known = new)
        };
        if let Err(error) = done {
            self.changed(since);
            return Err(error);
        }
        Ok(known)
    }
}

impl Known {
    fn new(connection: &Connection, judging: &Judging) -> Result<Self> {
        let (all, whole) = judge_all(connection, judging, Nanos::MAX, true)?;
        Ok(Self { all, whole, read: true })
    }

    /// Less than half of all began at this moment or later.
    fn is_recent(&self, since: Nanos) -> bool {
        let (mut before, mut all) = (0, 0);
        for one in &self.all {
            before += one.sweep.before(since);
            all += one.sweep.len();
        }
        before * 2 > all
    }

    /// Reads and judges what began at this moment or later. When it cannot be read, nothing is forgotten.
    fn renew(&mut self, connection: &Connection, judging: &Judging, since: Nanos) -> Result<()> {
        let fresh = read(connection, "start >= ?", vec![Box::new(since)])?;
        for one in &mut self.all {
            one.back_to(judging, since);
        }
        for (feature, rows) in fresh {
            let at = match self.all.binary_search_by(|one| one.feature.cmp(&feature)) {
                Ok(at) => at,
                Err(at) => {
                    let new = Judged {
                        feature,
                        ..Judged::default()
                    };
                    self.all.insert(at, new);
                    at
                }
            };
            self.all[at].add(judging, rows);
        }
        for one in &mut self.all {
            one.conclude(judging);
        }
        self.whole &= self.all.iter().map(|one| one.sweep.len() as u64).sum::<u64>() <= KEPT;
        if !self.whole {
            self.all.iter_mut().for_each(Judged::let_go);
        }
        Ok(())
    }

    /// What was spent in steps of time, and how much of it is out of the ordinary, by feature: without a name last. `None` when that has to be
    /// read, or there is nothing.
    pub(super) fn trend(&self, since: Option<Nanos>, steps: u32) -> Option<Trend> {
        if !self.whole {
            return None;
        }
        let lower = since.unwrap_or(Nanos::MIN);
        let first = self.all.iter().filter_map(|one| one.first(lower)).min()?;
        let last = self.all.iter().filter_map(Judged::last).max()?;
        let since = since.unwrap_or(first);
        let step = super::costs::step(since, last, steps);
        let (unnamed, named): (Vec<&Judged>, Vec<&Judged>) = self
            .all
            .iter()
            .filter(|one| one.first(lower).is_some())
            .partition(|one| one.feature.is_none());
        Some(Trend {
            since: Some(since),
            step,
            steps,
            rows: named.into_iter().chain(unnamed).map(|one| one.trend(since, step, steps)).collect(),
        })
    }
}

impl Judged {
    /// Judges more interactions, by start; none that was judged before began after them.
    fn add(&mut self, judging: &Judging, rows: Vec<Row>) {
        let saved = judging.saved(self.feature.as_deref());
        let mut open = self.spans.last().is_some_and(|(_, last)| Some(*last) == self.sweep.newest());
        for (start, cost, trace) in rows {
            let Some(cost) = cost else {
                self.unpriced.push(start);
                continue;
            };
            let (verdict, _) = self.sweep.judge(&judging.rule, saved, start, cost);
            match (open, verdict, self.spans.last_mut()) {
                (_, Verdict::NoBaseline, _) => open = false,
                (true, _, Some((_, last))) => *last = start,
                _ => {
                    open = true;
                    self.spans.push((start, start));
                }
            }
            if verdict == Verdict::Anomalous {
                self.dear.push((trace, start));
            }
        }
    }

    /// What follows from all that were judged.
    fn conclude(&mut self, judging: &Judging) {
        let rule = &judging.rule;
        self.priced = self.sweep.len() as u64;
        self.hour = None;
        if let Some(now) = self.sweep.newest() {
            let newest = self.sweep.baseline(rule).or_else(|| judging.saved(self.feature.as_deref()));
            let recent: Vec<(Nanos, Cost)> = self.sweep.between(now.saturating_sub(rule.rolling), Nanos::MAX).collect();
            if let (verdict @ (Verdict::Usual | Verdict::Anomalous), Some(mean)) = rule.judge_rolling(&recent, now, newest) {
                self.hour = Some((mean, verdict == Verdict::Anomalous));
            }
        }
    }

    /// When its newest interaction with a known cost began.
    pub(super) fn newest(&self) -> Option<Nanos> {
        self.sweep.newest()
    }

    /// What the newest dear one was judged by, else the newest of all.
    pub(super) fn baseline(&self, judging: &Judging) -> Option<Baseline> {
        let start = self.dear.last().map(|(_, start)| *start).or_else(|| self.sweep.newest())?;
        let before = self.sweep.between(start.saturating_sub(judging.rule.window), start);
        let own = judging.rule.baseline(before.map(|(_, cost)| cost).collect());
        own.or_else(|| judging.saved(self.feature.as_deref()))
    }

    /// As if nothing that began at this moment or later had been judged.
    fn back_to(&mut self, judging: &Judging, since: Nanos) {
        self.sweep.back_to(&judging.rule, since);
        self.dear.truncate(self.dear.partition_point(|(_, start)| *start < since));
        self.unpriced.truncate(self.unpriced.partition_point(|start| *start < since));
        self.spans.retain(|(first, _)| *first < since);
        if let (Some((_, last)), Some(newest)) = (self.spans.last_mut(), self.sweep.newest()) {
            *last = newest.min(*last);
        }
    }

    /// Keeps what was found, and not what it was found by.
    fn let_go(&mut self) {
        self.sweep = Sweep::default();
        self.unpriced = Vec::new();
    }

    /// When its first interaction since a moment began.
    fn first(&self, since: Nanos) -> Option<Nanos> {
        let unpriced = self.unpriced.get(self.unpriced.partition_point(|start| *start < since)).copied();
        let priced = self.sweep.between(since, Nanos::MAX).next().map(|(start, _)| start);
        priced.into_iter().chain(unpriced).min()
    }

    fn last(&self) -> Option<Nanos> {
        self.sweep.newest().max(self.unpriced.last().copied())
    }

    fn trend(&self, since: Nanos, step: Nanos, steps: u32) -> TrendRow {
        let mut spent = vec![None; steps as usize];
        let last = spent.len().saturating_sub(1);
        let mut nth = 0;
        let mut end = since.saturating_add(step);
        for (start, cost) in self.sweep.between(since, Nanos::MAX) {
            while start >= end && nth < last {
                nth += 1;
                end = end.saturating_add(step);
            }
            let sum: &mut Option<Cost> = &mut spent[nth];
            *sum = Some(Cost(sum.map_or(0, |sum| sum.0) + cost.0));
        }
        let judged = |(first, last): &(Nanos, Nanos)| self.sweep.between(since.max(*first), last.saturating_add(1)).next().is_some();
        let dear = self.dear.len() - self.dear.partition_point(|(_, start)| *start < since);
        TrendRow {
            key: self.feature.clone(),
            spent,
            anomalies: self.spans.iter().rev().any(judged).then_some(dear as u64),
            ..TrendRow::default()
        }
    }
}

/// Judges the interactions of one feature that began before a moment.
pub(super) fn judge(connection: &Connection, judging: &Judging, feature: Option<&str>, until: Nanos) -> Result<Judged> {
    let rows = of_features(connection, feature.map(|name| (name, name)), until)?
        .into_values()
        .next();
    let mut judged = Judged {
        feature: feature.map(str::to_owned),
        ..Judged::default()
    };
    judged.add(judging, rows.unwrap_or_default());
    judged.conclude(judging);
    Ok(judged)
}

/// Judges the interactions of all features that began before a moment; whether each holds its interactions.
pub(super) fn judge_all(connection: &Connection, judging: &Judging, until: Nanos, keep: bool) -> Result<(Vec<Judged>, bool)> {
    let mut statement = connection.prepare(include_str!("sql/priced.sql"))?;
    let counts = statement
        .query_map([until], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(Option<String>, u64)>>>()?;
    let whole = keep && counts.iter().map(|(_, count)| count).sum::<u64>() <= KEPT;
    let mut all = Vec::with_capacity(counts.len());
    let mut take = |features: BTreeMap<Option<String>, Vec<Row>>| {
        for (feature, rows) in features {
            let mut judged = Judged {
                feature,
                ..Judged::default()
            };
            judged.add(judging, rows);
            judged.conclude(judging);
            if !whole {
                judged.let_go();
            }
            all.push(judged);
        }
    };
    if counts.iter().any(|(feature, _)| feature.is_none()) {
        take(of_features(connection, None, until)?);
    }
    let named: Vec<(&str, u64)> = counts
        .iter()
        .filter_map(|(feature, count)| Some((feature.as_deref()?, *count)))
        .collect();
    let mut from = 0;
    while let Some((first, count)) = named.get(from) {
        let (mut to, mut held) = (from + 1, *count);
        while let Some((_, more)) = named.get(to).filter(|(_, more)| held + more <= HELD) {
            held += more;
            to += 1;
        }
        take(of_features(connection, Some((*first, named[to - 1].0)), until)?);
        from = to;
    }
    all.sort_unstable_by(|a, b| a.feature.cmp(&b.feature));
    Ok((all, whole))
}

/// The interactions of the features whose names lie between these two, or of those without a name.
fn of_features(connection: &Connection, names: Option<(&str, &str)>, until: Nanos) -> Result<BTreeMap<Option<String>, Vec<Row>>> {
    let (condition, mut binds) = match names {
        None => ("feature IS NULL AND start < ?", Vec::<Bind>::new()),
        Some((first, last)) => (
            "feature BETWEEN ? AND ? AND start < ?",
            vec![Box::new(first.to_owned()) as Bind, Box::new(last.to_owned())],
        ),
    };
    binds.push(Box::new(until));
    read(connection, condition, binds)
}

/// Interactions by feature and start.
fn read(connection: &Connection, condition: &str, binds: Vec<Bind>) -> Result<BTreeMap<Option<String>, Vec<Row>>> {
    let sql = include_str!("sql/judged.sql").replace("{condition}", condition);
    let mut statement = connection.prepare(&sql)?;
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut features: Vec<Vec<Row>> = Vec::new();
    let mut unnamed: Vec<Row> = Vec::new();
    for batch in statement.stream_arrow(params_from_iter(binds))? {
        let batch = batch?;
        let names = batch.column(0).as_string::<i32>();
        let starts = batch.column(1).as_primitive::<Int64Type>();
        let costs = batch.column(2).as_primitive::<Int64Type>();
        let keys = batch.column(3).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            let cost = costs.is_valid(row).then(|| Cost(costs.value(row).into()));
            let one = (starts.value(row), cost, TraceKey(keys.value(row)));
            if names.is_null(row) {
                unnamed.push(one);
            } else if let Some(place) = places.get(names.value(row)) {
                features[*place].push(one);
            } else {
                places.insert(names.value(row).to_owned(), features.len());
                features.push(vec![one]);
            }
        }
    }
    let mut all: BTreeMap<Option<String>, Vec<Row>> = BTreeMap::new();
    for (name, place) in places {
        all.insert(Some(name), std::mem::take(&mut features[place]));
    }
    if !unnamed.is_empty() {
        all.insert(None, unnamed);
    }
    // As good as sorted already. Of equal starts none is judged by another.
    all.values_mut().for_each(|rows| rows.sort_by_key(|(start, ..)| *start));
    Ok(all)
}

/// Makes what was found known to SQL: `temp.dear(start, trace)` and `temp.judged(feature, since, until)`.
pub(super) fn keep(connection: &Connection, all: &[Judged]) -> Result<()> {
    connection.execute_batch(
        "CREATE OR REPLACE TEMP TABLE dear (start BIGINT NOT NULL, trace UBIGINT NOT NULL);
         CREATE OR REPLACE TEMP TABLE judged (feature VARCHAR, since BIGINT NOT NULL, until BIGINT NOT NULL)",
    )?;
    let mut dear = connection.appender_to_catalog_and_db("dear", "temp", "main")?;
    for (trace, start) in all.iter().flat_map(|one| &one.dear) {
        dear.append_row(duckdb::params![start, trace.0])?;
    }
    dear.flush()?;
    let mut judged = connection.appender_to_catalog_and_db("judged", "temp", "main")?;
    for one in all {
        for (since, until) in &one.spans {
            judged.append_row(duckdb::params![one.feature, since, until])?;
        }
    }
    judged.flush()
}

/// Whether a filter asks for what is out of the ordinary.
pub(super) fn asks(filter: &Filter) -> bool {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter().any(asks),
        Filter::Not(inner) => asks(inner),
        Filter::Is(Field::Finding, pattern) => pattern.0.eq_ignore_ascii_case(ANOMALY),
        _ => false,
    }
}

//! Spend by key, at once and over time. The engine sums exact integers; shares, means and ratios are made here from the sums.

use std::collections::BTreeMap;

use duckdb::arrow::array::{Array as _, AsArray as _, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use duckdb::{Connection, Result, params_from_iter};

use super::bill::Bill;
use super::filter::Condition;
use super::judge::{Judge, Judged, judge_all, keep};
use super::logged;
use super::rows::{Bind, Columns};
use crate::model::filter::Filter;
use crate::model::query::{CostKey, CostRow, Reply, Trend, TrendRow, Window};
use crate::model::span::Nanos;
use crate::model::spend::{Spend, Totals};
use crate::model::usage::{Cost, Usage};

/// Where the costs of a key stand: a row per interaction, or per interaction and model.
pub(super) const fn place(by: CostKey) -> (&'static str, &'static str) {
    match by {
        CostKey::Feature => ("interaction", "feature"),
        CostKey::Model => ("spend", "model"),
        CostKey::User => ("interaction", "user_id"),
        CostKey::Session => ("interaction", "session"),
        CostKey::Service => ("interaction", "service"),
    }
}

/// The condition as it is asked of those rows.
fn scope(by: CostKey, condition: &Condition) -> String {
    match by {
        CostKey::Model if condition.sql != "true" => format!("trace IN (SELECT trace FROM interaction WHERE {})", condition.sql),
        _ => condition.sql.clone(),
    }
}

pub(super) fn costs(connection: &Connection, by: CostKey, filter: &Filter, window: Window, limit: usize) -> Result<Reply> {
    let condition = Condition::new(filter, window);
    let (mut rows, mut totals) = (Vec::new(), Totals::default());
    let scope = scope(by, &condition);
    sums(connection, by, &scope, condition.binds, |key, sums, median| {
        sums.tell(&mut totals);
        if rows.len() < limit {
            rows.push(sums.row(key, median));
        }
    })?;
    Ok(Reply::Costs(Box::new(Spend::new(rows, totals.finish()))))
}

/// Costs of everything, by what is known of it already.
pub(super) fn of_all(connection: &Connection, bill: &Bill, by: CostKey, window: Window, limit: usize) -> Result<Reply> {
    // What a window lets through is an interaction with all its calls; `spend` knows when a call began, not its interaction.
    let alike = by != CostKey::Model || window.since.is_none();
    let kept = match window.until {
        None if alike => bill.costs(connection, by, window.since, limit)?,
        _ => None,
    };
    match kept {
        Some(spend) => Ok(Reply::Costs(Box::new(spend))),
        None => costs(connection, by, &Filter::All, window, limit),
    }
}

/// Classes of tokens, as `Usage` has them.
const CLASSES: usize = 6;
const COST: usize = CLASSES;
const SAVED: usize = COST + 1;

/// What the engine sums of a key's value: half a million of these are kept.
#[derive(Clone, Default)]
pub(super) struct Sums {
    calls: u64,
    pub(super) interactions: u64,
    unpriced_calls: u64,
    /// Rows whose cost is known.
    pub(super) priced: u64,
    tokens: [u64; CLASSES],
    cost: i128,
    saved: i128,
    /// Which of the classes, and whether cost and savings, are known: a bit each.
    known: u8,
    lower_bound: bool,
    saved_unknown: bool,
}

impl Sums {
    const fn knows(&self, what: usize) -> bool {
        self.known & (1 << what) != 0
    }

    pub(super) fn cost(&self) -> Option<Cost> {
        self.knows(COST).then_some(Cost(self.cost))
    }

    /// Adds those of other rows.
    pub(super) fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.interactions += other.interactions;
        self.unpriced_calls = self.unpriced_calls.saturating_add(other.unpriced_calls);
        self.priced += other.priced;
        for (own, more) in self.tokens.iter_mut().zip(other.tokens) {
            *own = own.saturating_add(more);
        }
        self.cost += other.cost;
        self.saved += other.saved;
        self.known |= other.known;
        self.lower_bound |= other.lower_bound;
        self.saved_unknown |= other.saved_unknown;
    }

    /// Adds them to the sum of all values.
    pub(super) fn tell(&self, totals: &mut Totals) {
        totals.add(self.cost(), self.is_at_least());
    }

    /// What is known of the cost is a lower bound.
    pub(super) const fn is_at_least(&self) -> bool {
        self.lower_bound || self.unpriced_calls > 0
    }

    /// The row of a value with these sums, with its mean and its share of cached input.
    pub(super) fn row(&self, key: Option<String>, median: Option<Cost>) -> CostRow {
        let class = |nth: usize| self.knows(nth).then_some(self.tokens[nth]);
        let usage = Usage {
            input: class(0),
            cache_read: class(1),
            cache_write: class(2),
            cache_write_1h: class(3),
            output: class(4),
            reasoning: class(5),
        };
        let cache_hit_ratio = match (usage.cache_read, usage.total_input()) {
            (Some(read), Some(all)) if all > 0 => Some(read as f64 / all as f64),
            _ => None,
        };
        let mean = |sum: Cost| Cost(half_even(sum.0, i128::from(self.priced)));
        CostRow {
            key,
            calls: self.calls,
            interactions: self.interactions,
            usage,
            cost: self.cost(),
            p50_cost: median,
            mean_cost: self.cost().filter(|_| self.priced > 0).map(mean),
            cache_hit_ratio,
            saved: self.knows(SAVED).then_some(Cost(self.saved)),
            saved_unknown: self.saved_unknown,
            unpriced_calls: self.unpriced_calls,
            lower_bound: self.lower_bound,
            ..CostRow::default()
        }
    }
}

/// Rows as `SUMMED` reads them.
pub(super) struct Rows<'a> {
    calls: &'a UInt32Array,
    unpriced_calls: &'a UInt32Array,
    /// The classes of tokens, the cost, the savings.
    known: [&'a Int64Array; SAVED + 1],
    lower_bound: &'a BooleanArray,
    saved_unknown: &'a BooleanArray,
}

impl<'a> Rows<'a> {
    /// What is summed of a row.
    pub(super) const SUMMED: &'static str =
        "calls, unpriced_calls, input, cache_read, cache_write, cache_write_1h, output, reasoning, cost, saved, lower_bound, saved_unknown";

    /// Those columns of a batch, from this one on.
    pub(super) fn of(batch: &'a RecordBatch, first: usize) -> Self {
        Self {
            calls: batch.column(first).as_primitive(),
            unpriced_calls: batch.column(first + 1).as_primitive(),
            known: std::array::from_fn(|nth| batch.column(first + 2 + nth).as_primitive()),
            lower_bound: batch.column(first + 3 + SAVED).as_boolean(),
            saved_unknown: batch.column(first + 4 + SAVED).as_boolean(),
        }
    }

    /// A row's cost.
    pub(super) fn cost(&self, row: usize) -> Option<i64> {
        let costs = self.known[COST];
        costs.is_valid(row).then(|| costs.value(row))
    }

    /// The sums of one row.
    pub(super) fn sums(&self, row: usize) -> Sums {
        let mut sums = Sums {
            calls: u64::from(self.calls.value(row)),
            interactions: 1,
            unpriced_calls: u64::from(self.unpriced_calls.value(row)),
            priced: u64::from(self.known[COST].is_valid(row)),
            lower_bound: self.lower_bound.value(row),
            saved_unknown: self.saved_unknown.value(row),
            ..Sums::default()
        };
        for (nth, column) in self.known.iter().enumerate().filter(|(_, column)| column.is_valid(row)) {
            let value = column.value(row);
            sums.known |= 1 << nth;
            match nth {
                COST => sums.cost = i128::from(value),
                SAVED => sums.saved = i128::from(value),
                _ => sums.tokens[nth] = u64::try_from(value).unwrap_or(u64::MAX),
            }
        }
        sums
    }
}

/// Lets the engine sum the rows that a condition lets through, by key, dearest first.
fn sums(
    connection: &Connection,
    by: CostKey,
    condition: &str,
    binds: Vec<Bind>,
    mut take: impl FnMut(Option<String>, Sums, Option<Cost>),
) -> Result<()> {
    let (table, key) = place(by);
    let sql = include_str!("sql/costs.sql")
        .replace("{key}", key)
        .replace("{table}", table)
        .replace("{condition}", condition);
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(binds))?;
    while let Some(row) = found.next()? {
        let mut at = Columns { row, next: 0 };
        let (key, mut sums) = (at.get()?, Sums::default());
        sums.calls = at.tokens()?.unwrap_or(0);
        sums.interactions = at.get()?;
        for nth in 0..CLASSES {
            if let Some(tokens) = at.tokens()? {
                sums.tokens[nth] = tokens;
                sums.known |= 1 << nth;
            }
        }
        if let Some(cost) = at.cost()? {
            sums.cost = cost.0;
            sums.known |= 1 << COST;
        }
        let median = at.cost()?;
        sums.unpriced_calls = at.tokens()?.unwrap_or(0);
        sums.lower_bound = at.get()?;
        sums.priced = at.get()?;
        if let Some(saved) = at.cost()? {
            sums.saved = saved.0;
            sums.known |= 1 << SAVED;
        }
        sums.saved_unknown = at.get()?;
        take(key, sums, median);
    }
    Ok(())
}

/// Spend by key in so many steps from the first interaction to the last, and what is out of the ordinary in it.
pub(super) fn trend(
    connection: &Connection,
    judge: &Judge,
    by: CostKey,
    filter: &Filter,
    window: Window,
    steps: u32,
    limit: usize,
) -> Result<Reply> {
    let steps = steps.max(1);
    let hours = |all: &[Judged]| -> BTreeMap<Option<String>, bool> {
        let told = all.iter().filter_map(|one| Some((one.feature.clone(), one.hour?.1)));
        told.collect()
    };
    let mut trend = None;
    let rising = if let Some(until) = window.until {
        let (all, _) = judge_all(connection, &judge.judging, until, false)?;
        keep(connection, &all)?;
        hours(&all)
    } else {
        let known = judge.known(connection)?;
        if by == CostKey::Feature && filter.is_all() {
            trend = known.trend(window.since, steps);
        }
        if trend.is_none() {
            keep(connection, &known.all)?;
        }
        hours(&known.all)
    };
    let mut trend = match trend {
        Some(known) => known,
        None => read_trend(connection, by, filter, window, steps, limit)?,
    };
    if by == CostKey::Feature {
        let logged = logged::counts(connection, window)?;
        for own in &mut trend.rows {
            own.logged_anomalies = Some(own.key.as_ref().and_then(|key| logged.get(key)).copied().unwrap_or(0));
            own.rising = rising.get(&own.key).copied();
        }
    }
    Ok(Reply::Trend(Box::new(trend)))
}

/// How long each of so many steps is, from one start to the last.
pub(super) fn step(since: Nanos, last: Nanos, steps: u32) -> Nanos {
    let length = last.saturating_add(1).saturating_sub(since);
    length.checked_div(Nanos::from(steps)).unwrap_or(0).saturating_add(1)
}

/// The trend as the engine sums it, by what `keep` told it.
fn read_trend(connection: &Connection, by: CostKey, filter: &Filter, window: Window, steps: u32, limit: usize) -> Result<Trend> {
    let condition = Condition::new(filter, window);
    let sql = format!("SELECT min(start), max(start) FROM interaction WHERE {}", condition.sql);
    let extent: (Option<Nanos>, Option<Nanos>) =
        connection.query_row(&sql, params_from_iter(condition.binds), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = extent else {
        return Ok(Trend::default());
    };
    let since = window.since.unwrap_or(first);
    let step = step(since, last, steps);
    let (condition, again) = (Condition::new(filter, window), Condition::new(filter, window));
    let (table, key) = place(by);
    // A call begins after its interaction; it is judged with it.
    let rows = match by {
        CostKey::Model => {
            "SELECT s.trace, s.start, s.model, s.cost, i.feature, i.start AS begun FROM spend s JOIN interaction i ON i.trace = s.trace"
        }
        _ => "SELECT *, start AS begun FROM interaction",
    };
    let scope = scope(by, &condition).replacen("trace IN", if table == "spend" { "s.trace IN" } else { "trace IN" }, 1);
    let rows = format!("({rows} WHERE {scope})");
    let sql = include_str!("sql/trend.sql")
        .replace("{key}", key)
        .replace("{rows}", &rows)
        .replace("{since}", &since.to_string())
        .replace("{step}", &step.to_string())
        .replace("{last}", &(steps - 1).to_string())
        .replace("{limit}", &i64::try_from(limit).unwrap_or(i64::MAX).to_string());
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(condition.binds.into_iter().chain(again.binds)))?;
    let mut trend = Trend {
        since: Some(since),
        step,
        steps,
        rows: Vec::new(),
    };
    let mut judgeable = 0_u64;
    while let Some(row) = found.next()? {
        let mut at = Columns { row, next: 0 };
        let key: Option<String> = at.get()?;
        let nth: i64 = at.get()?;
        let spent = at.cost()?;
        let (dear, known): (u64, u64) = (at.get()?, at.get()?);
        if trend.rows.last().is_none_or(|own| own.key != key) {
            judgeable = 0;
            trend.rows.push(TrendRow {
                key,
                spent: vec![None; steps as usize],
                ..TrendRow::default()
            });
        }
        let Some(own) = trend.rows.last_mut() else { continue };
        if let Some(place) = usize::try_from(nth).ok().and_then(|nth| own.spent.get_mut(nth)) {
            *place = spent;
        }
        judgeable += known;
        own.anomalies = (judgeable > 0).then(|| own.anomalies.unwrap_or(0) + dear);
    }
    Ok(trend)
}

/// Division rounded to the nearest, ties to the even neighbour. `count` is positive.
fn half_even(sum: i128, count: i128) -> i128 {
    let (quotient, rest) = (sum.div_euclid(count), sum.rem_euclid(count));
    match (rest * 2).cmp(&count) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + quotient.rem_euclid(2),
    }
}

#[cfg(test)]
mod tests {
    use super::half_even;

    #[test]
    fn means_round_half_to_even() {
        for (sum, count, mean) in [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (10, 3, 3), (11, 3, 4), (0, 9, 0)] {
            assert_eq!(half_even(sum, count), mean, "{sum}/{count}");
        }
    }
}

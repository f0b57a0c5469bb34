//! Spend by key, at once and over time. The engine sums exact integers; shares, means and ratios are made here from the sums.

use std::collections::BTreeMap;

use duckdb::{Connection, Result, params_from_iter};

use super::bill::Bill;
use super::filter::Condition;
use super::judge::{Judge, Judged, judge_all, keep};
use super::logged;
use super::rows::{Bind, Columns};
use crate::model::filter::Filter;
use crate::model::query::{CostKey, CostRow, Reply, Trend, TrendRow, Window};
use crate::model::span::Nanos;
use crate::model::usage::Cost;

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

pub(super) fn costs(connection: &Connection, by: CostKey, filter: &Filter, window: Window) -> Result<Reply> {
    let condition = Condition::new(filter, window);
    let mut rows = Vec::new();
    let scope = scope(by, &condition);
    sums(connection, by, &scope, condition.binds, true, |sums| rows.push(sums.finish()))?;
    shares(&mut rows);
    Ok(Reply::Costs(rows))
}

/// Costs of everything, by what is known of it already.
pub(super) fn of_all(connection: &Connection, bill: &Bill, by: CostKey, window: Window) -> Result<Reply> {
    // What a window lets through is an interaction with all its calls; `spend` knows when a call began, not its interaction.
    let alike = by != CostKey::Model || window.since.is_none();
    let kept = match window.until {
        None if alike => bill.costs(connection, by, window.since)?,
        _ => None,
    };
    let Some(mut rows) = kept else {
        return costs(connection, by, &Filter::All, window);
    };
    shares(&mut rows);
    Ok(Reply::Costs(rows))
}

/// What the engine sums of a key's value. Of more than one such sum the median is not known.
#[derive(Clone)]
pub(super) struct Sums {
    /// Without what follows from the sums.
    pub(super) row: CostRow,
    /// Rows whose cost is known.
    priced: i128,
}

impl Sums {
    /// Adds those of other rows.
    pub(super) fn add(&mut self, other: &Self) {
        let (own, more) = (&mut self.row, &other.row);
        let both = |own: Option<Cost>, more: Option<Cost>| match (own, more) {
            (Some(own), Some(more)) => Some(Cost(own.0 + more.0)),
            (own, more) => own.or(more),
        };
        own.calls = own.calls.saturating_add(more.calls);
        own.interactions += more.interactions;
        own.usage = own.usage.add(&more.usage);
        own.cost = both(own.cost, more.cost);
        own.unpriced_calls = own.unpriced_calls.saturating_add(more.unpriced_calls);
        own.lower_bound |= more.lower_bound;
        own.saved = both(own.saved, more.saved);
        own.saved_unknown |= more.saved_unknown;
        own.p50_cost = None;
        self.priced += other.priced;
    }

    /// The row with its mean and its share of cached input.
    pub(super) fn finish(self) -> CostRow {
        let mut row = self.row;
        row.mean_cost = row.cost.filter(|_| self.priced > 0).map(|sum| Cost(half_even(sum.0, self.priced)));
        row.cache_hit_ratio = match (row.usage.cache_read, row.usage.total_input()) {
            (Some(read), Some(all)) if all > 0 => Some(read as f64 / all as f64),
            _ => None,
        };
        row
    }
}

/// Lets the engine sum the rows that a condition lets through, by key, dearest first; with or without the median.
pub(super) fn sums(
    connection: &Connection,
    by: CostKey,
    condition: &str,
    binds: Vec<Bind>,
    median: bool,
    mut take: impl FnMut(Sums),
) -> Result<()> {
    let (table, key) = place(by);
    let sql = include_str!("sql/costs.sql")
        .replace("{key}", key)
        .replace("{table}", table)
        .replace("{median}", if median { "quantile_disc(cost, 0.5)" } else { "NULL::BIGINT" })
        .replace("{condition}", condition);
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(binds))?;
    while let Some(row) = found.next()? {
        let mut at = Columns { row, next: 0 };
        let row = CostRow {
            key: at.get()?,
            calls: at.tokens()?.unwrap_or(0),
            interactions: at.get()?,
            usage: at.usage()?,
            cost: at.cost()?,
            p50_cost: at.cost()?,
            unpriced_calls: at.tokens()?.unwrap_or(0),
            lower_bound: at.get()?,
            ..CostRow::default()
        };
        let priced = at.get()?;
        let (saved, saved_unknown) = (at.cost()?, at.get()?);
        take(Sums {
            row: CostRow {
                saved,
                saved_unknown,
                ..row
            },
            priced,
        });
    }
    Ok(())
}

/// Spend by key in so many steps from the first interaction to the last, and what is out of the ordinary in it.
pub(super) fn trend(connection: &Connection, judge: &Judge, by: CostKey, filter: &Filter, window: Window, steps: u32) -> Result<Reply> {
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
        None => read_trend(connection, by, filter, window, steps)?,
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
fn read_trend(connection: &Connection, by: CostKey, filter: &Filter, window: Window, steps: u32) -> Result<Trend> {
    let condition = Condition::new(filter, window);
    let sql = format!("SELECT min(start), max(start) FROM interaction WHERE {}", condition.sql);
    let extent: (Option<Nanos>, Option<Nanos>) =
        connection.query_row(&sql, params_from_iter(condition.binds), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = extent else {
        return Ok(Trend::default());
    };
    let since = window.since.unwrap_or(first);
    let step = step(since, last, steps);
    let condition = Condition::new(filter, window);
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
        .replace("{last}", &(steps - 1).to_string());
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(condition.binds))?;
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

/// `rows` are dearest first.
fn shares(rows: &mut [CostRow]) {
    let whole: i128 = rows.iter().filter_map(|row| row.cost).map(|cost| cost.0).sum();
    if whole == 0 {
        return;
    }
    let mut so_far: i128 = 0;
    for row in rows {
        let own = row.cost.map_or(0, |cost| cost.0);
        so_far += own;
        row.share = Some(own as f64 / whole as f64);
        row.cumulative_share = Some(so_far as f64 / whole as f64);
    }
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

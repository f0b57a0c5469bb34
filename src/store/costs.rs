//! Spend by key. The engine sums exact integers; shares, means and ratios are made here from the sums.

use duckdb::{Connection, Result, params_from_iter};

use super::filter::Condition;
use super::rows::Columns;
use crate::model::filter::Filter;
use crate::model::query::{CostKey, CostRow, Reply, Window};
use crate::model::usage::Cost;

pub(super) fn costs(connection: &Connection, by: CostKey, filter: &Filter, window: Window, anomalies: bool) -> Result<Reply> {
    let condition = Condition::new(filter, window);
    // A row per interaction, or per interaction and model.
    let (table, key) = match by {
        CostKey::Feature => ("interaction", "feature"),
        CostKey::Model => ("spend", "model"),
        CostKey::User => ("interaction", "user_id"),
        CostKey::Session => ("interaction", "session"),
        CostKey::Service => ("interaction", "service"),
    };
    // Nothing is joined that was not asked for: on millions of rows it costs more than the sums.
    let (rows, counts) = if anomalies {
        let judged = include_str!("sql/judged.sql").trim_end();
        let rows =
            format!("(SELECT t.*, j.dear, j.rising, j.start AS judged_at FROM {table} t LEFT JOIN ({judged}) j ON j.trace = t.trace)");
        (rows, "count(dear), count(*) FILTER (WHERE dear), arg_max(rising, judged_at)")
    } else {
        (table.to_owned(), "0, 0, CAST(NULL AS INTEGER)")
    };
    let scope = match by {
        CostKey::Model if condition.sql != "true" => format!("trace IN (SELECT trace FROM interaction WHERE {})", condition.sql),
        _ => condition.sql.clone(),
    };
    let sql = include_str!("sql/costs.sql")
        .replace("{key}", key)
        .replace("{rows}", &rows)
        .replace("{judged}", counts)
        .replace("{condition}", &scope);
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(condition.binds))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut at = Columns { row, next: 0 };
        let mut cost = CostRow {
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
        let priced: i128 = at.get()?;
        cost.mean_cost = cost.cost.filter(|_| priced > 0).map(|sum| Cost(half_even(sum.0, priced)));
        let (judged, dear): (u64, u64) = (at.get()?, at.get()?);
        cost.anomalies = (anomalies && judged > 0).then_some(dear);
        // Of the newest that could be judged; -1 where its hour was too thin.
        let rising: Option<i32> = at.get()?;
        cost.rising = rising.filter(|code| *code >= 0 && by == CostKey::Feature).map(|code| code == 1);
        cost.cache_hit_ratio = match (cost.usage.cache_read, cost.usage.total_input()) {
            (Some(read), Some(all)) if all > 0 => Some(read as f64 / all as f64),
            _ => None,
        };
        rows.push(cost);
    }
    shares(&mut rows);
    Ok(Reply::Costs(rows))
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

//! Interactions over time, in one pass over a few columns; in a second one where they fill but a small part of the time.

use duckdb::{Connection, Result, params_from_iter};

use super::filter::Condition;
use super::rows::Columns;
use crate::model::filter::Filter;
use crate::model::query::{Reply, Window};
use crate::model::span::Nanos;
use crate::model::timeline::{Bar, Timeline, fine};

pub(super) fn timeline(connection: &Connection, filter: &Filter, window: Window, most: u32) -> Result<Reply> {
    let most = u64::from(most);
    let Some((mut step, mut counted)) = count(connection, filter, window)? else {
        return Ok(Reply::Timeline(Box::default()));
    };
    if let (Some((first, _)), Some((last, _))) = (counted.first(), counted.last())
        && first.abs_diff(*last) < most / 2
    {
        // Only there, in shorter steps.
        let within = Window {
            since: window.since.max(Some(first.saturating_mul(step))),
            until: Some(last.saturating_add(1).saturating_mul(step)).min(window.until.or(Some(Nanos::MAX))),
        };
        if let Some(nearer) = count(connection, filter, within)?.filter(|(nearer, _)| *nearer < step) {
            (step, counted) = nearer;
        }
    }
    Ok(Reply::Timeline(Box::new(Timeline::gather(step, &counted, most))))
}

/// Bars by their number since 1970, and the step they are counted in; `None` where there is nothing in that time.
fn count(connection: &Connection, filter: &Filter, window: Window) -> Result<Option<(Nanos, Vec<(i64, Bar)>)>> {
    let all = Condition::new(&Filter::All, window);
    let sql = format!("SELECT min(start), max(start) FROM interaction WHERE {}", all.sql);
    let (low, high): (Option<Nanos>, Option<Nanos>) =
        connection.query_row(&sql, params_from_iter(all.binds), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(low), Some(high)) = (low, high) else { return Ok(None) };
    let step = fine(low, high);
    let condition = Condition::new(filter, window);
    let sql = include_str!("sql/timeline.sql")
        .replace("{step}", &step.to_string())
        .replace("{condition}", &condition.sql);
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(condition.binds))?;
    let mut counted = Vec::new();
    while let Some(row) = found.next()? {
        let mut at = Columns { row, next: 0 };
        counted.push((
            at.get()?,
            Bar {
                interactions: at.get()?,
                cost: at.cost()?,
                at_least: at.get()?,
                errors: at.get()?,
            },
        ));
    }
    Ok(Some((step, counted)))
}

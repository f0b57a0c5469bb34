//! Interactions over time, in one pass over a few columns, and further ones where they fill but a small part of the time.

use duckdb::{Connection, Result, params_from_iter};

use super::filter::Condition;
use super::rows::Columns;
use crate::model::filter::Filter;
use crate::model::query::{Reply, Window};
use crate::model::span::Nanos;
use crate::model::timeline::{Bar, Timeline, bulk, fine};

/// Times that it is counted at most.
const PASSES: usize = 3;

pub(super) fn timeline(connection: &Connection, filter: &Filter, window: Window, most: u32) -> Result<Reply> {
    let most = u64::from(most);
    let Some((mut step, mut counted)) = count(connection, filter, window)? else {
        return Ok(Reply::Timeline(Box::default()));
    };
    let mut outside = (0, 0);
    // What is worth drawing may be a small part of all the time: then it is counted again, only there, in shorter steps.
    for _ in 0..PASSES {
        let kept = bulk(&counted);
        let sum = |bars: &[(i64, Bar)]| bars.iter().map(|(_, bar)| bar.interactions).sum::<u64>();
        outside.0 += sum(&counted[..kept.start]);
        outside.1 += sum(&counted[kept.end..]);
        counted.truncate(kept.end);
        counted.drain(..kept.start);
        let (Some((first, _)), Some((last, _))) = (counted.first(), counted.last()) else {
            break;
        };
        if first.abs_diff(*last) >= most / 2 {
            break;
        }
        let within = Window {
            since: window.since.max(Some(first.saturating_mul(step))),
            until: Some(last.saturating_add(1).saturating_mul(step)).min(window.until.or(Some(Nanos::MAX))),
        };
        match count(connection, filter, within)?.filter(|(nearer, _)| *nearer < step) {
            Some(nearer) => (step, counted) = nearer,
            None => break,
        }
    }
    let line = Timeline {
        outside,
        ..Timeline::gather(step, &counted, most)
    };
    Ok(Reply::Timeline(Box::new(line)))
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

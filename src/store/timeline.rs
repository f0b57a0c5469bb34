//! Interactions over time, in one pass over a few columns, and further ones where they fill but a small part of the time.

use std::collections::BTreeMap;
use std::sync::{Mutex, TryLockError};

use duckdb::{Connection, Result, params_from_iter};

use super::changes::{Changes, EVER, Times};
use super::filter::Condition;
use super::rows::Columns;
use crate::model::filter::Filter;
use crate::model::query::{Reply, Window};
use crate::model::span::Nanos;
use crate::model::timeline::{Bar, Timeline, bulk, fine};

/// Times that it is counted at most.
const PASSES: usize = 3;
/// More pieces than this are counted again with all the others: one question costs less.
const PIECES: usize = 16;

/// Bars by their number since 1970, and the step they are counted in.
type Counted = (Nanos, Vec<(i64, Bar)>);

/// Knows the bars of all that is stored, and where they are not true any more: only there they are counted again.
#[derive(Default)]
pub(super) struct Strip {
    pub(super) changes: Changes,
    known: Mutex<Option<(Nanos, BTreeMap<i64, Bar>)>>,
}

pub(super) fn timeline(connection: &Connection, filter: &Filter, window: Window, most: u32) -> Result<Reply> {
    let counted = count(connection, filter, window)?;
    nearer(connection, filter, window, most, counted)
}

/// Of everything, by what is known of it already.
pub(super) fn of_all(connection: &Connection, strip: &Strip, most: u32) -> Result<Reply> {
    let mut known = match strip.known.try_lock() {
        Ok(known) => Some(known),
        Err(TryLockError::Poisoned(known)) => Some(known.into_inner()),
        // Another question counts: the engine can answer this one meanwhile.
        Err(TryLockError::WouldBlock) => None,
    };
    let changes = known.as_ref().map_or_else(Vec::new, |_| strip.changes.take());
    connection.execute_batch("BEGIN TRANSACTION READ ONLY")?;
    let counted = match &mut known {
        Some(known) => known_count(connection, known, &changes)?,
        None => count(connection, &Filter::All, Window::default())?,
    };
    drop(known);
    let reply = nearer(connection, &Filter::All, Window::default(), most, counted)?;
    connection.execute_batch("COMMIT")?;
    Ok(reply)
}

fn known_count(connection: &Connection, known: &mut Option<(Nanos, BTreeMap<i64, Bar>)>, changes: &[Times]) -> Result<Option<Counted>> {
    // Put back when all is well.
    let before = known.take();
    let Some((low, high)) = extent(connection, Window::default())? else {
        return Ok(None);
    };
    let step = fine(low, high);
    let changed = together(changes, step);
    let mut bars = match before {
        Some((known, bars)) if known == step && !changes.contains(&EVER) && changed.len() <= PIECES => bars,
        _ => {
            let counted = bars_of(connection, &Filter::All, Window::default(), step)?;
            *known = Some((step, counted.iter().copied().collect()));
            return Ok(Some((step, counted)));
        }
    };
    for (first, last) in changed {
        let within = Window {
            since: Some(first.saturating_mul(step)),
            until: last.checked_add(1).and_then(|next| next.checked_mul(step)),
        };
        let mut beyond = bars.split_off(&first);
        bars.append(&mut beyond.split_off(&last.saturating_add(1)));
        bars.extend(bars_of(connection, &Filter::All, within, step)?);
    }
    let counted = bars.iter().map(|(at, bar)| (*at, *bar)).collect();
    *known = Some((step, bars));
    Ok(Some((step, counted)))
}

/// The steps in which something changed, from one to another: neighbours are counted at once.
fn together(changes: &[Times], step: Nanos) -> Vec<(i64, i64)> {
    let mut steps: Vec<(i64, i64)> = changes
        .iter()
        .map(|(first, last)| (first.div_euclid(step), last.div_euclid(step)))
        .collect();
    steps.sort_unstable();
    let mut together: Vec<(i64, i64)> = Vec::new();
    for (first, last) in steps {
        match together.last_mut() {
            Some(known) if first <= known.1.saturating_add(1) => known.1 = known.1.max(last),
            _ => together.push((first, last)),
        }
    }
    together
}

/// What is worth drawing may be a small part of all the time: then it is counted again, only there, in shorter steps.
fn nearer(connection: &Connection, filter: &Filter, window: Window, most: u32, counted: Option<Counted>) -> Result<Reply> {
    let most = u64::from(most);
    let Some((mut step, mut counted)) = counted else {
        return Ok(Reply::Timeline(Box::default()));
    };
    let mut outside = (0, 0);
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

/// Bars in a step that makes enough of them; `None` where there is nothing in that time.
fn count(connection: &Connection, filter: &Filter, window: Window) -> Result<Option<Counted>> {
    let Some((low, high)) = extent(connection, window)? else {
        return Ok(None);
    };
    let step = fine(low, high);
    Ok(Some((step, bars_of(connection, filter, window, step)?)))
}

/// When the first and the last interaction of a time begin.
fn extent(connection: &Connection, window: Window) -> Result<Option<Times>> {
    let all = Condition::new(&Filter::All, window);
    let sql = format!("SELECT min(start), max(start) FROM interaction WHERE {}", all.sql);
    let (low, high): (Option<Nanos>, Option<Nanos>) =
        connection.query_row(&sql, params_from_iter(all.binds), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(low.zip(high))
}

fn bars_of(connection: &Connection, filter: &Filter, window: Window, step: Nanos) -> Result<Vec<(i64, Bar)>> {
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
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::super::bill::tests::{add, empty, remove};
    use super::*;

    #[test]
    fn only_steps_in_which_something_changed_are_counted_again() {
        const HOUR: Nanos = 3_600_000_000_000;
        let connection = empty();
        let strip = Strip::default();
        for n in 0..100 {
            add(&connection, n, n as Nanos * HOUR, Some(0), Some(5));
        }
        let count = || match of_all(&connection, &strip, 60).expect("an answer") {
            Reply::Timeline(line) => line.bars.iter().map(|bar| bar.interactions).sum::<u64>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(count(), 100);
        // Nobody said that these go: their steps are not looked at again.
        remove(&connection, (30 * HOUR, 39 * HOUR));
        remove(&connection, (50 * HOUR, 54 * HOUR));
        assert_eq!(count(), 100);
        strip.changes.add(&[(50 * HOUR, 54 * HOUR)]);
        assert_eq!(count(), 95);
        strip.changes.add(&[EVER]);
        assert_eq!(count(), 85);
    }
}

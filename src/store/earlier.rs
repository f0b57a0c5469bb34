//! What an interaction of a session goes on from: the nearest one before it whose last model call has messages.

use duckdb::{Connection, Result, params};

use super::peers::spans;
use crate::derive::derive;
use crate::model::query::{Earlier, Reply};
use crate::model::span::{Nanos, TraceKey};
use crate::pricing::Prices;

/// So many interactions of the session are looked into.
const MOST: u32 = 32;

const HOUR: Nanos = 3_600_000_000_000;

/// How long before it is looked, one after the other: the turns of a conversation mostly stand close together, and the rest is skipped.
const REACH: [Nanos; 3] = [HOUR, 24 * HOUR, Nanos::MAX];

pub(super) fn earlier(connection: &Connection, prices: &Prices, trace: TraceKey) -> Result<Reply> {
    let mut statement = connection.prepare("SELECT session, start, place FROM interaction WHERE trace = ? AND session IS NOT NULL")?;
    let mut own = statement.query([trace.0])?;
    let Some(row) = own.next()? else { return Ok(Reply::Earlier(None)) };
    let (session, start): (String, Nanos) = (row.get(0)?, row.get(1)?);
    let mut nearest: (Nanos, i128) = (start, row.get(2)?);
    let mut left = MOST;
    let mut statement = connection.prepare(include_str!("sql/earlier.sql"))?;
    for reach in REACH {
        let (at, place) = nearest;
        let binds = params![session, start.saturating_sub(reach), at, at, place, trace.0, left];
        let found = statement.query_map(binds, |row| {
            Ok(((TraceKey(row.get(0)?), row.get(1)?, row.get(2)?), (row.get(3)?, row.get(4)?)))
        })?;
        for one in found.collect::<Result<Vec<((TraceKey, Nanos, Nanos), (Nanos, i128))>>>()? {
            nearest = one.1;
            left -= 1;
            let parts = spans(connection, &[one.0])?.remove(&one.0.0).unwrap_or_default();
            if parts.is_empty() {
                continue;
            }
            let derived = derive(parts.into_iter().map(|(part, _)| part).collect(), prices);
            if let Some(earlier) = Earlier::of(&derived) {
                return Ok(Reply::Earlier(Some(Box::new(earlier))));
            }
        }
        if left == 0 {
            break;
        }
    }
    Ok(Reply::Earlier(None))
}

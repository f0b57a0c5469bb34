//! What is usual where an interaction happened: earlier interactions of its feature, derived from their parts as one opened by hand is.

use std::collections::HashMap;

use duckdb::{Connection, Result, params};

use super::answer::{assembled, bodies};
use super::rows::{Place, read_part, read_places};
use crate::derive::derive;
use crate::model::content::Slot;
use crate::model::query::{Peer, Peers, Reply};
use crate::model::span::{Nanos, Part, SpanKey, TraceKey};
use crate::pricing::Prices;

pub(super) fn peers(connection: &Connection, prices: &Prices, trace: TraceKey, within: Nanos, limit: u32) -> Result<Reply> {
    let mut statement = connection.prepare(include_str!("sql/peers.sql"))?;
    let mut found = statement
        .query_map(params![trace.0, within, u64::from(limit) + 1], |row| {
            Ok((TraceKey(row.get(0)?), row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<Vec<(TraceKey, Nanos, Nanos)>>>()?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let mut spans = spans(connection, &found)?;
    let wanted = |place: &Place| matches!(place.0, Slot::System | Slot::Document);
    let ids = spans
        .values()
        .flatten()
        .flat_map(|(_, places)| places)
        .filter(|place| wanted(place));
    let bodies = bodies(connection, ids.map(|(_, id)| *id))?;
    let mut rows = Vec::with_capacity(found.len());
    for (key, ..) in &found {
        let Some(parts) = spans.remove(key) else { continue };
        let mut places: Vec<(SpanKey, Vec<Vec<Place>>)> = Vec::new();
        for (part, all) in &parts {
            let kept: Vec<Place> = all.iter().copied().filter(wanted).collect();
            if kept.is_empty() {
                continue;
            }
            let span = SpanKey::of(*key, &part.span_id);
            match places.iter_mut().find(|(known, _)| *known == span) {
                Some((_, lists)) => lists.push(kept),
                None => places.push((span, vec![kept])),
            }
        }
        let contents = places
            .into_iter()
            .map(|(span, places)| (span, assembled(places, &bodies)))
            .collect();
        let trace = derive(parts.into_iter().map(|(part, _)| part).collect(), prices);
        rows.push(Peer { trace, contents });
    }
    Ok(Reply::Peers(Box::new(Peers { rows, more })))
}

/// The parts of several traces in the order of their origins, with the places of their contents.
fn spans(connection: &Connection, traces: &[(TraceKey, Nanos, Nanos)]) -> Result<HashMap<TraceKey, Vec<(Part, Vec<Place>)>>> {
    let mut spans: HashMap<TraceKey, Vec<(Part, Vec<Place>)>> = HashMap::new();
    let (Some(first), Some(last)) = (traces.iter().map(|t| t.1).min(), traces.iter().map(|t| t.2).max()) else {
        return Ok(spans);
    };
    let list = traces.iter().map(|(trace, ..)| trace.0.to_string()).collect::<Vec<_>>().join(",");
    let sql = format!("SELECT * FROM part WHERE start BETWEEN ? AND ? AND trace IN ({list})");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params![first, last])?;
    while let Some(row) = rows.next()? {
        let (part, contents) = read_part(row)?;
        let places = contents.as_deref().map(read_places).unwrap_or_default();
        spans.entry(part.trace).or_default().push((part, places));
    }
    for parts in spans.values_mut() {
        parts.sort_by_key(|(part, _)| part.origin);
    }
    Ok(spans)
}

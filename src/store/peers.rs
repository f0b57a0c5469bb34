//! What is usual where an interaction happened, and what is dear in a feature: interactions derived from their parts as one opened by hand is.

use std::collections::{BTreeMap, HashMap};

use duckdb::{Connection, Result, params};

use super::answer::{assembled, bodies};
use super::judge::judge;
use super::logged;
use super::rows::{Place, read_part, read_places};
use crate::derive::derive;
use crate::model::anomaly::Judging;
use crate::model::content::Slot;
use crate::model::query::{Peer, Peers, Reply, Spike, Window};
use crate::model::span::{Nanos, Part, SpanKey, TraceKey};
use crate::model::trace::Trace;
use crate::model::usage::Cost;
use crate::pricing::Prices;

pub(super) fn peers(
    connection: &Connection,
    prices: &Prices,
    judging: &Judging,
    trace: TraceKey,
    within: Nanos,
    limit: u32,
) -> Result<Reply> {
    let mut statement = connection.prepare(include_str!("sql/peers.sql"))?;
    let mut found = statement
        .query_map(params![trace.0, within, u64::from(limit) + 1], |row| {
            Ok((TraceKey(row.get(0)?), row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<Vec<(TraceKey, Nanos, Nanos)>>>()?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let (p50, priced) = connection.query_row(include_str!("sql/peers_cost.sql"), params![trace.0, judging.rule.window], |row| {
        Ok((row.get::<_, Option<i128>>(0)?.map(Cost), row.get(1)?))
    })?;
    Ok(Reply::Peers(Box::new(Peers {
        rows: derived(connection, prices, &found, false)?,
        more,
        p50,
        priced,
    })))
}

/// Of the dear ones so many are looked into.
const DEAR: u32 = 20;
/// And so many of the others.
const USUAL: u32 = 60;

/// Which models the log used.
const MODELS: &str =
    "SELECT model, CAST(sum(calls) AS UBIGINT) FROM spend WHERE model IS NOT NULL GROUP BY model ORDER BY 2 DESC, 1 LIMIT 100";

/// What is dear in a feature, beside what is usual there.
pub(super) fn spike(
    connection: &Connection,
    prices: &Prices,
    judging: &Judging,
    feature: &Option<String>,
    window: Window,
) -> Result<Reply> {
    let judged = judge(connection, judging, feature.as_deref(), window.until.unwrap_or(Nanos::MAX))?;
    if judged.priced == 0 {
        return Ok(Reply::Spike(Box::new(Spike {
            feature: feature.clone(),
            ..Spike::default()
        })));
    }
    let since = window.since.unwrap_or(Nanos::MIN);
    let dear = || judged.dear.iter().filter(|(_, start)| *start >= since);
    let newest = dear()
        .next_back()
        .map(|(_, start)| *start)
        .or(judged.newest())
        .unwrap_or(Nanos::MAX);
    let list = dear().map(|(trace, _)| trace.0.to_string()).collect::<Vec<_>>();
    // Which of them are looked into, and what is usual: neither they nor those before the window that were dear.
    let all = judged
        .dear
        .iter()
        .map(|(trace, _)| trace.0.to_string())
        .collect::<Vec<_>>()
        .join(",");
    let some = list[list.len().saturating_sub(DEAR as usize)..].join(",");
    let pick = |condition: &str, limit: u32| -> Result<Vec<(TraceKey, Nanos, Nanos)>> {
        let sql = include_str!("sql/spike.sql").replace("{condition}", condition);
        let mut statement = connection.prepare(&sql)?;
        let from = newest.saturating_sub(judging.rule.window);
        let rows = statement.query_map(params![feature, from, newest, limit], |row| {
            Ok((TraceKey(row.get(0)?), row.get(1)?, row.get(2)?))
        })?;
        rows.collect()
    };
    let within = |list: &str, is: &str| {
        if list.is_empty() {
            (is == "NOT IN").to_string()
        } else {
            format!("trace {is} ({list})")
        }
    };
    let logged = match feature {
        Some(name) => logged::of(connection, name, window)?,
        None => Vec::new(),
    };
    Ok(Reply::Spike(Box::new(Spike {
        feature: feature.clone(),
        count: list.len() as u64,
        first: dear().next().map(|(_, start)| *start),
        baseline: judged.baseline(judging),
        priced: judged.priced,
        hour: judged.hour,
        dear: derived(connection, prices, &pick(&within(&some, "IN"), DEAR)?, true)?,
        usual: derived(connection, prices, &pick(&within(&all, "NOT IN"), USUAL)?, true)?,
        models: connection
            .prepare(MODELS)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_>>()?,
        logged_count: logged.len() as u64,
        logged: logged.into_iter().take(DEAR as usize).collect(),
    })))
}

/// Contents by row: of each of its records the places in its parts.
type Places = Vec<(SpanKey, Vec<Vec<Vec<Place>>>)>;

/// These interactions with their system prompts and documents; with `prompts` also the messages of their telling calls.
fn derived(connection: &Connection, prices: &Prices, found: &[(TraceKey, Nanos, Nanos)], prompts: bool) -> Result<Vec<Peer>> {
    let mut told = Vec::with_capacity(found.len());
    let mut spans = spans(connection, found)?;
    for (key, ..) in found {
        let Some(parts) = spans.remove(key) else { continue };
        let trace = derive(parts.iter().map(|(part, _)| part.clone()).collect(), prices);
        let telling = trace.telling().map(|span| span.key).filter(|_| prompts);
        // A span's row, and which of its records it is there.
        let rows: HashMap<SpanKey, (usize, usize)> = trace
            .spans
            .iter()
            .enumerate()
            .flat_map(|(row, span)| span.keys().enumerate().map(move |(record, key)| (key, (row, record))))
            .collect();
        let mut places: BTreeMap<usize, BTreeMap<usize, Vec<Vec<Place>>>> = BTreeMap::new();
        for (part, all) in parts {
            let Some((row, record)) = rows.get(&SpanKey::of(*key, &part.span_id)) else {
                continue;
            };
            let own = trace.spans[*row].key;
            let wanted =
                |place: &Place| matches!(place.0, Slot::System | Slot::Document) || place.0 == Slot::Message && telling == Some(own);
            let kept: Vec<Place> = all.into_iter().filter(wanted).collect();
            if !kept.is_empty() {
                places.entry(*row).or_default().entry(*record).or_default().push(kept);
            }
        }
        let places = places
            .into_iter()
            .map(|(row, records)| (trace.spans[row].key, records.into_values().collect()))
            .collect();
        told.push((trace, places));
    }
    let records = told
        .iter()
        .flat_map(|(_, places): &(Trace, Places)| places)
        .flat_map(|(_, records)| records);
    let ids = records.flatten().flatten();
    let bodies = bodies(connection, ids.map(|(_, id)| *id))?;
    let peer = |(trace, places): (Trace, Places)| Peer {
        trace,
        contents: places
            .into_iter()
            .map(|(span, records)| (span, assembled(records, &bodies)))
            .collect(),
    };
    Ok(told.into_iter().map(peer).collect())
}

/// The parts of several traces in the order of their origins, with the places of their contents.
pub(super) fn spans(connection: &Connection, traces: &[(TraceKey, Nanos, Nanos)]) -> Result<HashMap<TraceKey, Vec<(Part, Vec<Place>)>>> {
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

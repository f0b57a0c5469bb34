//! `Query` → `Reply`: each question sees one moment of the store, whatever the writer does meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use duckdb::{Connection, InterruptHandle, Result, params, params_from_iter};

use super::coverage::{Coverage, Covered};
use super::engine::Engine;
use super::filter::{Condition, by_spans};
use super::judge;
use super::rows::{Columns, Place, read_interaction, read_part, read_places};
use super::{Kept, costs, earlier, health, page, peers, prompts, sessions, timeline, told, values};
use crate::derive::{derive, merge_pieces, merge_twins};
use crate::model::anomaly::{Baseline, Judging};
use crate::model::content::{Contents, Piece, Slot, assemble};
use crate::model::filter::Filter;
use crate::model::query::{Page, Query, RejectRow, Reply, Seen, SourceStat, Stats, Window};
use crate::model::record::Order;
use crate::model::span::{Origin, Part, SpanKey, TraceKey};
use crate::model::trace::Span;
use crate::model::usage::Cost;
use crate::pricing::Prices;

/// Answers on this thread. `begun` gets the handle that interrupts it.
pub(super) fn answer(engine: &Engine, prices: &Prices, kept: &Kept, query: &Query, begun: &dyn Fn(Arc<InterruptHandle>)) -> Reply {
    let done = engine.guest().and_then(|guest| {
        let connection = &guest.connection;
        begun(connection.interrupt_handle());
        let reply = answer_on(connection, prices, kept, query)?;
        engine.keep_to_budget(connection);
        Ok(reply)
    });
    done.unwrap_or_else(|error| {
        engine.note(&error);
        Reply::Failed(error.to_string())
    })
}

fn answer_on(connection: &Connection, prices: &Prices, kept: &Kept, query: &Query) -> Result<Reply> {
    let mut query = query.clone();
    let filter = filter_in(&mut query).map_or(Filter::All, |filter| {
        if !kept.settled.load(Ordering::Acquire) {
            *filter = by_spans(filter);
        }
        filter.clone()
    });
    let query = &query;
    // Whatever is judged is told to SQL by temporary tables, which a transaction that only reads could not make.
    if judge::asks(&filter) {
        judge::keep(connection, &kept.judge.known(connection)?.all)?;
    }
    let asked = told::asked(&filter);
    if let Query::Trend {
        by,
        filter,
        window,
        steps,
        limit,
    } = query
    {
        told::keep(connection, &asked)?;
        return costs::trend(connection, &kept.judge, *by, filter, *window, *steps, *limit);
    }
    if let Query::Costs { by, filter, window, limit } = query
        && filter.is_all()
    {
        return costs::of_all(connection, &kept.bill, *by, *window, *limit);
    }
    if let Query::Timeline { filter, window, most } = query
        && filter.is_all()
        && *window == Window::default()
    {
        return timeline::of_all(connection, &kept.strip, *most);
    }
    // What spans say is told by such tables too, and must be of the same moment as the rows.
    connection.execute_batch(if asked.is_empty() {
        "BEGIN TRANSACTION READ ONLY"
    } else {
        "BEGIN TRANSACTION"
    })?;
    told::keep(connection, &asked)?;
    let reply = reply(connection, prices, &kept.judge.judging, query)?;
    connection.execute_batch("COMMIT")?;
    Ok(reply)
}

/// The filter of a question that has one.
const fn filter_in(query: &mut Query) -> Option<&mut Filter> {
    match query {
        Query::Interactions { filter, .. }
        | Query::Count { filter, .. }
        | Query::Costs { filter, .. }
        | Query::Trend { filter, .. }
        | Query::Timeline { filter, .. }
        | Query::Health { filter, .. }
        | Query::Prompts { filter, .. }
        | Query::Sessions { filter, .. } => Some(filter),
        Query::Find { .. }
        | Query::Trace(_)
        | Query::Contents { .. }
        | Query::Earlier(_)
        | Query::Spike { .. }
        | Query::Baselines
        | Query::Peers { .. }
        | Query::Values { .. }
        | Query::Stats
        | Query::Rejects { .. }
        | Query::Reject(_) => None,
    }
}

fn reply(connection: &Connection, prices: &Prices, judging: &Judging, query: &Query) -> Result<Reply> {
    match query {
        Query::Interactions {
            filter,
            window,
            sort,
            page,
            limit,
        } => page::interactions(connection, filter, *window, *sort, page, *limit),
        Query::Count { filter, window } => {
            let condition = Condition::new(filter, *window);
            let sql = format!("SELECT count(*) FROM interaction WHERE {}", condition.sql);
            connection
                .query_row(&sql, params_from_iter(condition.binds), |row| row.get(0))
                .map(Reply::Count)
        }
        Query::Find { prefix } => find(connection, prefix),
        Query::Trace(trace) => {
            let parts = parts(connection, *trace)?.into_iter().map(|(part, _)| part).collect::<Vec<_>>();
            Ok(Reply::Trace((!parts.is_empty()).then(|| Box::new(derive(parts, prices)))))
        }
        Query::Contents { trace, span } => contents(connection, prices, *trace, *span),
        Query::Costs { by, filter, window, limit } => costs::costs(connection, *by, filter, *window, *limit),
        // It makes temporary tables, and is answered before.
        Query::Trend { .. } => Ok(Reply::Trend(Box::default())),
        Query::Spike { feature, window } => peers::spike(connection, prices, judging, feature, *window),
        Query::Baselines => baselines(connection, judging),
        Query::Prompts { filter, window, limit } => prompts::prompts(connection, filter, *window, *limit),
        Query::Sessions {
            filter,
            window,
            page,
            limit,
        } => sessions::sessions(connection, filter, *window, page, *limit),
        Query::Earlier(trace) => earlier::earlier(connection, prices, *trace),
        Query::Timeline { filter, window, most } => timeline::timeline(connection, filter, *window, *most),
        Query::Peers { trace, within, limit } => peers::peers(connection, prices, judging, *trace, *within, *limit),
        Query::Values { of, text, limit } => match of {
            Seen::Field(field) => values::values(connection, *field, text, *limit),
            Seen::Attributes => values::attributes(connection, text, *limit),
        },
        Query::Stats => stats(connection),
        Query::Health { filter, window } => {
            let Reply::Stats(stats) = stats(connection)? else {
                return Ok(Reply::Failed("the statistics cannot be had".to_owned()));
            };
            health::health(connection, filter, *window, stats.tally).map(|health| Reply::Health(Box::new(health)))
        }
        Query::Rejects { sources, page, limit } => rejects(connection, sources, *page, *limit),
        Query::Reject(origin) => reject(connection, *origin),
    }
}

/// The median of every feature over the time that a baseline reaches back from the newest interaction.
fn baselines(connection: &Connection, judging: &Judging) -> Result<Reply> {
    let mut statement = connection.prepare(include_str!("sql/baselines.sql"))?;
    let found = statement.query_map(params![judging.rule.window, judging.rule.minimum], |row| {
        let p50 = Cost(row.get(1)?);
        Ok((row.get(0)?, Baseline { p50, samples: row.get(2)? }))
    })?;
    found.collect::<Result<BTreeMap<_, _>>>().map(Reply::Baselines)
}

fn find(connection: &Connection, prefix: &str) -> Result<Reply> {
    let mut statement = connection.prepare(include_str!("sql/find.sql"))?;
    // Hex ids are kept in lower case, and people paste them as they find them.
    let found = statement.query_map(params![prefix, prefix.to_ascii_lowercase()], |row| {
        Ok((TraceKey(row.get(0)?), row.get(1)?))
    })?;
    found.collect::<Result<Vec<_>>>().map(Reply::Found)
}

/// All parts of a trace in the order of their origins, with the places of their contents.
fn parts(connection: &Connection, trace: TraceKey) -> Result<Vec<(Part, Vec<Place>)>> {
    let mut statement = connection.prepare("SELECT * FROM interaction WHERE trace = ?")?;
    let mut rows = statement.query([trace.0])?;
    let Some(row) = rows.next()? else { return Ok(Vec::new()) };
    let known = read_interaction(row)?;
    let mut statement = connection.prepare("SELECT * FROM part WHERE start BETWEEN ? AND ? AND trace = ?")?;
    let mut rows = statement.query(params![known.first, known.last, trace.0])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let (part, contents) = read_part(row)?;
        parts.push((part, contents.as_deref().map(read_places).unwrap_or_default()));
    }
    parts.sort_by_key(|(part, _)| part.origin);
    Ok(parts)
}

fn contents(connection: &Connection, prices: &Prices, trace: TraceKey, span: Option<SpanKey>) -> Result<Reply> {
    let mut spans: HashMap<SpanKey, Vec<Vec<Place>>> = HashMap::new();
    let mut facts = Vec::new();
    for (part, places) in parts(connection, trace)? {
        spans.entry(SpanKey::of(trace, &part.span_id)).or_default().push(places);
        facts.push(part);
    }
    let wanted = |own: &&Span| !own.missing && span.is_none_or(|span| own.key == span);
    let rows: Vec<Vec<SpanKey>> = if facts.is_empty() {
        Vec::new()
    } else {
        derive(facts, prices)
            .spans
            .iter()
            .filter(wanted)
            .map(|span| span.keys().collect())
            .collect()
    };
    let ids = rows
        .iter()
        .flatten()
        .filter_map(|key| spans.get(key))
        .flatten()
        .flatten()
        .map(|(_, id)| *id);
    let bodies = bodies(connection, ids)?;
    let mut all: Vec<(SpanKey, Contents)> = Vec::with_capacity(rows.len());
    for keys in rows {
        let records: Vec<Vec<Vec<Place>>> = keys.iter().filter_map(|key| spans.remove(key)).collect();
        if let Some(own) = keys.first().filter(|_| !records.is_empty()) {
            all.push((*own, assembled(records, &bodies)));
        }
    }
    Ok(Reply::Contents(all))
}

/// What the records of a row hold, put together: of each record the places in its parts, its own first.
pub(super) fn assembled(records: Vec<Vec<Vec<Place>>>, bodies: &BTreeMap<u64, Piece>) -> Contents {
    let piece = |(slot, id): Place| {
        Some(Piece {
            slot,
            ..bodies.get(&id)?.clone()
        })
    };
    let pieces = |places: Vec<Place>| places.into_iter().filter_map(piece).collect();
    let record = |parts: Vec<Vec<Place>>| merge_pieces(parts.into_iter().map(pieces).collect());
    assemble(merge_twins(records.into_iter().map(record).collect()))
}

/// Pieces by content id; which slot they belong in is for the caller to say.
pub(super) fn bodies(connection: &Connection, ids: impl Iterator<Item = u64>) -> Result<BTreeMap<u64, Piece>> {
    let mut ids: Vec<u64> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let mut found = BTreeMap::new();
    for some in ids.chunks(1_000) {
        let (Some(low), Some(high)) = (some.first(), some.last()) else {
            continue;
        };
        let list = some.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let sql = format!("SELECT id, role, form, body FROM content WHERE id BETWEEN {low} AND {high} AND id IN ({list})");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let form: String = row.get(2)?;
            let piece = Piece {
                slot: Slot::Message,
                role: row.get::<_, String>(1)?.into(),
                form: form.parse().unwrap_or_default(),
                body: row.get(3)?,
            };
            found.insert(row.get(0)?, piece);
        }
    }
    Ok(found)
}

fn stats(connection: &Connection) -> Result<Reply> {
    let coverage = Coverage::read(connection)?;
    let mut stats = Stats::default();
    for (key, (info, _)) in &coverage.sources {
        let mut source = SourceStat {
            id: info.id,
            uri: info.uri.clone(),
            generation: info.generation,
            ordered: info.order == Order::Ordered,
            ..SourceStat::default()
        };
        let rows = coverage.rows.get(key).map_or(&[][..], Vec::as_slice);
        for row in rows {
            source.bytes += row.range.end.saturating_sub(row.range.start);
            source.tally.add(&row.tally);
        }
        (source.end, source.unread) = extent(rows);
        stats.tally.add(&source.tally);
        stats.bytes += source.bytes;
        stats.sources.push(source);
    }
    (stats.interactions, stats.spans) = connection.query_row(
        "SELECT count(*), CAST(coalesce(sum(spans), 0) AS UBIGINT) FROM interaction",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(Reply::Stats(Box::new(stats)))
}

/// A line end that was stepped over, behind a line taken without it.
const LINE_END: u64 = 2;

/// Where what was read ends, and how many bytes before that were not. `rows` are sorted by their beginning.
fn extent(rows: &[Covered]) -> (u64, u64) {
    let (mut end, mut unread) = (0, 0);
    for row in rows {
        let gap = row.range.start.saturating_sub(end);
        if gap > LINE_END {
            unread += gap;
        }
        end = end.max(row.range.end);
    }
    (end, unread)
}

/// Bytes of a reject that a list shows the beginning of.
const BEGINNING: u32 = 256;

fn rejects(connection: &Connection, sources: &[u32], page: Page<Origin>, limit: u32) -> Result<Reply> {
    let (cursor, newest_first, equal) = match page {
        Page::First => (None, true, ""),
        Page::Last => (None, false, ""),
        Page::After(origin) => (Some(origin), true, ""),
        Page::Before(origin) => (Some(origin), false, ""),
        Page::From(origin) => (Some(origin), true, "="),
    };
    let mut condition = if sources.is_empty() {
        "true".to_owned()
    } else {
        let list = sources.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        format!("source IN ({list})")
    };
    if let Some(Origin {
        source,
        generation,
        offset,
        ordinal,
        ..
    }) = cursor
    {
        let sign = if newest_first { "<" } else { ">" };
        condition.push_str(&format!(
            " AND source {sign}= {source} AND (source {sign} {source} OR (generation {sign}= {generation} AND (generation {sign} {generation} OR \
             (\"offset\" {sign}= {offset} AND (\"offset\" {sign} {offset} OR ordinal {sign}{equal} {ordinal})))))"
        ));
    }
    let bytes = format!("r.bytes[1:{BEGINNING}]");
    let mut rows = find_rejects(connection, &bytes, &condition, newest_first, u64::from(limit) + 1)?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    if !newest_first {
        rows.reverse();
    }
    Ok(Reply::Rejects { rows, more })
}

fn reject(connection: &Connection, origin: Origin) -> Result<Reply> {
    let condition = format!(
        "source = {} AND generation = {} AND \"offset\" = {} AND ordinal = {}",
        origin.source, origin.generation, origin.offset, origin.ordinal
    );
    let rows = find_rejects(connection, "r.bytes", &condition, true, 1)?;
    Ok(Reply::Reject(rows.into_iter().next().map(Box::new)))
}

fn find_rejects(connection: &Connection, bytes: &str, condition: &str, newest_first: bool, limit: u64) -> Result<Vec<RejectRow>> {
    let sql = include_str!("sql/rejects.sql")
        .replace("{bytes}", bytes)
        .replace("{condition}", condition)
        .replace("{way}", if newest_first { "DESC" } else { "ASC" })
        .replace("{limit}", &limit.to_string());
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut at = Columns { row, next: 0 };
        rows.push(RejectRow {
            origin: at.origin()?,
            reason: at.get()?,
            detail: at.get()?,
            bytes: at.get()?,
            uri: at.get::<Option<String>>()?.unwrap_or_default(),
        });
    }
    Ok(rows)
}

//! What the log itself says of costs: the `cost_anomaly` lines of an application, which carry no span.

use std::collections::BTreeMap;

use duckdb::{Connection, Result, params};
use serde_json::Value;

use crate::model::query::{LoggedAnomaly, Window};
use crate::model::span::Nanos;

/// At most so many lines are looked at, the newest.
const MOST: u32 = 10_000;

/// How many lines name each feature.
pub(super) fn counts(connection: &Connection, window: Window) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for (feature, _) in lines(connection, window)? {
        *counts.entry(feature).or_default() += 1;
    }
    Ok(counts)
}

/// The lines of one feature, the newest first.
pub(super) fn of(connection: &Connection, feature: &str, window: Window) -> Result<Vec<LoggedAnomaly>> {
    let all = lines(connection, window)?.into_iter();
    Ok(all.filter(|(name, _)| name == feature).map(|(_, line)| line).collect())
}

fn lines(connection: &Connection, window: Window) -> Result<Vec<(String, LoggedAnomaly)>> {
    let mut statement = connection.prepare(
        "SELECT time, text FROM other WHERE dialect = 'cost_anomaly' AND time >= ? AND time < ? ORDER BY time DESC, \"offset\" DESC LIMIT ?",
    )?;
    let (since, until) = (window.since.unwrap_or(Nanos::MIN), window.until.unwrap_or(Nanos::MAX));
    let mut rows = statement.query(params![since, until, MOST])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get(1)?;
        // A logger may write its own words before the record.
        let json = text.find('{').map_or("", |at| &text[at..]);
        let Some(own) = serde_json::from_str(json).ok().and_then(record) else {
            continue;
        };
        let word = |key: &str| match &own[key] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let line = LoggedAnomaly {
            at: row.get(0)?,
            cost: word("cost"),
            baseline: word("baseline"),
            ratio: word("ratio"),
        };
        found.push((word("feature"), line));
    }
    Ok(found)
}

/// The object with the four fields, however deep a logger wrapped it.
fn record(value: Value) -> Option<Value> {
    if ["feature", "cost", "baseline", "ratio"].iter().all(|key| value.get(key).is_some()) {
        return Some(value);
    }
    match value {
        Value::Object(members) => members.into_iter().find_map(|(_, value)| record(value)),
        Value::String(text) if text.starts_with('{') => serde_json::from_str(&text).ok().and_then(record),
        _ => None,
    }
}

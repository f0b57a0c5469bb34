//! Which interactions are out of the ordinary: the engine reads, `model::anomaly` judges. A median over a window in SQL took a minute over 2.5
//! million interactions, and sorting them there six seconds; this is faster, and it is the one rule that everybody judges by.

use std::collections::BTreeMap;

use duckdb::arrow::array::{Array as _, AsArray as _};
use duckdb::arrow::datatypes::{Decimal128Type, Int64Type, UInt64Type};
use duckdb::{Connection, Result, params_from_iter};

use super::rows::Bind;
use crate::model::anomaly::{Baseline, Judging, Verdict};
use crate::model::filter::{ANOMALY, Field, Filter};
use crate::model::span::{Nanos, TraceKey};
use crate::model::usage::Cost;

/// What was found about one feature.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) feature: Option<String>,
    /// Dear interactions by start.
    pub(super) dear: Vec<(TraceKey, Nanos)>,
    /// From start to start, the last included: interactions between that had a baseline.
    pub(super) spans: Vec<(Nanos, Nanos)>,
    /// The mean of the hour before the newest, and whether that is above the multiple; `None` without a baseline or with too few in it.
    pub(super) hour: Option<(Cost, bool)>,
    /// What the newest dear one was judged by, else the newest of all.
    pub(super) baseline: Option<Baseline>,
    /// Interactions with a known cost.
    pub(super) priced: u64,
}

/// So many interactions are held at once; a feature with more than that is held whole.
const HELD: u64 = 500_000;

/// Judges the interactions of all features, or of one, that began before a moment.
pub(super) fn judge(
    connection: &Connection,
    judging: &Judging,
    only: Option<&Option<String>>,
    until: Option<Nanos>,
) -> Result<Vec<Judged>> {
    let until = until.unwrap_or(Nanos::MAX);
    if let Some(feature) = only {
        return read(connection, judging, feature.as_deref().map(|name| (name, name)), until);
    }
    let mut statement = connection.prepare(include_str!("sql/priced.sql"))?;
    let counts = statement
        .query_map([until], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(Option<String>, u64)>>>()?;
    let mut all = Vec::with_capacity(counts.len());
    if counts.iter().any(|(feature, _)| feature.is_none()) {
        all.extend(read(connection, judging, None, until)?);
    }
    let named: Vec<(&str, u64)> = counts
        .iter()
        .filter_map(|(feature, count)| Some((feature.as_deref()?, *count)))
        .collect();
    let mut from = 0;
    while let Some((first, count)) = named.get(from) {
        let (mut to, mut held) = (from + 1, *count);
        while let Some((_, more)) = named.get(to).filter(|(_, more)| held + more <= HELD) {
            held += more;
            to += 1;
        }
        all.extend(read(connection, judging, Some((*first, named[to - 1].0)), until)?);
        from = to;
    }
    Ok(all)
}

/// Judges the features whose names lie between these two, or those without a name.
fn read(connection: &Connection, judging: &Judging, names: Option<(&str, &str)>, until: Nanos) -> Result<Vec<Judged>> {
    let (condition, mut binds) = match names {
        None => ("feature IS NULL", Vec::<Bind>::new()),
        Some((first, last)) => (
            "feature BETWEEN ? AND ?",
            vec![Box::new(first.to_owned()) as Bind, Box::new(last.to_owned())],
        ),
    };
    binds.push(Box::new(until));
    let sql = include_str!("sql/judged.sql").replace("{condition}", condition);
    let mut statement = connection.prepare(&sql)?;
    let mut features: BTreeMap<Option<String>, Vec<(Nanos, Cost, TraceKey)>> = BTreeMap::new();
    for batch in statement.query_arrow(params_from_iter(binds))? {
        let names = batch.column(0).as_string::<i32>();
        let starts = batch.column(1).as_primitive::<Int64Type>();
        let costs = batch.column(2).as_primitive::<Decimal128Type>();
        let keys = batch.column(3).as_primitive::<UInt64Type>();
        for row in 0..batch.num_rows() {
            let name = names.is_valid(row).then(|| names.value(row).to_owned());
            let one = (starts.value(row), Cost(costs.value(row)), TraceKey(keys.value(row)));
            features.entry(name).or_default().push(one);
        }
    }
    Ok(features
        .into_iter()
        .map(|(feature, mut rows)| {
            rows.sort_unstable_by_key(|(start, _, trace)| (*start, trace.0));
            let traces: Vec<TraceKey> = rows.iter().map(|(.., trace)| *trace).collect();
            let costs: Vec<(Nanos, Cost)> = rows.into_iter().map(|(start, cost, _)| (start, cost)).collect();
            judged(judging, feature, &costs, &traces)
        })
        .collect())
}

/// Judges one feature.
fn judged(judging: &Judging, feature: Option<String>, rows: &[(Nanos, Cost)], traces: &[TraceKey]) -> Judged {
    let mut found = Judged {
        priced: rows.len() as u64,
        ..Judged::default()
    };
    let mut newest = None;
    let mut open = false;
    judging
        .rule
        .judge_all(rows, judging.saved(feature.as_deref()), |at, verdict, baseline| {
            let start = rows[at].0;
            newest = baseline;
            match (open, verdict, found.spans.last_mut()) {
                (_, Verdict::NoBaseline, _) => open = false,
                (true, _, Some((_, last))) => *last = start,
                _ => {
                    open = true;
                    found.spans.push((start, start));
                }
            }
            if verdict == Verdict::Anomalous {
                found.dear.push((traces[at], start));
                found.baseline = baseline;
            }
        });
    if let Some((now, _)) = rows.last()
        && let (verdict @ (Verdict::Usual | Verdict::Anomalous), Some(mean)) = judging.rule.judge_rolling(rows, *now, newest)
    {
        found.hour = Some((mean, verdict == Verdict::Anomalous));
    }
    found.baseline = found.baseline.or(newest);
    found.feature = feature;
    found
}

/// Makes what was found known to SQL: `temp.dear(trace)` and `temp.judged(feature, since, until)`.
pub(super) fn keep(connection: &Connection, all: &[Judged]) -> Result<()> {
    connection.execute_batch(
        "CREATE OR REPLACE TEMP TABLE dear (trace UBIGINT NOT NULL);
         CREATE OR REPLACE TEMP TABLE judged (feature VARCHAR, since BIGINT NOT NULL, until BIGINT NOT NULL)",
    )?;
    let mut dear = connection.appender_to_catalog_and_db("dear", "temp", "main")?;
    for (trace, _) in all.iter().flat_map(|one| &one.dear) {
        dear.append_row([trace.0])?;
    }
    dear.flush()?;
    let mut judged = connection.appender_to_catalog_and_db("judged", "temp", "main")?;
    for one in all {
        for (since, until) in &one.spans {
            judged.append_row(duckdb::params![one.feature, since, until])?;
        }
    }
    judged.flush()
}

/// Whether a filter asks for what is out of the ordinary.
pub(super) fn asks(filter: &Filter) -> bool {
    match filter {
        Filter::And(all) | Filter::Or(all) => all.iter().any(asks),
        Filter::Not(inner) => asks(inner),
        Filter::Is(Field::Finding, pattern) => pattern.0.eq_ignore_ascii_case(ANOMALY),
        _ => false,
    }
}

//! The rows of the data outputs: field names and their order are the contract.

use std::collections::BTreeMap;

use serde::Serialize;

use super::data::{Millis, Tokens, Utc};
use crate::insight::sources::Standing;
use crate::model::query::{CostRow, PromptRow, Stats};
use crate::model::record::Activity;
use crate::model::span::{StartFrom, Status};
use crate::model::trace::Interaction;
use crate::model::usage::{Cost, CostBasis};
use crate::pricing::Price;

/// A row of `ls`, and the head of `show`.
#[derive(Serialize)]
pub struct InteractionRow<'a> {
    trace_id: &'a str,
    name: Option<&'a str>,
    start: Utc,
    start_from: StartFrom,
    duration_ms: Option<Millis>,
    feature: Option<&'a str>,
    user: Option<&'a str>,
    session: Option<&'a str>,
    service: Option<&'a str>,
    models: &'a [String],
    spans: u32,
    llm_calls: u32,
    tool_calls: u32,
    retrievals: u32,
    usage: Tokens,
    cost_usd: Option<Cost>,
    cost_basis: Option<CostBasis>,
    cost_logged_usd: Option<Cost>,
    status: Status,
    findings: Vec<&'static str>,
    dialect: &'a str,
}

impl<'a> From<&'a Interaction> for InteractionRow<'a> {
    fn from(row: &'a Interaction) -> Self {
        Self {
            trace_id: &row.trace_id,
            name: filled(&row.name),
            start: Utc(row.start),
            start_from: row.start_from,
            duration_ms: row.duration.map(Millis),
            feature: row.feature.as_deref(),
            user: row.user.as_deref(),
            session: row.session.as_deref(),
            service: row.service.as_deref(),
            models: &row.models,
            spans: row.spans,
            llm_calls: row.llm_calls,
            tool_calls: row.tool_calls,
            retrievals: row.retrievals,
            usage: (&row.usage).into(),
            cost_usd: row.cost,
            // Without a call there is nothing whose cost could have a basis.
            cost_basis: (row.calls > 0 || row.cost.is_some()).then_some(row.cost_basis),
            cost_logged_usd: row.cost_logged,
            status: row.status,
            findings: row.findings.iter().map(super::super::model::trace::FindingKind::name).collect(),
            dialect: &row.dialect,
        }
    }
}

/// Text that the model keeps empty where nothing was logged.
pub fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// A row of `cost`.
#[derive(Serialize)]
pub struct SpendRow<'a> {
    key: Option<&'a str>,
    calls: u64,
    interactions: u64,
    usage: Tokens,
    cost_usd: Option<Cost>,
    share: Option<f64>,
    cumulative_share: Option<f64>,
    p50_cost_usd: Option<Cost>,
    mean_cost_usd: Option<Cost>,
    cache_hit_ratio: Option<f64>,
    anomalies: Option<u64>,
    rising: Option<bool>,
    unpriced_calls: u64,
    /// What the prompt cache saved; below 0 where it cost more.
    saved_usd: Option<Cost>,
    /// Some cached tokens have no known price: `saved_usd` lacks them.
    saved_incomplete: bool,
    per_hour_usd: Option<Cost>,
    logged_anomalies: Option<u64>,
    /// Spend in equal steps of time from the first interaction shown to the last.
    over_time_usd: &'a [Option<Cost>],
}

impl<'a> From<&'a CostRow> for SpendRow<'a> {
    fn from(row: &'a CostRow) -> Self {
        Self {
            key: row.key.as_deref(),
            calls: row.calls,
            interactions: row.interactions,
            usage: (&row.usage).into(),
            cost_usd: row.cost,
            share: row.share,
            cumulative_share: row.cumulative_share,
            p50_cost_usd: row.p50_cost,
            mean_cost_usd: row.mean_cost,
            cache_hit_ratio: row.cache_hit_ratio,
            anomalies: row.anomalies,
            rising: row.rising,
            unpriced_calls: row.unpriced_calls,
            saved_usd: row.saved,
            saved_incomplete: row.saved_unknown,
            per_hour_usd: row.per_hour,
            logged_anomalies: row.logged_anomalies,
            over_time_usd: &row.over_time,
        }
    }
}

/// A row of `prompts`.
#[derive(Serialize)]
pub struct SystemPromptRow<'a> {
    prompt: &'a str,
    system: &'a str,
    features: &'a [String],
    first: Utc,
    last: Utc,
    interactions: u64,
    calls: u64,
    cost_usd: Option<Cost>,
    with_finding: u64,
}

impl<'a> From<&'a PromptRow> for SystemPromptRow<'a> {
    fn from(row: &'a PromptRow) -> Self {
        Self {
            prompt: &row.id,
            system: &row.text,
            features: &row.features,
            first: Utc(row.first),
            last: Utc(row.last),
            interactions: row.interactions,
            calls: row.calls,
            cost_usd: row.cost,
            with_finding: row.with_finding,
        }
    }
}

/// A row of `prices`.
#[derive(Serialize)]
pub struct PriceRow<'a> {
    model: &'a str,
    provider: Option<&'a str>,
    input: String,
    output: String,
    cache_read: Option<String>,
    cache_write: Option<String>,
    context_window: Option<u64>,
    valid_from: Option<String>,
    source: Option<&'a str>,
}

impl<'a> From<&'a Price> for PriceRow<'a> {
    fn from(price: &'a Price) -> Self {
        let rates = &price.standard.rates;
        Self {
            model: &price.model,
            provider: filled(&price.provider),
            input: rates.input.to_string(),
            output: rates.output.to_string(),
            cache_read: rates.cache_read.map(|rate| rate.to_string()),
            cache_write: rates.cache_write.map(|rate| rate.to_string()),
            context_window: price.context_window,
            valid_from: price.valid_from.map(|day| day.to_string()),
            source: filled(&price.source),
        }
    }
}

/// The document of `stats`.
#[derive(Serialize)]
pub struct StatsRow<'a> {
    sources: Vec<SourceRow<'a, &'a BTreeMap<String, u64>>>,
    lines: u64,
    span: u64,
    other: u64,
    rejected: u64,
    blank: u64,
    bytes: u64,
    spans: u64,
    interactions: u64,
    dialects: &'a BTreeMap<String, u64>,
    rejects: &'a BTreeMap<String, u64>,
    seconds: f64,
}

impl<'a> StatsRow<'a> {
    pub fn new(stats: &'a Stats, sources: &'a [Standing], seconds: f64) -> Self {
        let tally = &stats.tally;
        Self {
            sources: sources.iter().map(|source| SourceRow::new(source, |counts| counts)).collect(),
            lines: tally.lines,
            span: tally.span,
            other: tally.other,
            rejected: tally.rejected,
            blank: tally.blank,
            bytes: stats.bytes,
            spans: stats.spans,
            interactions: stats.interactions,
            dialects: &tally.dialects,
            rejects: &tally.rejects,
            seconds,
        }
    }
}

/// One source of `stats`, by its name. `C` is the shape of counts by name: an object, or text where a row has a fixed number of cells.
#[derive(Serialize)]
pub struct SourceRow<'a, C> {
    uri: &'a str,
    generations: u32,
    state: Option<&'static str>,
    bytes: u64,
    size: Option<u64>,
    /// What is read of it, from 0 to 1; 1 is all.
    coverage: Option<f64>,
    lines: u64,
    span: u64,
    other: u64,
    rejected: u64,
    blank: u64,
    dialects: C,
    rejects: C,
    error: Option<&'a str>,
}

impl<'a, C> SourceRow<'a, C> {
    pub fn new(source: &'a Standing, shape: impl Fn(&'a BTreeMap<String, u64>) -> C) -> Self {
        let tally = &source.tally;
        Self {
            uri: &source.uri,
            generations: source.generations,
            state: source.activity.map(Activity::name),
            bytes: source.bytes,
            size: source.size,
            // Rounded down: what is not read whole is never 1.
            coverage: source
                .coverage()
                .map(|(read, whole)| (u128::from(read) * 10_000 / u128::from(whole)) as f64 / 10_000.0),
            lines: tally.lines,
            span: tally.span,
            other: tally.other,
            rejected: tally.rejected,
            blank: tally.blank,
            dialects: shape(&tally.dialects),
            rejects: shape(&tally.rejects),
            error: source.problem.as_deref(),
        }
    }
}

//! `health` and `prices --missing`: what the log lacks, and which models have no price.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::data::{self, Tokens, Utc};
use super::lists::grid;
use super::{Look, Output};
use crate::insight::health::{Gap, Unpriced, gaps, unpriced};
use crate::model::query::{Capture, Health};
use crate::model::text;
use crate::model::usage::{Convention, Usage};
use crate::pricing::Prices;

#[derive(Serialize)]
struct Document<'a> {
    gaps: Vec<GapRow<'a>>,
    conventions: Vec<ConventionRow<'a>>,
    unpriced: Vec<UnpricedRow<'a>>,
    previews: Vec<PreviewRow<'a>>,
    rejects: &'a BTreeMap<String, u64>,
    rejected: u64,
    lines: u64,
    calls: u64,
}

#[derive(Serialize)]
struct GapRow<'a> {
    day: String,
    feature: Option<&'a str>,
    missing: Capture,
    calls_without: u64,
    calls: u64,
    since: Utc,
    calls_since: u64,
    share_since: f64,
}

impl<'a> From<&'a Gap> for GapRow<'a> {
    fn from(gap: &'a Gap) -> Self {
        Self {
            day: day(gap),
            feature: gap.feature.as_deref(),
            missing: gap.capture,
            calls_without: gap.missing,
            calls: gap.calls,
            since: Utc(gap.since),
            calls_since: gap.calls_since,
            share_since: gap.share() as f64 / 1000.0,
        }
    }
}

fn day(gap: &Gap) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(gap.day)).map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d").to_string())
}

#[derive(Serialize)]
struct ConventionRow<'a> {
    dialect: &'a str,
    convention: Convention,
    decided_by: &'static str,
    records: u64,
}

#[derive(Serialize)]
struct UnpricedRow<'a> {
    model: Option<&'a str>,
    provider: Option<&'a str>,
    calls: u64,
    usage: Tokens,
}

impl<'a> From<&'a Unpriced> for UnpricedRow<'a> {
    fn from(row: &'a Unpriced) -> Self {
        Self {
            model: row.model.as_deref(),
            provider: row.provider.as_deref(),
            calls: row.calls,
            usage: (&row.usage).into(),
        }
    }
}

#[derive(Serialize)]
struct PreviewRow<'a> {
    feature: Option<&'a str>,
    contents: u64,
}

fn conventions(health: &Health) -> Vec<ConventionRow<'_>> {
    let rows = health.conventions.iter();
    rows.map(|row| ConventionRow {
        dialect: &row.dialect,
        convention: row.convention,
        decided_by: match (row.by_user, row.by_figures, row.convention) {
            (true, ..) => "settings",
            (_, true, _) => "figures",
            (_, _, Convention::Unknown) => "nothing",
            (..) => "dialect",
        },
        records: row.records,
    })
    .collect()
}

/// `health`. JSON lines and CSV are the gaps alone.
pub fn health(health: &Health, prices: &Prices, output: Output, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let gaps = gaps(health);
    let unpriced = unpriced(&health.models, prices);
    let rows = gaps.iter().map(GapRow::from);
    match output {
        Output::Json => {
            let document = Document {
                gaps: rows.collect(),
                conventions: conventions(health),
                unpriced: unpriced.iter().map(UnpricedRow::from).collect(),
                previews: health
                    .previews
                    .iter()
                    .map(|(feature, contents)| PreviewRow {
                        feature: feature.as_deref(),
                        contents: *contents,
                    })
                    .collect(),
                rejects: &health.tally.rejects,
                rejected: health.tally.rejected,
                lines: health.tally.lines,
                calls: health.rows.iter().map(|row| row.calls).sum(),
            };
            serde_json::to_writer_pretty(&mut *out, &document)?;
            out.write_all(b"\n")
        }
        Output::Jsonl => data::jsonl(rows, out),
        Output::Csv => {
            let example = Gap {
                feature: None,
                day: 0,
                capture: Capture::Prompt,
                missing: 0,
                calls: 0,
                since: 0,
                calls_since: 0,
            };
            data::csv(&GapRow::from(&example), rows, out)
        }
        Output::Table | Output::Tree | Output::Markdown => tables(health, &gaps, &unpriced, look, out),
    }
}

fn tables(health: &Health, gaps: &[Gap], unpriced: &[Unpriced], look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let feature = |feature: &Option<String>| feature.clone().unwrap_or_else(|| "(not logged)".into());
    let calls: u64 = health.rows.iter().map(|row| row.calls).sum();
    if gaps.is_empty() {
        writeln!(out, "{calls} model calls, and nothing is missing in them")?;
    } else {
        let cells: Vec<Vec<String>> = gaps
            .iter()
            .map(|gap| {
                vec![
                    day(gap),
                    feature(&gap.feature),
                    gap.capture.name().replace('_', " "),
                    text::percent(gap.share() as f64 / 1000.0),
                    gap.missing.to_string(),
                    gap.calls_since.to_string(),
                    look.time(gap.since),
                ]
            })
            .collect();
        grid(
            &["day", "feature", "missing", "share", "calls", "of", "since"],
            &cells,
            Some(1),
            look,
            out,
        )?;
    }
    let mut section = |headers: &[&str], cells: Vec<Vec<String>>| {
        if cells.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        grid(headers, &cells, Some(0), look, out)
    };
    let cells = conventions(health)
        .iter()
        .map(|row| {
            vec![
                row.dialect.to_owned(),
                row.convention.to_string(),
                row.decided_by.to_owned(),
                row.records.to_string(),
            ]
        })
        .collect();
    section(&["dialect", "cached tokens in input", "decided by", "records"], cells)?;
    section(&["without a price", "provider", "calls", "tokens"], unpriced_cells(unpriced))?;
    let cells = health
        .tally
        .rejects
        .iter()
        .map(|(reason, lines)| vec![reason.clone(), lines.to_string()]);
    section(&["rejected because", "lines"], cells.collect())?;
    let cells = health
        .previews
        .iter()
        .map(|(name, contents)| vec![feature(name), contents.to_string()]);
    section(&["only a beginning was logged", "contents"], cells.collect())
}

fn unpriced_cells(rows: &[Unpriced]) -> Vec<Vec<String>> {
    let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "(not logged)".into());
    rows.iter()
        .map(|row| {
            vec![
                cell(&row.model),
                cell(&row.provider),
                row.calls.to_string(),
                text::tokens(row.usage.total()),
            ]
        })
        .collect()
}

/// `prices --missing`.
pub fn missing_prices(health: &Health, prices: &Prices, output: Output, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let unpriced = unpriced(&health.models, prices);
    let rows = unpriced.iter().map(UnpricedRow::from);
    match output {
        Output::Json => data::json(rows, out),
        Output::Jsonl => data::jsonl(rows, out),
        Output::Csv => data::csv(
            &UnpricedRow {
                model: None,
                provider: None,
                calls: 0,
                usage: (&Usage::default()).into(),
            },
            rows,
            out,
        ),
        Output::Table | Output::Tree | Output::Markdown if unpriced.is_empty() => writeln!(out, "every model that was seen has a price"),
        Output::Table | Output::Tree | Output::Markdown => grid(
            &["without a price", "provider", "calls", "tokens"],
            &unpriced_cells(&unpriced),
            Some(0),
            look,
            out,
        ),
    }
}

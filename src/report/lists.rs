//! Lists: interactions, spend, statistics, prices, and tables of words.

use std::collections::BTreeMap;
use std::io;

use super::data;
use super::rows::{InteractionRow, PriceRow, SourceRow, SpendRow, StatsRow, SystemPromptRow};
use super::{Look, Output};
use crate::insight::sources::{Standing, sources};
use crate::model::json::Json;
use crate::model::query::{CostKey, CostRow, PromptRow, Stats};
use crate::model::record::{SourceProgress, Tally};
use crate::model::text::{self, Safe};
use crate::model::trace::FindingKind;
use crate::model::trace::Interaction;
use crate::model::usage::CostBasis;
use crate::pricing::Price;

/// `ls`.
pub fn interactions(rows: &[Interaction], output: Output, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let shaped = rows.iter().map(InteractionRow::from);
    match output {
        Output::Json => data::json(shaped, out),
        Output::Jsonl => data::jsonl(shaped, out),
        Output::Csv => data::csv(&InteractionRow::from(&Interaction::default()), shaped, out),
        Output::Table | Output::Tree | Output::Markdown => {
            let cells: Vec<Vec<String>> = rows.iter().map(|row| interaction(row, look)).collect();
            let headers = [
                "time",
                "feature",
                "user",
                "ask → answer",
                "model",
                "tokens",
                "cost",
                "took",
                "flags",
            ];
            grid(&headers, &cells, Some(3), look, out)
        }
    }
}

fn interaction(row: &Interaction, look: &Look) -> Vec<String> {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".into());
    let words = match (row.ask.as_str(), row.answer.as_str()) {
        ("", "") => row.name.clone(),
        (ask, "") => ask.to_owned(),
        (ask, answer) => format!("{ask} → {answer}"),
    };
    let model = match row.models.as_slice() {
        [] => "–".into(),
        [only] => only.clone(),
        [first, more @ ..] => format!("{first} +{}", more.len()),
    };
    vec![
        look.time(row.start),
        or_dash(&row.feature),
        or_dash(&row.user),
        words,
        model,
        text::tokens(row.usage.total()),
        if row.calls == 0 && row.cost.is_none() {
            "–".into()
        } else {
            text::money(row.cost, basis(row.cost_basis, row.unpriced_calls > 0))
        },
        text::duration(row.duration),
        row.findings.iter().map(FindingKind::letter).collect(),
    ]
}

/// A sum that leaves something out is a lower bound, whatever its parts rest on.
fn basis(basis: CostBasis, incomplete: bool) -> CostBasis {
    if incomplete { CostBasis::LowerBound } else { basis }
}

/// `cost`.
pub fn costs(rows: &[CostRow], by: CostKey, output: Output, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let shaped = rows.iter().map(SpendRow::from);
    match output {
        Output::Json => data::json(shaped, out),
        Output::Jsonl => data::jsonl(shaped, out),
        Output::Csv => data::csv(&SpendRow::from(&CostRow::default()), shaped, out),
        Output::Table | Output::Tree | Output::Markdown => {
            let share = |share: Option<f64>| share.map_or_else(|| "–".into(), text::percent);
            let cells: Vec<Vec<String>> = rows
                .iter()
                .map(|row| {
                    let bound = if row.is_at_least() {
                        CostBasis::LowerBound
                    } else {
                        CostBasis::Computed
                    };
                    vec![
                        row.key.clone().unwrap_or_else(|| "(not logged)".into()),
                        text::money(row.cost, bound),
                        share(row.share),
                        share(row.cumulative_share),
                        row.interactions.to_string(),
                        row.calls.to_string(),
                        text::tokens(row.usage.total()),
                        row.p50_cost
                            .map_or_else(|| "–".into(), |cost| text::money(Some(cost), CostBasis::Computed)),
                        row.mean_cost
                            .map_or_else(|| "–".into(), |cost| text::money(Some(cost), CostBasis::Computed)),
                        share(row.cache_hit_ratio),
                        saved(row),
                        row.per_hour
                            .map_or_else(|| "–".into(), |cost| text::money(Some(cost), CostBasis::Computed)),
                        row.anomalies.map_or_else(|| "–".into(), |count| count.to_string()),
                        row.rising
                            .map_or_else(|| "–".into(), |rising| if rising { "yes" } else { "no" }.into()),
                        row.unpriced_calls.to_string(),
                    ]
                })
                .collect();
            let headers = [
                by.name(),
                "cost",
                "share",
                "so far",
                "interactions",
                "calls",
                "tokens",
                "p50",
                "mean",
                "cached",
                "saved",
                "an hour",
                "anomalies",
                "rising",
                "unpriced",
            ];
            grid(&headers, &cells, Some(0), look, out)
        }
    }
}

/// `prompts`.
pub fn prompts(rows: &[PromptRow], output: Output, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let shaped = rows.iter().map(SystemPromptRow::from);
    match output {
        Output::Json => data::json(shaped, out),
        Output::Jsonl => data::jsonl(shaped, out),
        Output::Csv => data::csv(&SystemPromptRow::from(&PromptRow::default()), shaped, out),
        Output::Table | Output::Tree | Output::Markdown => {
            let cells: Vec<Vec<String>> = rows
                .iter()
                .map(|row| {
                    vec![
                        row.id.clone(),
                        look.time(row.first),
                        look.time(row.last),
                        row.features.join(", "),
                        row.interactions.to_string(),
                        row.calls.to_string(),
                        text::money(row.cost, CostBasis::Computed),
                        row.with_finding.to_string(),
                        row.text.clone(),
                    ]
                })
                .collect();
            let headers = [
                "prompt",
                "first",
                "last",
                "features",
                "interactions",
                "calls",
                "cost",
                "findings",
                "system prompt",
            ];
            grid(&headers, &cells, Some(8), look, out)
        }
    }
}

/// What the cache saved, marked where some of it is not known.
fn saved(row: &CostRow) -> String {
    let Some(saved) = row.saved else {
        return if row.saved_unknown { "unknown".into() } else { "–".into() };
    };
    let known = text::money(Some(saved), CostBasis::Computed);
    if row.saved_unknown { format!("≈{known}") } else { known }
}

/// `stats`: what is in the store, and what the readers say of their sources. CSV has a row per source.
pub fn stats(
    stats: &Stats,
    progress: &[SourceProgress],
    seconds: f64,
    output: Output,
    look: &Look,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let sources = sources(&stats.sources, progress);
    // Counts by name have no fixed number of columns.
    let text = |counts: &_| serde_json::to_string(counts).unwrap_or_default();
    match output {
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, &StatsRow::new(stats, &sources, seconds))?;
            out.write_all(b"\n")
        }
        Output::Jsonl => data::jsonl([StatsRow::new(stats, &sources, seconds)], out),
        Output::Csv => data::csv(
            &SourceRow::new(&Standing::default(), text),
            sources.iter().map(|source| SourceRow::new(source, text)),
            out,
        ),
        Output::Table | Output::Tree | Output::Markdown => {
            source_table(stats, &sources, look, out)?;
            writeln!(
                out,
                "\n{} spans in {} interactions, read in {seconds:.2} s",
                stats.spans, stats.interactions
            )
        }
    }
}

/// Lines by source, by dialect, by reason of rejection, and what could not be read.
fn source_table(stats: &Stats, sources: &[Standing], look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let counts = |name: String, bytes: u64, read: String, tally: &Tally| {
        let mut row = vec![name, text::bytes(bytes), read];
        row.extend([tally.lines, tally.span, tally.other, tally.rejected, tally.blank].map(|n| n.to_string()));
        row.push(tally.dialects.keys().cloned().collect::<Vec<_>>().join(", "));
        row
    };
    let mut cells: Vec<Vec<String>> = sources
        .iter()
        .map(|source| {
            let name = if source.generations > 1 {
                format!("{} ×{}", source.uri, source.generations)
            } else {
                source.uri.clone()
            };
            let read = source.coverage().map_or_else(
                || "–".to_owned(),
                |(read, whole)| format!("{}%", u128::from(read) * 100 / u128::from(whole)),
            );
            counts(name, source.bytes, read, &source.tally)
        })
        .collect();
    if cells.len() != 1 {
        cells.push(counts("all".into(), stats.bytes, String::new(), &stats.tally));
    }
    let headers = ["source", "bytes", "read", "lines", "span", "other", "rejected", "blank", "dialects"];
    grid(&headers, &cells, Some(0), look, out)?;
    let by_name = |title: &str, cells: Vec<Vec<String>>, out: &mut dyn io::Write| {
        if cells.is_empty() {
            return Ok(());
        }
        out.write_all(b"\n")?;
        grid(&[title, "lines", "source"], &cells, Some(2), look, out)
    };
    for (title, named) in [
        ("dialect", (|tally| &tally.dialects) as fn(&Tally) -> &BTreeMap<String, u64>),
        ("rejected because", |tally| &tally.rejects),
    ] {
        let cells = sources
            .iter()
            .flat_map(|source| {
                named(&source.tally)
                    .iter()
                    .map(|(name, lines)| vec![name.clone(), lines.to_string(), source.uri.clone()])
            })
            .collect();
        by_name(title, cells, out)?;
    }
    let errors: Vec<Vec<String>> = sources
        .iter()
        .filter_map(|source| Some(vec![source.uri.clone(), source.problem.clone()?]))
        .collect();
    if !errors.is_empty() {
        out.write_all(b"\n")?;
        grid(&["source", "cannot be read"], &errors, Some(1), look, out)?;
    }
    Ok(())
}

/// `prices`: USD per million tokens.
pub fn prices<'a>(prices: impl Iterator<Item = &'a Price>, output: Output, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    match output {
        Output::Json => data::json(prices.map(PriceRow::from), out),
        Output::Jsonl => data::jsonl(prices.map(PriceRow::from), out),
        Output::Csv => {
            let mut rows = prices.peekable();
            let Some(example) = rows.peek().copied() else { return Ok(()) };
            data::csv(&PriceRow::from(example), rows.map(PriceRow::from), out)
        }
        Output::Table | Output::Tree | Output::Markdown => {
            let cells: Vec<Vec<String>> = prices
                .map(|price| {
                    let rate = |rate: Option<crate::pricing::UsdPerMillion>| rate.map_or_else(|| "–".into(), |rate| rate.to_string());
                    let rates = &price.standard.rates;
                    vec![
                        price.model.clone(),
                        price.provider.clone(),
                        rates.input.to_string(),
                        rates.output.to_string(),
                        rate(rates.cache_read),
                        rate(rates.cache_write),
                        text::tokens(price.context_window),
                        price.valid_from.map_or_else(|| "–".into(), |day| day.to_string()),
                        price.source.clone(),
                    ]
                })
                .collect();
            let headers = [
                "model",
                "provider",
                "input",
                "output",
                "cache read",
                "cache write",
                "context",
                "from",
                "source",
            ];
            grid(&headers, &cells, Some(8), look, out)
        }
    }
}

/// Any table of words (`formats`, `keys`, `config`). As data an empty cell is `null`, and keys are the headers.
pub fn table(headers: &[&str], rows: &[Vec<String>], output: Output, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let object = |row: &Vec<String>| {
        let members: Vec<String> = headers
            .iter()
            .zip(row)
            .map(|(header, cell)| {
                let value = if cell.is_empty() {
                    "null".into()
                } else {
                    Json::string(cell).as_str().to_owned()
                };
                format!("{}:{value}", Json::string(header).as_str())
            })
            .collect();
        Json::trusted(format!("{{{}}}", members.join(",")))
    };
    match output {
        Output::Json => data::json(rows.iter().map(object), out),
        Output::Jsonl => data::jsonl(rows.iter().map(object), out),
        Output::Csv => {
            data::csv_line(headers.iter().copied(), out)?;
            rows.iter().try_for_each(|row| data::csv_line(row.iter().map(String::as_str), out))
        }
        Output::Table | Output::Tree | Output::Markdown => grid(headers, rows, headers.len().checked_sub(1), look, out),
    }
}

/// A cell wider than this is cut even where the line has room, unless it stands in the elastic column.
const WIDEST: usize = 28;

/// Columns for the eye: as wide as their widest cell; the elastic one takes what is left of the width, and figures stand right.
pub(super) fn grid(headers: &[&str], rows: &[Vec<String>], elastic: Option<usize>, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let safe: Vec<Vec<Safe>> = rows.iter().map(|row| row.iter().map(|cell| Safe::line(cell)).collect()).collect();
    let mut widths: Vec<usize> = headers.iter().map(|header| text::width(header)).collect();
    for row in &safe {
        for (i, cell) in row.iter().enumerate().take(widths.len()) {
            let wide = cell.width();
            let most = if elastic == Some(i) || look.width == usize::MAX {
                wide
            } else {
                wide.min(WIDEST)
            };
            widths[i] = widths[i].max(most);
        }
    }
    if let Some(i) = elastic.filter(|_| look.width != usize::MAX) {
        let others: usize = widths.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, width)| width + 2).sum();
        let least = text::width(headers[i]).min(widths[i]);
        widths[i] = widths[i].min(look.width.saturating_sub(others)).max(least);
    }
    let right: Vec<bool> = (0..headers.len()).map(|i| Some(i) != elastic && is_figures(&safe, i)).collect();
    let line = |cells: &[Safe]| {
        let mut text = String::new();
        for (i, cell) in cells.iter().enumerate().take(widths.len()) {
            let cell = cell.cut(widths[i]);
            let gap = " ".repeat(widths[i].saturating_sub(cell.width()));
            let (before, after) = if right[i] { (gap.as_str(), "") } else { ("", gap.as_str()) };
            text = format!("{text}{}{before}{}{after}", if i == 0 { "" } else { "  " }, cell.as_str());
        }
        text::cut(text.trim_end(), look.width)
    };
    let head = line(&headers.iter().map(|header| Safe::line(header)).collect::<Vec<_>>());
    if look.color {
        writeln!(out, "\x1b[1m{head}\x1b[0m")?;
    } else {
        writeln!(out, "{head}")?;
    }
    safe.iter().try_for_each(|row| writeln!(out, "{}", line(row)))
}

/// A column of figures: every cell begins like one, and one of them at least is no dash.
fn is_figures(rows: &[Vec<Safe>], column: usize) -> bool {
    let cells = || {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(Safe::as_str)
            .filter(|cell| !matches!(*cell, "" | "–" | "unknown"))
    };
    let figure = |cell: &str| {
        let digits = cell.trim_start_matches(['≥', '$', '-']);
        digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.contains([':', '/', '_']) && !digits.contains('-')
    };
    cells().next().is_some() && cells().all(figure)
}

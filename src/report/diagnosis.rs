//! `diagnose`: the checks as lines for the eye, as JSON for scripts, as Markdown for a ticket.

use std::io;

use serde::Serialize;

use super::data::{Utc, json_document};
use super::{Look, Output};
use crate::insight::diagnose::{Diagnosis, Mark, Place};
use crate::model::span::SpanKey;
use crate::model::text::{self, Safe};
use crate::model::trace::Trace;
use crate::model::usage::Cost;

#[derive(Serialize)]
struct DiagnosisRow<'a> {
    trace_id: &'a str,
    start: Utc,
    feature: Option<&'a str>,
    user: Option<&'a str>,
    session: Option<&'a str>,
    cost_usd: Option<Cost>,
    cost_basis: &'static str,
    question: Option<&'a str>,
    answer: Option<&'a str>,
    verdict: &'a str,
    also: &'a [String],
    evidence: Option<Evidence<'a>>,
    last_good: Option<&'a str>,
    checks: Vec<CheckRow<'a>>,
}

#[derive(Serialize)]
struct CheckRow<'a> {
    step: &'static str,
    mark: &'static str,
    says: &'a str,
    evidence: Option<Evidence<'a>>,
}

#[derive(Serialize)]
struct Evidence<'a> {
    span_id: &'a str,
    r#in: &'static str,
}

/// Writes a diagnosis of this trace.
pub fn diagnosis(told: &Diagnosis, trace: &Trace, output: Output, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    match output {
        Output::Markdown => out.write_all(told.markdown().as_bytes()),
        Output::Json | Output::Jsonl | Output::Csv => data(told, trace, out),
        Output::Table | Output::Tree => table(told, look, out),
    }
}

fn data(told: &Diagnosis, trace: &Trace, out: &mut dyn io::Write) -> io::Result<()> {
    let evidence = |at: Option<(SpanKey, Place)>| {
        let (key, place) = at?;
        let span = trace.spans.iter().find(|span| span.key == key)?;
        Some(Evidence {
            span_id: &span.part.span_id,
            r#in: place.name(),
        })
    };
    let row = &told.row;
    let shaped = DiagnosisRow {
        trace_id: &row.trace_id,
        start: Utc(row.start),
        feature: row.feature.as_deref(),
        user: row.user.as_deref(),
        session: row.session.as_deref(),
        cost_usd: row.cost,
        cost_basis: row.cost_basis.name(),
        question: told.question.as_deref(),
        answer: told.answer.as_deref(),
        verdict: &told.verdict,
        also: &told.also,
        evidence: evidence(told.at),
        last_good: told.last_good.as_deref(),
        checks: told
            .checks
            .iter()
            .map(|check| CheckRow {
                step: check.step.name(),
                mark: check.mark.name(),
                says: &check.says,
                evidence: evidence(check.at),
            })
            .collect(),
    };
    json_document(&shaped, out)
}

fn table(told: &Diagnosis, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let row = &told.row;
    let strong = |words: &str| {
        if look.color {
            format!("\x1b[1m{words}\x1b[0m")
        } else {
            words.to_owned()
        }
    };
    let or = |text: &Option<String>| Safe::line(text.as_deref().unwrap_or("not logged")).as_str().to_owned();
    writeln!(
        out,
        "{}  {}  feature {}  user {}  session {}  {}",
        Safe::line(&row.trace_id),
        look.time(row.start),
        or(&row.feature),
        or(&row.user),
        or(&row.session),
        text::money(row.cost, row.cost_basis)
    )?;
    writeln!(out, "asked     {}", or(&told.question))?;
    writeln!(out, "answered  {}\n", or(&told.answer))?;
    writeln!(out, "{}", strong(Safe::line(&told.verdict).as_str()))?;
    for words in &told.also {
        writeln!(out, "  also suspect: {}", Safe::line(words))?;
    }
    writeln!(out)?;
    let mut last = None;
    for check in &told.checks {
        let title = if last == Some(check.step) { "" } else { check.step.title() };
        last = Some(check.step);
        let line = format!("{} {title:<14} {}", check.mark.sign(), Safe::line(&check.says));
        let line = if look.color && check.mark == Mark::Suspect {
            format!("\x1b[33m{line}\x1b[0m")
        } else {
            line
        };
        writeln!(out, "{line}")?;
    }
    if let Some(good) = &told.last_good {
        writeln!(out, "\nthe last good one to compare with: {}", Safe::line(good))?;
    }
    Ok(())
}

//! One interaction as Markdown for a ticket: the facts, the tree, and of every model call its prompt and its answer.
//!
//! What a log holds stands in fences longer than any it contains, so that it can neither end them nor become markup.

use std::collections::HashMap;
use std::io;

use super::data::Utc;
use super::tree;
use crate::model::content::Contents;
use crate::model::span::{SpanKey, SpanKind};
use crate::model::text::{self, Safe};
use crate::model::trace::Trace;
use crate::replay::{prompt_text, response_text};

/// Writes the page.
pub fn write(trace: &Trace, contents: &HashMap<SpanKey, &Contents>, out: &mut dyn io::Write) -> io::Result<()> {
    let row = &trace.row;
    writeln!(out, "# Interaction {}\n", code(&row.trace_id))?;
    let started = serde_json::to_value(Utc(row.start))?;
    let facts = [
        ("started", started.as_str()),
        ("feature", row.feature.as_deref()),
        ("user", row.user.as_deref()),
        ("session", row.session.as_deref()),
        ("service", row.service.as_deref()),
        ("status", Some(row.status.name())),
    ];
    for (name, value) in facts {
        writeln!(out, "- {name}: {}", value.map_or_else(|| "not logged".into(), code))?;
    }
    let findings: Vec<&str> = row.findings.iter().map(super::super::model::trace::FindingKind::name).collect();
    if !findings.is_empty() {
        writeln!(out, "- findings: {}", findings.join(", "))?;
    }
    let mut picture = Vec::new();
    tree::write(trace, contents, &mut picture)?;
    writeln!(out, "\n## Steps\n")?;
    fence(&String::from_utf8_lossy(&picture), out)?;
    for span in trace.spans.iter().filter(|span| span.part.kind == SpanKind::Llm && !span.missing) {
        let title = span.turn.map_or_else(|| code(&span.part.name), |turn| format!("turn {turn}"));
        writeln!(out, "\n## LLM call {title}\n")?;
        if let Some(params) = &span.part.params {
            writeln!(out, "Parameters:\n")?;
            fence(params.as_str(), out)?;
            writeln!(out)?;
        }
        let known = contents.get(&span.key).copied();
        for (name, body) in [("Prompt", known.map(prompt_text)), ("Answer", known.map(response_text))] {
            match body.filter(|body| !body.is_empty()) {
                Some(body) => {
                    writeln!(out, "{name}:\n")?;
                    fence(&body, out)?;
                }
                None => writeln!(out, "{name}: not logged")?,
            }
            if name == "Prompt" {
                writeln!(out)?;
            }
        }
    }
    Ok(())
}

/// A block that its content cannot leave.
fn fence(body: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let fence = "`".repeat(longest_run(body).max(2) + 1);
    writeln!(out, "{fence}text")?;
    for line in text::lines(body) {
        writeln!(out, "{}", Safe::line(line).as_str())?;
    }
    writeln!(out, "{fence}")
}

/// A short text that its content cannot leave.
fn code(body: &str) -> String {
    let safe = Safe::line(body);
    let ticks = "`".repeat(longest_run(safe.as_str()) + 1);
    let gap = if safe.as_str().is_empty() || safe.as_str().starts_with('`') || safe.as_str().ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{gap}{}{gap}{ticks}", safe.as_str())
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

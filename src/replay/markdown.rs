//! One interaction as Markdown for a ticket: the facts, the tree, and of every step what went in and what came out: prompts and answers,
//! arguments and results, retrieved documents.
//!
//! What a log holds stands in fences longer than any it contains, so that it can neither end them nor become markup.

use std::collections::BTreeMap;
use std::io;

use super::{prompt_text, response_text, tree};
use crate::model::content::Contents;
use crate::model::span::{SpanKey, SpanKind};
use crate::model::text::{code, fence as fenced};
use crate::model::trace::{FindingKind, Span, Trace};

/// Writes the page.
pub fn markdown(trace: &Trace, contents: &BTreeMap<SpanKey, &Contents>, out: &mut dyn io::Write) -> io::Result<()> {
    let row = &trace.row;
    writeln!(out, "# Interaction {}\n", code(&row.trace_id))?;
    let started = jiff::Timestamp::from_nanosecond(i128::from(row.start)).map_or_else(|_| row.start.to_string(), |at| at.to_string());
    let facts = [
        ("started", Some(started.as_str())),
        ("feature", row.feature.as_deref()),
        ("user", row.user.as_deref()),
        ("session", row.session.as_deref()),
        ("service", row.service.as_deref()),
        ("status", Some(row.status.name())),
    ];
    for (name, value) in facts {
        writeln!(out, "- {name}: {}", value.map_or_else(|| "not logged".into(), code))?;
    }
    let findings: Vec<&str> = row.findings.iter().map(FindingKind::name).collect();
    if !findings.is_empty() {
        writeln!(out, "- findings: {}", findings.join(", "))?;
    }
    let mut picture = Vec::new();
    tree::tree(trace, contents, &mut picture)?;
    writeln!(out, "\n## Steps\n")?;
    fence(&String::from_utf8_lossy(&picture), out)?;
    let nothing = Contents::default();
    for span in trace.spans.iter().filter(|span| !span.missing) {
        step(span, contents.get(&span.key).copied().unwrap_or(&nothing), out)?;
    }
    Ok(())
}

/// One step: what went in and what came out. A step that holds neither stands in the tree alone.
fn step(span: &Span, contents: &Contents, out: &mut dyn io::Write) -> io::Result<()> {
    let part = &span.part;
    let (call, tool) = (part.kind == SpanKind::Llm, part.kind == SpanKind::Tool);
    if !call && !tool && part.documents.is_none() && *contents == Contents::default() {
        return Ok(());
    }
    let name = tree::name(span);
    let title = match span.turn {
        Some(turn) if call => format!(" turn {turn}"),
        _ if name.is_empty() => String::new(),
        _ => format!(" {}", code(name)),
    };
    writeln!(out, "\n## {}{title}", tree::kind_words(part.kind))?;
    if let Some(error) = &part.error {
        writeln!(out, "\nFailed: {}", code(error))?;
    }
    // What such a step should have is told even where it was not logged.
    let sections = [
        ("Parameters", part.params.as_ref().map(|params| params.as_str().to_owned()), false),
        ("Arguments", contents.arguments.as_ref().map(|payload| payload.body.clone()), tool),
        ("Prompt", Some(prompt_text(contents)), call),
        ("Answer", Some(response_text(contents)), call),
        ("Result", contents.result.as_ref().map(|payload| payload.body.clone()), tool),
    ];
    for (name, body, expected) in sections {
        match body.filter(|body| !body.is_empty()) {
            Some(body) => {
                writeln!(out, "\n{name}:\n")?;
                fence(&body, out)?;
            }
            None if expected => writeln!(out, "\n{name}: not logged")?,
            None => {}
        }
    }
    if let Some(count) = part.documents.filter(|_| contents.documents.is_empty()) {
        writeln!(out, "\nDocuments: {count}, their text was not logged as such")?;
    }
    for (rank, document) in contents.documents.iter().enumerate() {
        let id = document.id.as_deref().map(|id| format!(" {}", code(id))).unwrap_or_default();
        let score = document
            .score
            .as_ref()
            .map(|score| format!(", score {}", code(score.as_str())))
            .unwrap_or_default();
        writeln!(out, "\nDocument {}{id}{score}:\n", rank + 1)?;
        match &document.content {
            Some(body) => fence(body, out)?,
            None => writeln!(out, "its text was not logged")?,
        }
        if let Some(metadata) = &document.metadata {
            writeln!(out, "\nMetadata: {}", code(metadata.as_str()))?;
        }
    }
    Ok(())
}

/// A block that its content cannot leave.
fn fence(body: &str, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(fenced(body).as_bytes())
}

//! The tree of one interaction, a step a bracket: what was asked, what ran, what it took.
//!
//! ```text
//! [User request - trace_id: abc123]
//!   [LLM call - turn 1]
//!     input_tokens: 850
//! ```
//! A call that asked for tools shows them in place of its output tokens. Values are cut to a line; the whole of them is in `-o json`.

use std::collections::BTreeMap;
use std::io;

use super::fields;
use crate::model::content::Contents;
use crate::model::json::Json;
use crate::model::span::{Nanos, SpanKey, SpanKind, Status};
use crate::model::text::{self, Safe};
use crate::model::trace::{FindingKind, Interaction, Span, Trace};
use crate::model::usage::CostBasis;

/// A value is cut to so many columns.
const WIDEST_VALUE: usize = 200;
/// Deeper steps are not indented further.
const DEEPEST_INDENT: usize = 40;

/// Writes the tree.
pub fn tree(trace: &Trace, contents: &BTreeMap<SpanKey, &Contents>, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "[User request - trace_id: {}]", Safe::line(&trace.row.trace_id).as_str())?;
    // A single root that is the request is the first line itself.
    let roots = trace.spans.iter().filter(|span| span.depth == 0).count();
    let headed = roots == 1
        && trace
            .spans
            .first()
            .is_some_and(|span| span.part.kind == SpanKind::Request && !span.missing);
    for (i, span) in trace.spans.iter().enumerate() {
        let depth = usize::from(span.depth) + usize::from(!headed);
        let margin = "  ".repeat(depth.min(DEEPEST_INDENT));
        if !(headed && i == 0) {
            writeln!(out, "{margin}[{}]", title(span))?;
        }
        for line in details(span, trace, contents.get(&span.key).copied()) {
            writeln!(out, "{margin}  {}", text::cut(Safe::line(&line).as_str(), WIDEST_VALUE))?;
        }
    }
    for line in total(trace) {
        writeln!(out, "[{}]", Safe::line(&line).as_str())?;
    }
    Ok(())
}

fn title(span: &Span) -> String {
    let part = &span.part;
    if span.missing {
        return Safe::line(&format!("Missing parent: {}", part.span_id)).as_str().to_owned();
    }
    let (kind, name) = (kind_words(part.kind), name(span));
    let title = match (part.kind, span.turn) {
        (SpanKind::Llm, Some(turn)) => format!("{kind} - turn {turn}"),
        _ if name.is_empty() => kind.to_owned(),
        _ => format!("{kind}: {name}"),
    };
    let repeats = if span.rolled_up {
        " (repeats the usage below, not counted)"
    } else {
        ""
    };
    format!("{}{repeats}", text::cut(Safe::line(&title).as_str(), WIDEST_VALUE))
}

/// What a kind of step is called.
pub fn kind_words(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Llm => "LLM call",
        SpanKind::Tool => "Tool",
        SpanKind::Retrieval => "Retrieval",
        SpanKind::Embedding => "Embedding",
        SpanKind::Rerank => "Rerank",
        SpanKind::Agent => "Agent",
        SpanKind::Chain => "Chain",
        SpanKind::Guardrail => "Guardrail",
        SpanKind::Evaluator => "Evaluator",
        SpanKind::Request => "Request",
        SpanKind::Other => "Step",
    }
}

/// A tool's own name, else what the application calls the step; empty when neither was logged.
pub fn name(span: &Span) -> &str {
    let part = &span.part;
    part.tool_name
        .as_deref()
        .filter(|_| part.kind == SpanKind::Tool)
        .unwrap_or(&part.name)
}

fn details(span: &Span, trace: &Trace, contents: Option<&Contents>) -> Vec<String> {
    let part = &span.part;
    let mut lines = Vec::new();
    if let Some(arguments) = contents.and_then(|contents| contents.arguments.as_ref()) {
        let value = arguments.json();
        match fields(&value) {
            Some(members) => lines.extend(members.iter().map(|(key, value)| format!("{key}: {}", value.as_str()))),
            None => lines.push(format!("arguments: {}", value.as_str())),
        }
    }
    if let Some(input) = part.usage.total_input() {
        lines.push(format!("input_tokens: {input}{}", grew(span, input, trace)));
    }
    for (name, count) in [
        ("cache_read_tokens", part.usage.cache_read),
        ("cache_write_tokens", part.usage.total_cache_write()),
    ] {
        if let Some(count) = count.filter(|count| *count > 0) {
            lines.push(format!("{name}: {count}"));
        }
    }
    if !part.tool_calls.is_empty() {
        let names: Vec<Json> = part.tool_calls.iter().map(|name| Json::string(name)).collect();
        lines.push(format!(
            "tool_calls: [{}]",
            names.iter().map(Json::as_str).collect::<Vec<_>>().join(", ")
        ));
    } else if let Some(output) = part.usage.output {
        lines.push(format!("output_tokens: {output}"));
    }
    if let Some(reason) = &part.stop_reason {
        lines.push(format!("stop_reason: {}", Json::string(reason).as_str()));
    }
    if let Some(count) = part.documents {
        lines.push(format!("results: {count} document{}", text::plural(u64::from(count))));
    } else if let Some(result) = contents.and_then(|contents| contents.result.as_ref()) {
        lines.push(format!("result: {}", result.json().as_str()));
    }
    if part.kind != SpanKind::Llm
        && part.kind != SpanKind::Request
        && let Some(end) = part.end
    {
        lines.push(format!("latency_ms: {}", latency(end.saturating_sub(part.start))));
    }
    match (&part.error, part.status) {
        (Some(error), _) => lines.push(format!("error: {}", Json::string(error).as_str())),
        (None, Status::Error) => lines.push("status: error".into()),
        (None, Status::Ok | Status::Unset) => {}
    }
    for finding in &span.findings {
        // The error's own line says it already.
        if !matches!(finding.kind, FindingKind::Error | FindingKind::ToolError) {
            lines.push(format!("finding: {}: {}", finding.kind, finding.evidence));
        }
    }
    lines
}

/// Whole milliseconds, and what is shorter exactly.
fn latency(nanos: Nanos) -> String {
    if nanos.unsigned_abs() < 1_000_000 {
        text::millis(nanos)
    } else {
        rounded(nanos)
    }
}

fn rounded(nanos: Nanos) -> String {
    ((i128::from(nanos) + 500_000).div_euclid(1_000_000)).to_string()
}

/// Why the input is larger than that of the call before.
fn grew(span: &Span, input: u64, trace: &Trace) -> &'static str {
    if span.previous_input.is_none_or(|before| input <= before) {
        return "";
    }
    let before = span
        .turn
        .and_then(|turn| trace.spans.iter().find(|other| other.turn.is_some_and(|n| n + 1 == turn)));
    let tool_ran = before.is_some_and(|before| {
        let between = before.part.start..=span.part.start;
        !before.part.tool_calls.is_empty()
            || trace
                .spans
                .iter()
                .any(|other| other.part.kind == SpanKind::Tool && between.contains(&other.part.start))
    });
    if tool_ran {
        " (grew because tool results were injected)"
    } else {
        " (grew)"
    }
}

/// The footer, and how far its cost can be trusted.
pub fn total(trace: &Trace) -> Vec<String> {
    let row = &trace.row;
    let cost = row.cost.map_or_else(|| "cost unknown".to_owned(), |cost| dollars(&cost.decimal()));
    let took = row
        .duration
        .map_or_else(|| "duration unknown".to_owned(), |nanos| format!("{}ms", rounded(nanos)));
    let (calls, tools) = (u64::from(row.llm_calls), u64::from(row.tool_calls));
    let mut lines = vec![format!(
        "Total: {calls} LLM call{}, {tools} tool call{}, {cost}, {took}",
        text::plural(calls),
        text::plural(tools)
    )];
    lines.extend(trust(row, trace));
    lines
}

/// The sign stands before the dollar.
fn dollars(decimal: &str) -> String {
    decimal
        .strip_prefix('-')
        .map_or_else(|| format!("${decimal}"), |positive| format!("-${positive}"))
}

fn trust(row: &Interaction, trace: &Trace) -> Option<String> {
    if row.calls == 0 && row.cost.is_none() {
        return None;
    }
    if row.cost.is_none() {
        let models = if row.models.is_empty() {
            "the model was not logged".into()
        } else {
            format!("no price for {}", row.models.join(", "))
        };
        return Some(format!("Cost is unknown: {models}, and the log has no figure"));
    }
    if row.unpriced_calls > 0 {
        return Some(format!(
            "Cost is a lower bound: {} of {} calls have no known cost",
            row.unpriced_calls, row.calls
        ));
    }
    match row.cost_basis {
        CostBasis::Computed => None,
        CostBasis::Recomputed => Some("Cost is computed from tokens: the log said 0".into()),
        CostBasis::Logged => Some("Cost is the log's own figure: it could not be computed".into()),
        CostBasis::LowerBound => {
            let bounded = || {
                trace
                    .spans
                    .iter()
                    .filter(|span| span.counted && span.cost_basis == CostBasis::LowerBound)
            };
            let mut missing = Vec::new();
            if bounded().any(|span| span.part.usage.input.is_none()) {
                missing.push("input");
            }
            if bounded().any(|span| span.part.usage.output.is_none()) {
                missing.push("output");
            }
            let missing = if missing.is_empty() {
                "cache".to_owned()
            } else {
                missing.join(" and ")
            };
            Some(format!("Cost is a lower bound: {missing} tokens were not logged"))
        }
        CostBasis::UnknownModel => Some("Cost is a lower bound: some call's model has no price".into()),
    }
}
